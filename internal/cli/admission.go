package cli

import (
	"github.com/spf13/cobra"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/export"
	"spaces-identity.dev/internal/identity"
)

func (a *app) admissionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "admission",
		Short: "Print the Kubernetes admission policies that reach control planes made later",
		Long: "admission prints a MutatingAdmissionPolicy and its binding for the ServiceAccounts of each component, and for\n" +
			"its pods where it has pod labels. They act in the control planes' namespaces: those under\n" +
			"controlPlanes.namespaces, those that match, and with controlPlanes.discover those that Spaces has labelled.\n\n" +
			"With delivery.admissionPolicy: true the post-renderer appends the same objects. They need Kubernetes 1.36,\n" +
			"where the API is stable (v1).",
		Example: "  spaces-identity policy admission --role-arn arn:aws:iam::123456789012:role/spaces-backup --match uuid | kubectl apply -f -",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			spec, err := a.admitted()
			if err != nil {
				return err
			}
			objects, err := export.AdmissionPolicies(desired.Of(spec))
			if err != nil {
				return usageError{err}
			}
			if len(objects) == 0 {
				return usagef("there is nothing for an admission policy to write: in pod-identity mode associations carry the role, and no annotation or pod label is set")
			}
			_, err = a.Out.Write(export.Stream(objects))
			return err
		},
	}
}

// admitted is the config with all of its components, or with the one that
// --component names.
func (a *app) admitted() (identity.Spec, error) {
	spec, err := a.flags.Resolve(a.Env)
	if err != nil {
		return spec, err
	}
	if name, named := a.flags.Component(a.Env); named {
		c, _ := spec.Component(name) // naming one is enough to have it
		spec.Components = []identity.Component{c}
	}
	return spec, nil
}
