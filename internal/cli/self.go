package cli

import (
	"errors"

	"github.com/spf13/cobra"

	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
)

func (a *app) selfCommand() *cobra.Command {
	var readOnly bool
	cmd := &cobra.Command{
		Use:   "self",
		Short: "Print what this program itself needs in AWS for plan and apply",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			spec, err := a.flags.Resolve(a.Env)
			if err != nil {
				return err
			}
			if err := requireSelf(spec); err != nil {
				return err
			}
			doc, err := iam.Self(spec, readOnly)
			if err != nil {
				return usageError{err}
			}
			_, err = a.Out.Write(doc.JSON())
			return err
		},
	}
	cmd.Flags().BoolVar(&readOnly, "read-only", false, "only what plan needs")
	return cmd
}

func requireSelf(spec identity.Spec) error {
	var problems []error
	for _, c := range spec.Components {
		problems = append(problems, spec.Require(c.Name, c.TrustNeeds()...))
	}
	return errors.Join(problems...)
}
