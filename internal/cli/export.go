package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"spaces-identity.dev/internal/config"
	"spaces-identity.dev/internal/grant"
	"spaces-identity.dev/internal/identity"
)

// ExportOp prints everything that the config asks for in AWS in one form.
type ExportOp struct {
	Settings config.Flags
	Form     string
}

// exportForms are the forms of the AWS half.
var exportForms = []string{"terraform", "crossplane", "aws-cli"}

func (p *parser) exportCommand() *cobra.Command {
	op := ExportOp{Settings: p.settings}
	cmd := &cobra.Command{
		Use:   "export FORM",
		Short: "Print everything that AWS needs in the form of another tool",
		Long: `export prints everything that the config asks for in AWS in one form: terraform,
crossplane or aws-cli (a shell script). It is about all components, or about the
one that --component names.`,
		Example: `  spaces-identity export terraform > identity.tf
  spaces-identity export aws-cli --component vector | sh`,
		Args:      cobra.ExactArgs(1),
		ValidArgs: exportForms,
	}
	return parsed(p, cmd, &op, func(args []string) error {
		if op.Form = args[0]; !slices.Contains(exportForms, op.Form) {
			return fmt.Errorf("there is no form %q: choose %s", op.Form, strings.Join(exportForms, ", "))
		}
		return nil
	})
}

// Run prints the parts of all components.
func (op ExportOp) Run(_ context.Context, env *Env) error {
	spec, err := env.namedComponents(op.Settings)
	if err != nil {
		return err
	}
	if err := requireExport(spec); err != nil {
		return err
	}
	var all bytes.Buffer
	for _, c := range spec.Components {
		for _, part := range partsOf(c) {
			text, err := env.renderPart(part, op.Form, spec, c)
			if err != nil {
				return fmt.Errorf("component %s: %w", c.Name, err)
			}
			if all.Len() > 0 {
				all.WriteString(op.separator())
			}
			all.Write(text)
		}
	}
	return env.write(all.Bytes())
}

func (op ExportOp) separator() string {
	if op.Form == "crossplane" {
		return "---\n"
	}
	return "\n"
}

// partsOf returns the parts that a component asks for.
func partsOf(c identity.Component) []grant.Part {
	parts := []grant.Part{grant.Trust}
	if c.Bucket != "" {
		parts = append(parts, grant.Permissions)
	}
	if c.Mode.UsesPodIdentity() {
		parts = append(parts, grant.Associations)
	}
	return parts
}

func requireExport(spec identity.Spec) error {
	if len(spec.Components) == 0 {
		return spec.Require(identity.DefaultComponent, identity.NeedRole)
	}
	return errors.Join(requireTrust(spec))
}
