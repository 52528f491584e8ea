package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"spaces-identity.dev/internal/config"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/output"
	"spaces-identity.dev/internal/postrender"
	"spaces-identity.dev/internal/rewrite"
)

// InspectOp shows what the post-renderer would do with manifests.
type InspectOp struct {
	Settings config.Flags
	Files    []string // none: standard input
	Rewrite  RewriteFlags
	Output   output.Format
}

func (p *parser) inspectCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "inspect [FILE...]",
		Short: "List the places in manifests that can carry an identity",
		Long: `inspect reads manifests from files or standard input and lists what the
post-renderer would do with them: the places that it would change, those that
are right, those that it leaves, and text that names a component at a place it
does not know. Describe such a place under "places" in the config. Several files
are one stream, and its lines are counted from the first file on.`,
		Example: `  helm template spaces CHART | spaces-identity inspect
  helm template spaces CHART | spaces-identity inspect --diff
  spaces-identity inspect rendered.yaml`,
		ValidArgsFunction: cobra.FixedCompletions(nil, cobra.ShellCompDirectiveDefault),
	}
	op := InspectOp{Settings: p.settings}
	var diff bool
	op.Rewrite.register(cmd)
	outputFlag(cmd, &op.Output, output.Table, output.JSON, output.YAML, output.Diff)
	cmd.Flags().BoolVar(&diff, "diff", false, "show the change as a unified diff, without the contents of Secrets")
	return parsed(p, cmd, &op, func(files []string) error {
		op.Files = files
		switch {
		case diff && cmd.Flags().Changed("output"):
			return errors.New("--diff is an output of its own and cannot be combined with --output")
		case diff:
			op.Output = output.Diff
		}
		return p.completeRewrite(cmd)
	})
}

// Run reads the manifests and prints the findings or the diff.
func (op InspectOp) Run(ctx context.Context, env *Env) error {
	state, err := env.State(op.Settings)
	if err != nil {
		return err
	}
	options := op.Rewrite.options()
	options.OnMissing, options.Unrecognised = rewrite.MissingWarns, true
	if options.Objects, err = postrender.AdmissionObjects(state); err != nil {
		return err
	}
	stream, err := env.readManifests(ctx, op.Files)
	if err != nil {
		return err
	}
	for _, c := range state.Components {
		if c.Role.IsZero() && c.Mode.UsesIRSA() {
			env.Note(fmt.Sprintf("the settings name no role for %s: the result shows %s instead", c.Name, exampleRole))
		}
	}
	result, err := rewrite.Run(stream, state.WithRole(exampleRole), options)
	if err != nil {
		return err
	}
	if op.Output == output.Diff { // the other formats show them
		for _, warning := range result.Warnings {
			env.Warn(warning)
		}
	}
	return env.Print(op.Output, output.InspectView{Result: result, Several: len(state.Components) > 1})
}

// readManifests returns the manifests of all files as one stream, or standard input if
// there are no files.
func (env *Env) readManifests(ctx context.Context, files []string) ([]byte, error) {
	if len(files) == 0 {
		return env.ReadInput(ctx, "manifests")
	}
	var stream []byte
	for _, file := range files {
		text, err := env.readFile(ctx, file, "manifests")
		if err != nil {
			return nil, err
		}
		if len(stream) > 0 {
			stream = append(bytes.TrimRight(stream, "\n"), "\n---\n"...)
		}
		stream = append(stream, text...)
	}
	return stream, nil
}

// exampleRole shows where a role would go if the config has none.
var exampleRole = identity.RoleARN{Partition: "aws", Account: "000000000000", Name: "ROLE"}
