package cli

import (
	"github.com/spf13/cobra"

	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
)

func (a *app) policyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "policy",
		Short: "Print one of the documents that give the role its rights",
		Args:  noCommand,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		a.documentCommand("trust", "Print the role's trust policy", trustDocument),
		a.documentCommand("permissions", "Print what the role may do with the bucket", permissionsDocument),
		a.documentCommand("associations", "Print the EKS Pod Identity associations", associationsDocument),
	)
	return cmd
}

// document makes the text of a document for one component.
type document func(identity.Spec, identity.Component) ([]byte, error)

func (a *app) documentCommand(name, short string, make document) *cobra.Command {
	return &cobra.Command{
		Use:   name,
		Short: short,
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			spec, c, err := a.component()
			if err != nil {
				return err
			}
			text, err := make(spec, c)
			if err != nil {
				return usageError{err}
			}
			_, err = a.Out.Write(text)
			return err
		},
	}
}

// component is the config with the component the command speaks of: the one that
// --component names, the default one, or the only one.
func (a *app) component() (identity.Spec, identity.Component, error) {
	spec, err := a.flags.Resolve(a.Env)
	if err != nil {
		return spec, identity.Component{}, err
	}
	name, named := a.flags.Component(a.Env)
	if c, ok := spec.Component(name); ok {
		return spec, c, nil
	}
	if !named && len(spec.Components) == 1 {
		return spec, spec.Components[0], nil
	}
	return spec, identity.Component{}, usagef("the config has no component %s; name one of its own with --component", name)
}

func trustDocument(spec identity.Spec, c identity.Component) ([]byte, error) {
	needs := []identity.Need{identity.NeedRole}
	if c.Mode.UsesIRSA() {
		needs = append(needs, identity.NeedOIDCProvider)
	}
	if c.Mode.UsesPodIdentity() {
		needs = append(needs, identity.NeedClusterName, identity.NeedRegion)
	}
	if err := spec.Require(c.Name, needs...); err != nil {
		return nil, err
	}
	doc, err := iam.Trust(spec, c, configuredSubjects(spec))
	return doc.JSON(), err
}

func configuredSubjects(spec identity.Spec) iam.Subjects {
	return iam.Subjects{Namespaces: spec.ControlPlanes.Namespaces, Match: spec.ControlPlanes.Match}
}

func permissionsDocument(spec identity.Spec, c identity.Component) ([]byte, error) {
	if err := spec.Require(c.Name, identity.NeedRole, identity.NeedBucket); err != nil {
		return nil, err
	}
	doc, err := iam.Permissions(c)
	return doc.JSON(), err
}

func associationsDocument(spec identity.Spec, c identity.Component) ([]byte, error) {
	if err := spec.Require(c.Name, identity.NeedRole, identity.NeedClusterName); err != nil {
		return nil, err
	}
	list, err := iam.Associations(spec, c, spec.ControlPlanes.Namespaces)
	return iam.AssociationsJSON(list), err
}
