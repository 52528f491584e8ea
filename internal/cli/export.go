package cli

import (
	"context"
	"path/filepath"

	"github.com/spf13/cobra"

	"spaces-identity.dev/internal/artifact"
	"spaces-identity.dev/internal/config"
	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/exit"
	"spaces-identity.dev/internal/export"
	"spaces-identity.dev/internal/identity"
)

// ExportOp prints everything that the config asks for in AWS in one form.
type ExportOp struct {
	Settings  config.Flags
	Form      string
	Provider  ResourceKind // of the clusters
	Role      ResourceKind // of the components
	OutputDir string       // for the form's file; empty: standard output
}

// ResourceKind says if a form creates a part of the grant, or refers to what exists.
type ResourceKind string

// The kinds.
const (
	CreateResource   ResourceKind = "create"
	ExistingResource ResourceKind = "existing"
)

func (p *parser) exportCommand() *cobra.Command {
	op := ExportOp{Settings: p.settings}
	cmd := &cobra.Command{
		Use:   "export FORM",
		Short: "Print everything that AWS needs in the form of another tool",
		Long: `export prints everything that the config asks for in AWS in one form:
` + identity.OneOf(export.Forms()) + `.
The form ack is for AWS Controllers for Kubernetes, and aws-cli is a shell
script. A form owns the whole trust policy of each role that it creates. The
script changes nothing if it finds something in AWS that this program did not
write and would lose.

export kustomize prints the edits of manifests as patches.`,
		Example: `  spaces-identity export terraform > identity.tf
  spaces-identity export cloudformation --provider-resource existing
  spaces-identity export aws-cli > identity.sh`,
		ValidArgs: export.Forms(),
	}
	cmd.AddCommand(p.kustomizeCommand())
	kinds := []ResourceKind{CreateResource, ExistingResource}
	wordFlag(cmd, &op.Provider, "provider-resource", "", "the `KIND` of the OIDC providers: new in the form, or referred to", "kind of resource", kinds...)
	wordFlag(cmd, &op.Role, "role-resource", "", "the `KIND` of the roles: new in the form, or referred to", "kind of resource", kinds...)
	cmd.Flags().StringVar(&op.OutputDir, flagOutputDir, "", "the `DIRECTORY` for the form's file, instead of standard output")
	return parsed(p, cmd, &op, func(args []string) error {
		op.Form = args[0]
		if err := checkOutputDir(cmd, op.OutputDir); err != nil {
			return err
		}
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
	text, err := export.Render(form, state, export.Options{Components: names,
		Existing: export.Existing{Providers: op.Provider == ExistingResource, Roles: op.Role == ExistingResource}})
	if err != nil {
		return exit.Usage(err)
	}
	for _, c := range components {
		if err := env.reportTrust(state, c); err != nil {
			return err
		}
	}
	if op.OutputDir == "" {
		return env.write(text)
	}
	if err := writeFiles(op.OutputDir, export.File{Name: form.File, Content: text}); err != nil {
		return err
	}
	env.Say("wrote %s\n", filepath.Join(op.OutputDir, form.File))
	return nil
}

// writeFiles replaces files of a directory, all or none. It creates the directory if there is
// none.
func writeFiles(dir string, files ...export.File) error {
	staging, err := artifact.StageFiles(dir, files...)
	if err != nil {
		return err
	}
	defer func() { _ = staging.Discard() }() // after a Commit there is nothing to discard
	return staging.Commit()
}
