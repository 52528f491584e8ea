package cli

import (
	"context"

	"github.com/spf13/cobra"

	"spaces-identity.dev/internal/config"
	"spaces-identity.dev/internal/desired"
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
crossplane or aws-cli (a shell script). The script changes nothing if it finds
something in AWS that this program did not write and would lose.

export kustomize prints the edits of manifests as patches.`,
		Example: `  spaces-identity export terraform > identity.tf
  spaces-identity export aws-cli > identity.sh`,
		ValidArgs: export.Forms(),
	}
	cmd.AddCommand(p.kustomizeCommand())
	return parsed(p, cmd, &op, func(args []string) error {
		op.Form = args[0]
		_, err := export.Find(op.Form)
		return err
	})
}

// Run prints the roles with everything that belongs to them. Package live has the
// writers of some forms.
func (op ExportOp) Run(ctx context.Context, env *Env) error {
	form, err := export.Find(op.Form)
	if err != nil {
		return exit.Usage(err)
	}
	if form.Write == nil {
		return env.Live(ctx, env, op)
	}
	return op.Print(env, form)
}

// Print prints the roles in a form that can be written.
func (op ExportOp) Print(env *Env, form export.Form) error {
	state, err := env.State(op.Settings)
	if err != nil {
		return err
	}
	components := state.Components
	var names []string
	if name, named := op.Settings.Component(env.Getenv); named {
		c, _ := state.Component(name) // naming one adds it
		components, names = []desired.Component{c}, []string{name}
	}
	text, err := export.Render(form, state, names...)
	if err != nil {
		return exit.Usage(err)
	}
	for _, c := range components {
		if err := env.reportTrust(state, c); err != nil {
			return err
		}
	}
	return env.write(text)
}
