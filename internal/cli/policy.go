package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"spaces-identity.dev/internal/admission"
	"spaces-identity.dev/internal/config"
	"spaces-identity.dev/internal/exit"
	"spaces-identity.dev/internal/grant"
	"spaces-identity.dev/internal/iam"
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
		p.partCommand(grant.Trust, "Print the role's trust policy, its length on standard error"),
		p.partCommand(grant.Permissions, "Print what the role may do"),
		p.partCommand(grant.Associations, "Print the EKS Pod Identity associations"),
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
	Part     grant.Part
	Output   output.Format
}

func (p *parser) partCommand(part grant.Part, short string) *cobra.Command {
	op := PolicyOp{Settings: p.settings, Part: part}
	cmd := &cobra.Command{
		Use: string(part), Short: short, Args: cobra.NoArgs,
		Example: "  spaces-identity policy " + string(part) + " --component mxp-controller",
	}
	outputFlag(cmd, &op.Output, output.JSON, output.YAML)
	return parsed(p, cmd, &op, nil)
}

// Run prints the document.
func (op PolicyOp) Run(_ context.Context, env *Env) error {
	spec, c, err := env.component(op.Settings)
	if err != nil {
		return err
	}
	if err := spec.Require(c.Name, needsOf(op.Part, c)...); err != nil {
		return err
	}
	text, err := env.renderPart(op.Part, documentForm, spec, c)
	if err != nil {
		return err
	}
	return env.writeDocument(op.Output, text)
}

// documentForm is the form of a single document.
const documentForm = "json"

// renderPart returns one part of a component's grant in a form. The length and
// the reach of a trust policy go to standard error.
func (env *Env) renderPart(part grant.Part, form string, spec identity.Spec, c identity.Component) ([]byte, error) {
	subjects := iam.SubjectsOf(spec)
	g, err := grant.New(part, spec, c, subjects)
	if err != nil {
		return nil, exit.Usage(err)
	}
	text, err := grant.Render(form, g)
	if err != nil {
		return nil, exit.Usage(err)
	}
	if part == grant.Trust {
		err = env.reportTrust(spec, c, subjects)
	}
	return text, err
}

// needsOf returns the settings that a document needs.
func needsOf(part grant.Part, c identity.Component) []identity.Need {
	switch part {
	case grant.Permissions:
		return []identity.Need{identity.NeedRole, identity.NeedBucket}
	case grant.Associations:
		return []identity.Need{identity.NeedRole, identity.NeedClusterName}
	}
	return c.TrustNeeds()
}

// reportTrust says how much of its quota a trust policy uses and whom a pattern
// in it admits. It returns an error if the policy is too long.
func (env *Env) reportTrust(spec identity.Spec, c identity.Component, subjects iam.Subjects) error {
	budget, err := iam.NewBudget(spec, c, subjects)
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
	if c.Mode == identity.Both {
		env.Warn(iam.OverrideWarning)
	}
	if subjects.Match == "" {
		return nil
	}
	reach, err := iam.NewReach(subjects.Match, subjects.Namespaces)
	if err == nil {
		env.Say("%s", reach.Text())
	}
	return err
}

// component returns the config and the component that a command is about: the one
// that --component names, the default one, or the only one. If there are others,
// a note says how to name them.
func (env *Env) component(settings config.Flags) (identity.Spec, identity.Component, error) {
	spec, err := settings.Resolve(env.Getenv)
	if err != nil {
		return spec, identity.Component{}, err
	}
	name, named := settings.Component(env.Getenv)
	c, ok := spec.Component(name)
	switch {
	case !ok && !named && len(spec.Components) == 1:
		c = spec.Components[0]
	case !ok:
		err := exit.Usagef("the config has no component %s", name)
		return spec, c, output.Hint(err, fmt.Sprintf("name one of %s with --component", strings.Join(others(spec, ""), ", ")))
	case !named && len(spec.Components) > 1:
		env.Note(fmt.Sprintf("this is for %s; --component takes %s", name, strings.Join(others(spec, name), ", ")))
	}
	return spec, c, nil
}

// others returns the names of the components besides one.
func others(spec identity.Spec, name string) []string {
	var names []string
	for _, c := range spec.Components {
		if c.Name != name {
			names = append(names, c.Name)
		}
	}
	return names
}

// namedComponents returns the config with all of its components, or with the one
// that --component names.
func (env *Env) namedComponents(settings config.Flags) (identity.Spec, error) {
	spec, err := settings.Resolve(env.Getenv)
	if err != nil {
		return spec, err
	}
	if name, named := settings.Component(env.Getenv); named {
		c, _ := spec.Component(name) // to name one is enough to have it
		spec.Components = []identity.Component{c}
	}
	return spec, nil
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
		Use: "self", Short: "Print what this program itself needs in AWS for plan and apply", Args: cobra.NoArgs,
		Example: "  spaces-identity policy self --read-only",
	}
	cmd.Flags().BoolVar(&op.ReadOnly, "read-only", false, "only what plan needs")
	outputFlag(cmd, &op.Output, output.JSON, output.YAML)
	return parsed(p, cmd, &op, nil)
}

// Run prints the document.
func (op SelfPolicyOp) Run(_ context.Context, env *Env) error {
	spec, err := op.Settings.Resolve(env.Getenv)
	if err != nil {
		return err
	}
	if err := requireTrust(spec); err != nil {
		return err
	}
	doc, err := iam.Self(spec, op.ReadOnly)
	if err != nil {
		return exit.Usage(err)
	}
	return env.writeDocument(op.Output, doc.JSON())
}

// requireTrust asks for what the trust policies of all components need.
func requireTrust(spec identity.Spec) error {
	var problems []error
	for _, c := range spec.Components {
		problems = append(problems, spec.Require(c.Name, c.TrustNeeds()...))
	}
	return errors.Join(problems...)
}

// AdmissionPolicyOp prints the Kubernetes admission policies.
type AdmissionPolicyOp struct {
	Settings config.Flags
	Output   output.Format
}

func (p *parser) admissionCommand() *cobra.Command {
	op := AdmissionPolicyOp{Settings: p.settings}
	cmd := &cobra.Command{
		Use:   "admission",
		Short: "Print Kubernetes admission policies, for later control planes",
		Long: `admission prints a MutatingAdmissionPolicy and its binding for the
ServiceAccounts of each component, and for its pods if it has pod labels. They
act in the host namespaces that the config lists or matches, and with
controlPlanes.discover in those that Spaces has labelled.

With delivery.admissionPolicy the post-renderer appends the same objects. They
need Kubernetes 1.36.`,
		Example: "  spaces-identity policy admission --match uuid | kubectl apply -f -",
		Args:    cobra.NoArgs,
	}
	outputFlag(cmd, &op.Output, output.YAML, output.JSON)
	return parsed(p, cmd, &op, nil)
}

// Run prints the objects.
func (op AdmissionPolicyOp) Run(_ context.Context, env *Env) error {
	spec, err := env.namedComponents(op.Settings)
	if err != nil {
		return err
	}
	objects, err := admission.Objects(spec)
	if err != nil {
		return exit.Usage(err)
	}
	if len(objects) == 0 {
		return exit.Usagef("there is nothing for an admission policy to write: in pod-identity mode associations carry the role, and no annotation or pod label is set")
	}
	return env.writeDocument(op.Output, admission.Render(objects))
}
