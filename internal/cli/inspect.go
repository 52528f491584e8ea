package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/postrender"
	"spaces-identity.dev/internal/rewrite"
)

func (a *app) inspectCommand() *cobra.Command {
	var diff bool
	var output string
	cmd := &cobra.Command{
		Use:   "inspect",
		Short: "Show every place in the manifests that carries, or could carry, a component's identity",
		Long: "inspect reads manifests on standard input and shows what the post-renderer would do with them: the places\n" +
			"it would change, those that are right, those it leaves, and the texts that name a component and are no place\n" +
			"it knows. Describe such a text under places: in the config.",
		Example: "  helm template spaces CHART | spaces-identity inspect\n  helm template spaces CHART | spaces-identity inspect --diff",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.inspect(cmd, diff, output)
		},
	}
	cmd.Flags().BoolVar(&diff, "diff", false, "show the change as a unified diff, without the contents of Secrets")
	cmd.Flags().StringVarP(&output, "output", "o", "table", "table or json")
	a.registerPostRender(cmd)
	return cmd
}

func (a *app) inspect(cmd *cobra.Command, diff bool, output string) error {
	if diff && cmd.Flags().Changed("output") {
		return usagef("--diff is an output of its own: leave --output out")
	}
	if output != "table" && output != "json" {
		return usagef("--output is %q: it must be table or json", output)
	}
	spec, err := a.flags.Resolve(a.Env)
	if err != nil {
		return err
	}
	options, err := a.options(cmd)
	if err != nil {
		return err
	}
	options.OnMissing, options.Unrecognised = rewrite.MissingWarns, true
	if options.Objects, err = postrender.AdmissionObjects(asked(spec)); err != nil {
		return err
	}
	stream, err := a.read(cmd.Context())
	if err != nil {
		return err
	}
	result, err := rewrite.Run(stream, desired.Of(spec).WithRole(anyRole), options)
	if err != nil {
		return err
	}
	if !diff && output == "table" {
		return a.inspectTable(result)
	}
	for _, warning := range result.Warnings {
		a.say("warning: %s\n", warning)
	}
	if diff {
		_, err = a.Out.Write(result.Diff())
		return err
	}
	return a.inspectJSON(result)
}

// anyRole is shown where a role would go if the config has none.
var anyRole = identity.RoleARN{Partition: "aws", Account: "000000000000", Name: "ROLE"}

// asked is the spec with a role for the admission policies, which are not rendered
// from the desired state yet.
func asked(spec identity.Spec) identity.Spec {
	spec.Components = slices.Clone(spec.Components)
	for i, c := range spec.Components {
		if c.Role.IsZero() && c.Mode.UsesIRSA() {
			spec.Components[i].Role = anyRole
		}
	}
	return spec
}

func (a *app) inspectJSON(result *rewrite.Result) error {
	findings := result.Findings
	if findings == nil {
		findings = []rewrite.Finding{}
	}
	return a.json(findings)
}

var outcomeWords = map[rewrite.Outcome]string{
	rewrite.Changed:      "change",
	rewrite.Unchanged:    "unchanged",
	rewrite.Left:         "leave",
	rewrite.Unrecognised: "unknown",
}

func (a *app) inspectTable(result *rewrite.Result) error {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	rows := []string{"WOULD\tCOMPONENT\tLINE\tOBJECT\tPLACE\tPATH\n"}
	for _, f := range result.Findings {
		rows = append(rows, fmt.Sprintf("%s\t%s\t%d\t%s\t%s\t%s%s\n", outcomeWords[f.Outcome], f.Component, f.Line, objectOf(f), f.Place, f.Path, detail(f)))
	}
	if _, err := io.WriteString(w, strings.Join(rows, "")); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, warning := range result.Warnings {
		fmt.Fprintf(&b, "\nwarning: %s\n", warning)
	}
	b.WriteString(hint(result.Findings))
	_, err := io.WriteString(a.Out, b.String())
	return err
}

// hint says what to do about what is unknown.
func hint(findings []rewrite.Finding) string {
	var b strings.Builder
	for _, f := range findings {
		if f.Encoding != "" {
			fmt.Fprintf(&b, "  - {kind: %s, name: %s, path: '%s', encoding: %s}\n", f.Kind, f.Name, strings.ReplaceAll(f.Path, "'", "''"), f.Encoding)
		}
	}
	if b.Len() == 0 {
		return ""
	}
	return "\nWhere one of the unknown carries the identity, point at it in the config:\n\n  places:\n" + b.String()
}

func objectOf(f rewrite.Finding) string {
	name := strings.Trim(f.Namespace+"/"+f.Name, "/")
	return strings.TrimSpace(f.Kind + " " + name)
}

// detail is what is to be said of a finding behind its path.
func detail(f rewrite.Finding) string {
	switch {
	case f.Outcome == rewrite.Changed && f.Old != nil:
		return fmt.Sprintf(" = %s (was %s)", f.New, *f.Old)
	case f.Outcome == rewrite.Changed:
		return " = " + f.New
	case f.Reason != "":
		return " (" + f.Reason + ")"
	}
	return ""
}
