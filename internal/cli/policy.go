package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"spaces-identity.dev/internal/config"
	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/exit"
	"spaces-identity.dev/internal/export"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/output"
)

func (p *parser) policyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "policy",
		Short: "Print one policy document",
		Long: `policy prints one of the documents that give a component its identity. The
commands ask only for the settings that their document needs.`,
		Args:        noCommand,
		Annotations: readsNoSettings,
	}
	cmd.AddCommand(
		p.partCommand(export.Trust, "Print the role's trust policy, its length on standard error"),
		p.partCommand(export.Permissions, "Print what the role may do"),
		p.partCommand(export.Associations, "Print the EKS Pod Identity associations"),
		p.selfCommand(),
		p.admissionCommand(),
	)
	cmd.RunE = func(*cobra.Command, []string) error {
		return fmt.Errorf("policy needs the name of a document: %s", strings.Join(subcommands(cmd), ", "))
	}
	return cmd
}

// PolicyOp prints one document of a component.
type PolicyOp struct {
	Settings config.Flags
	Part     export.Part
	Output   output.Format
}

func (p *parser) partCommand(part export.Part, short string) *cobra.Command {
	op := PolicyOp{Settings: p.settings, Part: part}
	cmd := &cobra.Command{
		Use: string(part), Short: short,
		Example: "  spaces-identity policy " + string(part) + " --component mxp-controller",
	}
	outputFlag(cmd, &op.Output, output.JSON, output.YAML)
	return parsed(p, cmd, &op, nil)
}

// Run prints the document. For a trust policy, its length and what its pattern admits
// go to standard error.
func (op PolicyOp) Run(_ context.Context, env *Env) error {
	state, c, err := env.component(op.Settings)
	if err != nil {
		return err
	}
	text, err := export.Document(op.Part, state, c)
	if err != nil {
		return exit.Usage(err)
	}
	if op.Part == export.Trust {
		if err := env.reportTrust(state, c); err != nil {
			return err
		}
	}
	return env.Document(op.Output, text)
}

// reportTrust says how much of its quota a trust policy uses and whom a pattern
// in it admits. It returns an error if the policy is too long.
func (env *Env) reportTrust(state desired.State, c desired.Component) error {
	budget, err := state.Budget(c)
	if err == nil {
		err = budget.Err()
	}
	if err != nil {
		return exit.Usage(err)
	}
	env.Say("%s\n", budget)
	if warning := budget.Warning(); warning != "" {
		env.Warn(warning)
	}
	for _, warning := range c.Warnings() {
		env.Warn(warning)
	}
	if c.Subjects.Match != "" {
		env.Say("%s", output.Reach(c.Subjects.Reach()))
	}
	return nil
}

// component returns the state and the component that a command is about: the one
// that --component names, the default one, or the only one. If there are others,
// a note says how to name them.
func (env *Env) component(settings config.Flags) (desired.State, desired.Component, error) {
	state, err := env.State(settings)
	if err != nil {
		return state, desired.Component{}, err
	}
	name, named := settings.Component(env.Getenv)
	if len(state.Components) == 1 && !named {
		return state, state.Components[0], nil
	}
	c, ok := state.Component(name)
	if !ok {
		err := exit.Usagef("the config has no component %s", name)
		return state, c, output.Hint(err, "name "+others(state, "")+" with --component")
	}
	if !named {
		env.Note("this is for " + name + "; use --component for " + others(state, name))
	}
	return state, c, nil
}

// others returns the names of the components besides one, as prose.
func others(state desired.State, name string) string {
	var names []string
	for _, c := range state.Components {
		if c.Name != name {
			names = append(names, c.Name)
		}
	}
	return identity.OneOf(names)
}

// SelfPolicyOp prints what the program itself needs in AWS.
type SelfPolicyOp struct {
	Settings config.Flags
	ReadOnly bool
	Output   output.Format
}

func (p *parser) selfCommand() *cobra.Command {
	op := SelfPolicyOp{Settings: p.settings}
	cmd := &cobra.Command{
		Use: "self", Short: "Print what this program itself needs in AWS for plan and apply",
		Example: "  spaces-identity policy self --read-only",
	}
	cmd.Flags().BoolVar(&op.ReadOnly, "read-only", false, "only what plan needs")
	outputFlag(cmd, &op.Output, output.JSON, output.YAML)
	return parsed(p, cmd, &op, nil)
}

// Run prints the document.
func (op SelfPolicyOp) Run(_ context.Context, env *Env) error {
	state, err := env.State(op.Settings)
	if err != nil {
		return err
	}
	doc, err := state.Self(op.ReadOnly)
	if err != nil {
		return exit.Usage(err)
	}
	return env.Document(op.Output, doc.JSON())
}

// AdmissionPolicyOp prints the Kubernetes admission policies.
type AdmissionPolicyOp struct {
	Settings config.Flags
	Output   output.Format
}

func (p *parser) admissionCommand() *cobra.Command {
	op := AdmissionPolicyOp{Settings: p.settings}
	cmd := &cobra.Command{
		Use:   "admission [native]",
		Short: "Print Kubernetes admission policies, for later control planes",
		Long: `admission prints a MutatingAdmissionPolicy and its binding for the
ServiceAccounts of each component, and for its pods if it has pod labels. They
act in the host namespaces that the config lists or matches, and with
controlPlanes.discover in those that Spaces has labelled.

With delivery.admissionPolicy the post-renderer appends the same objects under
other names, which belong to the Helm release. They need Kubernetes 1.36.`,
		Example: "  spaces-identity policy admission --match uuid | kubectl apply -f -",
		Args:    cobra.MaximumNArgs(1), ValidArgs: []string{string(identity.NativeAdmissionPolicy)},
	}
	outputFlag(cmd, &op.Output, output.YAML, output.JSON)
	return parsed(p, cmd, &op, func(args []string) error {
		switch {
		case len(args) == 0 || args[0] == string(identity.NativeAdmissionPolicy):
			return nil
		case args[0] == "kyverno":
			return output.Hint(errors.New("this version does not write policies for Kyverno yet"), "use native, if the cluster has Kubernetes 1.36")
		}
		return output.Hint(fmt.Errorf("%q is not a kind of admission policy", args[0]), "use native, or leave the argument out")
	})
}

// Run prints the objects of all components, or of the one that --component names.
func (op AdmissionPolicyOp) Run(_ context.Context, env *Env) error {
	state, err := env.State(op.Settings)
	if err != nil {
		return err
	}
	objects, err := export.AppliedPolicies(state)
	if err != nil {
		return exit.Usage(err)
	}
	if name, named := op.Settings.Component(env.Getenv); named {
		objects = slices.DeleteFunc(objects, func(o export.Object) bool { return o.Component != name })
	}
	if len(objects) == 0 {
		return exit.Usagef("an admission policy has nothing to write: in mode pod-identity associations give the role, and no annotation or pod label is set")
	}
	return env.Document(op.Output, export.Stream(objects))
}
