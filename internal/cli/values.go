package cli

import (
	"context"

	"github.com/spf13/cobra"

	"spaces-identity.dev/internal/config"
	"spaces-identity.dev/internal/export"
	"spaces-identity.dev/internal/output"
)

// ValuesOp prints the settings as values for the Spaces chart.
type ValuesOp struct {
	Settings config.Flags
	Output   output.Format
}

func (p *parser) valuesCommand() *cobra.Command {
	op := ValuesOp{Settings: p.settings}
	cmd := &cobra.Command{
		Use:   "values",
		Short: "Print the same settings as Helm values for the Spaces chart",
		Long: `values prints a values file that gives the components their identity through the
chart's own values, for those who use no post-renderer.`,
		Example: "  spaces-identity values > identity-values.yaml",
	}
	outputFlag(cmd, &op.Output, output.YAML, output.JSON)
	return parsed(p, cmd, &op, nil)
}

// Run prints the values.
func (op ValuesOp) Run(_ context.Context, env *Env) error {
	state, err := env.State(op.Settings)
	if err != nil {
		return err
	}
	text, err := export.Values(state)
	if err != nil {
		return err
	}
	return env.Document(op.Output, text)
}
