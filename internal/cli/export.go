package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"spaces-identity.dev/internal/config"
	"spaces-identity.dev/internal/exit"
	"spaces-identity.dev/internal/export"
)

// ExportOp prints everything that the config asks for in AWS in one form.
type ExportOp struct {
	Settings config.Flags
	Form     string
}

func (p *parser) exportCommand() *cobra.Command {
	op := ExportOp{Settings: p.settings}
	cmd := &cobra.Command{
		Use:   "export FORM",
		Short: "Print everything that AWS needs in the form of another tool",
		Long: `export prints everything that the config asks for in AWS in one form: terraform,
crossplane or aws-cli (a shell script).`,
		Example: `  spaces-identity export terraform > identity.tf
  spaces-identity export aws-cli > identity.sh`,
		Args:      cobra.ExactArgs(1),
		ValidArgs: export.Forms(),
	}
	return parsed(p, cmd, &op, func(args []string) error {
		if op.Form = args[0]; !slices.Contains(export.Forms(), op.Form) {
			return fmt.Errorf("unknown form %q: use one of %s", op.Form, strings.Join(export.Forms(), ", "))
		}
		return nil
	})
}

// Run prints the roles with everything that belongs to them.
func (op ExportOp) Run(_ context.Context, env *Env) error {
	state, err := env.State(op.Settings)
	if err != nil {
		return err
	}
	text, err := export.Render(op.Form, state)
	if err != nil {
		return exit.Usage(err)
	}
	for _, c := range state.Components {
		if err := env.reportTrust(state, c); err != nil {
			return err
		}
	}
	return env.write(text)
}
