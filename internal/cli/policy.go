package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/export"
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
		a.documentCommand(export.Trust, "Print the role's trust policy; its length and its reach go to standard error"),
		a.documentCommand(export.Permissions, "Print what the role may do with the bucket"),
		a.documentCommand(export.Associations, "Print the EKS Pod Identity associations"),
		a.selfCommand(),
		a.admissionCommand(),
	)
	return cmd
}

func (a *app) documentCommand(part export.Part, short string) *cobra.Command {
	return &cobra.Command{
		Use:   string(part),
		Short: short,
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			spec, c, err := a.component()
			if err != nil {
				return err
			}
			s := desired.Of(spec)
			wanted, _ := s.Component(c.Name)
			text, err := export.Document(part, s, wanted)
			if err != nil {
				return usageError{err}
			}
			if part == export.Trust {
				if err := a.tellOfTrust(s, wanted); err != nil {
					return err
				}
			}
			_, err = a.Out.Write(text)
			return err
		},
	}
}

// exportCommand prints everything that the config asks for in AWS, in one form.
func (a *app) exportCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "export FORM",
		Short: "Print roles, policies, OIDC providers and associations as " + strings.Join(export.Forms(), ", "),
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			spec, err := a.flags.Resolve(a.Env)
			if err != nil {
				return err
			}
			s := desired.Of(spec)
			text, err := export.Render(args[0], s)
			if err != nil {
				return usageError{err}
			}
			for _, c := range s.Components {
				if err := a.tellOfTrust(s, c); err != nil {
					return err
				}
			}
			_, err = a.Out.Write(text)
			return err
		},
	}
}

// tellOfTrust says what a trust policy uses of its quota and whom a pattern in
// it admits. A policy that does not fit is an error.
func (a *app) tellOfTrust(s desired.State, c desired.Component) error {
	budget, err := s.Budget(c)
	if err != nil {
		return usageError{err}
	}
	if err := budget.Err(); err != nil {
		return usageError{err}
	}
	a.say("%s\n", budget)
	for _, warning := range append([]string{budget.Warning()}, c.Warnings()...) {
		if warning != "" {
			a.say("warning: %s\n", warning)
		}
	}
	if c.Subjects.Match == "" {
		return nil
	}
	reach, err := iam.NewReach(c.Subjects.Match, c.Subjects.Namespaces)
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
