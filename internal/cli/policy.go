package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"spaces-identity.dev/internal/grant"
	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
)

func (a *app) policyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "policy",
		Short: "Print one of the documents that give the role its rights",
		Args:  noCommand,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return usagef("say which document: policy %s", strings.Join(names(cmd), ", "))
		},
	}
	cmd.AddCommand(
		a.grantCommand(grant.Trust, "Print the role's trust policy; its length and its reach go to standard error"),
		a.grantCommand(grant.Permissions, "Print what the role may do with the bucket"),
		a.grantCommand(grant.Associations, "Print the EKS Pod Identity associations"),
		a.selfCommand(),
		a.admissionCommand(),
	)
	return cmd
}

func (a *app) grantCommand(part grant.Part, short string) *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   string(part),
		Short: short,
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			spec, c, err := a.component()
			if err != nil {
				return err
			}
			return a.grant(part, format, spec, c)
		},
	}
	cmd.Flags().StringVar(&format, "format", grant.Formats()[0], "the `FORM` it is applied in: "+strings.Join(grant.Formats(), ", "))
	return cmd
}

func (a *app) grant(part grant.Part, format string, spec identity.Spec, c identity.Component) error {
	if err := spec.Require(c.Name, needsOf(part, format, c)...); err != nil {
		return err
	}
	subjects := iam.SubjectsOf(spec)
	g, err := grant.New(part, spec, c, subjects)
	if err != nil {
		return usageError{err}
	}
	text, err := grant.Render(format, g)
	if err != nil {
		return usageError{err}
	}
	if part == grant.Trust {
		if err := a.tellOfTrust(spec, c, subjects); err != nil {
			return err
		}
	}
	_, err = a.Out.Write(text)
	return err
}

// needsOf are the settings that a document cannot do without.
func needsOf(part grant.Part, format string, c identity.Component) []identity.Need {
	switch part {
	case grant.Permissions:
		return []identity.Need{identity.NeedRole, identity.NeedBucket}
	case grant.Associations:
		needs := []identity.Need{identity.NeedRole, identity.NeedClusterName}
		if format != grant.Formats()[0] {
			needs = append(needs, identity.NeedRegion) // a command names it, the document does not
		}
		return needs
	}
	return c.TrustNeeds()
}

// tellOfTrust says what a trust policy uses of its quota and whom a pattern in
// it admits. A policy that does not fit is an error.
func (a *app) tellOfTrust(spec identity.Spec, c identity.Component, subjects iam.Subjects) error {
	budget, err := iam.NewBudget(spec, c, subjects)
	if err != nil {
		return usageError{err}
	}
	if err := budget.Err(); err != nil {
		return usageError{err}
	}
	a.say("%s\n", budget)
	if warning := budget.Warning(); warning != "" {
		a.say("warning: %s\n", warning)
	}
	if c.Mode == identity.Both {
		a.say("warning: %s\n", iam.OverrideWarning)
	}
	if subjects.Match == "" {
		return nil
	}
	reach, err := iam.NewReach(subjects.Match, subjects.Namespaces)
	if err == nil {
		a.say("%s", reach.Text())
	}
	return err
}

// component is the config with the component the command speaks of: the one that
// --component names, the default one, or the only one. Where there are others the
// user is told how to get at them.
func (a *app) component() (identity.Spec, identity.Component, error) {
	spec, err := a.flags.Resolve(a.Env)
	if err != nil {
		return spec, identity.Component{}, err
	}
	name, named := a.flags.Component(a.Env)
	c, ok := spec.Component(name)
	switch {
	case !ok && !named && len(spec.Components) == 1:
		c = spec.Components[0]
	case !ok:
		return spec, c, usagef("the config has no component %s; name one of %s with --component", name, strings.Join(others(spec, ""), ", "))
	case !named && len(spec.Components) > 1:
		a.say("note: this is for %s; --component takes %s\n", name, strings.Join(others(spec, name), ", "))
	}
	return spec, c, nil
}

// others are the names of the components besides one.
func others(spec identity.Spec, name string) []string {
	var names []string
	for _, c := range spec.Components {
		if c.Name != name {
			names = append(names, c.Name)
		}
	}
	return names
}

// names are those of a command's own commands.
func names(cmd *cobra.Command) []string {
	var all []string
	for _, c := range cmd.Commands() {
		all = append(all, c.Name())
	}
	return all
}
