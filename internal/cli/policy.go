package cli

import (
	"cmp"
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
	"spaces-identity.dev/internal/postrender"
)

// DocumentOp prints one document that follows from the config.
type DocumentOp struct {
	Settings config.Flags
	Document string                   // the name of its command: trust, permissions, associations, self, admission or values
	Kind     identity.AdmissionPolicy // of admission; that of the config, or native, if empty
	ReadOnly bool                     // of self: only what plan needs
	Delete   bool                     // of self: also what delete needs
	Live     bool                     // of trust: the policy that the role has in AWS
	Profile  string                   // of AWS, for Live
	Output   output.Format
}

// documentCommand declares the command of a document, JSON by default or YAML.
func (p *parser) documentCommand(cmd *cobra.Command, formats ...output.Format) *cobra.Command {
	name, _, _ := strings.Cut(cmd.Use, " ")
	op := &DocumentOp{Settings: p.settings, Document: name}
	outputFlag(cmd, &op.Output, formats...)
	if name == "trust" {
		registerLive(cmd, &op.Live, &op.Profile)
	}
	if name == "self" {
		cmd.Flags().BoolVar(&op.ReadOnly, "read-only", false, "only what plan needs")
		cmd.Flags().BoolVar(&op.Delete, "delete", false, "also what delete needs")
	}
	return parsed(p, cmd, op, func(args []string) error {
		if op.ReadOnly && op.Delete {
			return errors.New("--read-only leaves out what --delete needs: use one of them")
		}
		return op.takeKind(args)
	})
}

// takeKind takes the kind of admission policy, the only argument that a document has.
func (op *DocumentOp) takeKind(args []string) error {
	if len(args) == 0 {
		return nil
	}
	op.Kind = identity.AdmissionPolicy(args[0])
	if kinds := identity.AdmissionPolicies(); !slices.Contains(kinds, op.Kind) {
		return output.Hint(fmt.Errorf("%q is not a kind of admission policy", args[0]), "use "+identity.OneOf(identity.Words(kinds))+", or leave the argument out")
	}
	return nil
}

func (p *parser) policyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "policy",
		Short: "Print one policy document",
		Long: `policy prints one of the documents that give a component its identity. The
commands ask only for the settings that their document needs.`,
		Args:        noCommand,
		Annotations: readsNoSettings,
	}
	for _, c := range []struct{ name, short, example string }{
		{"trust", "Print the role's trust policy, its length on standard error", "--component mxp-controller"},
		{"permissions", "Print what the role may do", "--component mxp-controller"},
		{"associations", "Print the EKS Pod Identity associations", "--component mxp-controller"},
		{"self", "Print what this program itself needs in AWS for plan and apply", "--read-only"},
	} {
		cmd.AddCommand(p.documentCommand(&cobra.Command{Use: c.name, Short: c.short,
			Example: "  spaces-identity policy " + c.name + " " + c.example}, output.JSON, output.YAML))
	}
	cmd.AddCommand(p.admissionCommand())
	cmd.RunE = func(*cobra.Command, []string) error {
		return fmt.Errorf("policy needs the name of a document: %s", strings.Join(subcommands(cmd), ", "))
	}
	return cmd
}

func (p *parser) admissionCommand() *cobra.Command {
	return p.documentCommand(&cobra.Command{
		Use:   "admission [native|kyverno]",
		Short: "Print Kubernetes admission policies, for later control planes",
		Long: `admission prints an admission policy for the ServiceAccounts of each component,
and one for its pods if it has pod labels. They act in the host namespaces that
the config lists or matches, and with controlPlanes.discover in those that
Spaces has labelled.

native prints a MutatingAdmissionPolicy and its binding, which need Kubernetes
1.36. kyverno prints a MutatingPolicy for older clusters, which needs Kyverno
1.17. The default is delivery.admissionPolicy of the config, or native.

With delivery.admissionPolicy the post-renderer appends the same objects under
other names, which belong to the Helm release.`,
		Example: `  spaces-identity policy admission --match uuid | kubectl apply -f -
  spaces-identity policy admission kyverno --match uuid | kubectl apply -f -`,
		ValidArgs: identity.Words(identity.AdmissionPolicies()),
	}, output.YAML, output.JSON)
}

func (p *parser) valuesCommand() *cobra.Command {
	return p.documentCommand(&cobra.Command{
		Use:   "values",
		Short: "Print the same settings as Helm values for the Spaces chart",
		Long: `values prints a values file that gives the components their identity through the
chart's own values, for those who use no post-renderer.`,
		Example: "  spaces-identity values > identity-values.yaml",
	}, output.YAML, output.JSON)
}

// Run prints the document. Package live finds the policy in AWS.
func (op DocumentOp) Run(ctx context.Context, env *Env) error {
	if op.Live {
		return env.Live(ctx, env, op)
	}
	text, err := op.text(env)
	if err != nil {
		return exit.Usage(err)
	}
	return env.Document(op.Output, text)
}

// text returns the document. For a trust policy, its length and what its pattern admits go
// to standard error.
func (op DocumentOp) text(env *Env) ([]byte, error) {
	state, err := env.State(op.Settings)
	if err != nil {
		return nil, err
	}
	switch op.Document {
	case "values":
		return export.Values(state)
	case "self":
		if op.Delete {
			doc, err := state.SelfWithDelete()
			return doc.JSON(), err
		}
		doc, err := state.Self(op.ReadOnly)
		return doc.JSON(), err
	case "admission":
		return op.admission(env, state)
	}
	c, err := env.Component(state, op.Settings)
	if err != nil {
		return nil, err
	}
	text, err := export.Document(export.Part(op.Document), state, c)
	if err == nil && op.Document == "trust" {
		err = env.reportTrust(state, c)
	}
	return text, err
}

// admission returns the objects of all components, or of the one that --component names.
func (op DocumentOp) admission(env *Env, state desired.State) ([]byte, error) {
	kind := cmp.Or(op.Kind, state.Spec().AdmissionPolicy, identity.NativeAdmissionPolicy)
	objects, err := export.AppliedPolicies(state, kind)
	if name, named := op.Settings.Component(env.Getenv); named {
		objects = slices.DeleteFunc(objects, func(o export.Object) bool { return o.Component != name })
	}
	if err == nil && len(objects) == 0 {
		err = errors.New(postrender.NothingToAdmit)
	}
	if err == nil {
		for _, warning := range export.AdmissionWarnings(state, kind) {
			env.Warn(warning)
		}
	}
	return export.Stream(objects), err
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

// Component returns the component that a command is about: the one that --component
// names, the default one, or the only one. If there are others, a note says how to name
// them.
func (env *Env) Component(state desired.State, settings config.Flags) (desired.Component, error) {
	name, named := settings.Component(env.Getenv)
	if len(state.Components) == 1 && !named {
		return state.Components[0], nil
	}
	c, ok := state.Component(name)
	if !ok {
		err := exit.Usagef("the config has no component %s", name)
		return c, output.Hint(err, "name "+others(state, "")+" with --component")
	}
	if !named {
		env.Note("this is for " + name + "; use --component for " + others(state, name))
	}
	return c, nil
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
