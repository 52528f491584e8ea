package rewrite

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/test/fixture"
)

// TestOrderOfRulesDoesNotMatter applies the rules in both directions and compares the
// output.
func TestOrderOfRulesDoesNotMatter(t *testing.T) {
	files, err := filepath.Glob("../../testdata/golden/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("there are no manifests", err)
	}
	state := stateOf(t, "mxp-controller", "vector")
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(archive.Files, func(f txtar.File) bool { return f.Name == "in.yaml" })
		in := newInput(archive.Files[i].Data, Options{})
		rules := placeRules(state, in.own)
		want := applyRules(in, rules)
		slices.Reverse(rules)
		if diff := cmp.Diff(want, applyRules(in, rules)); diff != "" {
			t.Errorf("%s, reversed (-want +got):\n%s", filepath.Base(file), diff)
		}
	}
}

// applyRules returns the texts, problems, findings and warnings of rules.
func applyRules(in input, rules []rule) any {
	_, all := in.stage(nil, mayBeSecret, rules...)
	patches, err := patch(all)
	if err != nil {
		all.errs = append(all.errs, err)
	}
	var texts, problems []string
	for _, p := range patches {
		texts = append(texts, string(p.text))
	}
	for _, err := range sorted(all.errs) {
		problems = append(problems, err.Error())
	}
	slices.Sort(all.warnings)
	return []any{texts, problems, findingsOf(all.places), all.warnings}
}

func TestDifferentValuesAtOnePathAreAnError(t *testing.T) {
	role := func(name string) identity.RoleARN {
		return identity.RoleARN{Partition: "aws", Account: "123456789012", Name: name}
	}
	settings := identity.Settings{
		Components: []identity.Component{{Name: "mxp-controller", Role: role("a")}, {Name: "vector", Role: role("b")}},
		Places: []identity.Place{
			{Kind: "ConfigMap", Name: "c", Path: identity.Path{}.Field("data", "a"), Encoding: "yaml", Holds: "annotations", Component: "vector"},
			{Kind: "ConfigMap", Name: "c", Path: identity.Path{}.Field("data", "a"), Encoding: "yaml", Holds: "annotations", Component: "mxp-controller"},
		},
	}
	const stream = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata:\n  a: '{}'\n"
	_, err := Run([]byte(stream), desired.Of(fixture.Spec(t, settings)), Options{})
	input, ok := errors.AsType[*InputError](err)
	if !ok {
		t.Fatalf("got the error %v, want an InputError", err)
	}
	want := `the components mxp-controller and vector need different values at data.a → ["eks.amazonaws.com/role-arn"]`
	if input.Problem != want || input.Line != 5 {
		t.Errorf("got line %d, %s\nwant line 5, %s", input.Line, input.Problem, want)
	}
	settings.Components[1].Role = role("a")
	if _, err := Run([]byte(stream), desired.Of(fixture.Spec(t, settings)), Options{}); err != nil {
		t.Errorf("with the same role: %v", err)
	}
}

// TestJobIsReportedOnce sets two labels of a Job's pods, which cannot change. The report
// has one finding for them.
func TestJobIsReportedOnce(t *testing.T) {
	const job = "apiVersion: batch/v1\nkind: Job\nmetadata: {name: j}\nspec:\n  template:\n    spec: {serviceAccountName: mxp-controller}\n"
	state := exampleState(identity.Component{PodLabels: map[string]string{"a": "1", "b": "2"}})
	result, err := Run([]byte(job), state, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Findings) != 1 || result.Findings[0].Outcome != Left || result.Findings[0].Path != "spec.template.metadata" {
		t.Errorf("got the findings %+v, want one with the outcome left", result.Findings)
	}
}

// TestErrorsHaveTheirCause checks the cause of an error, from which its hint comes.
func TestErrorsHaveTheirCause(t *testing.T) {
	const account = "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: mxp-controller\n  annotations: {eks.amazonaws.com/role-arn: old}\n"
	_, err := Run([]byte(account), stateOf(t, "mxp-controller"), Options{OnConflict: ConflictFails})
	if !errors.Is(err, ErrConflict) || errors.Is(err, ErrSelector) {
		t.Errorf("got %v, want a conflict", err)
	}
}

// TestChangesHideSecrets checks that a diff names the template and shows no value of a
// Secret.
func TestChangesHideSecrets(t *testing.T) {
	const stream = "# Source: spaces/sa.yaml\napiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: mxp-controller\n  namespace: a\n  labels: {a: b}\n  x: y\n" +
		"---\nkind: Secret\napiVersion: v1\nmetadata: {name: s}\nstringData:\n  v: |\n    controlPlanes: {mxpController: {}}\n"
	result, err := Run([]byte(stream), stateOf(t, "mxp-controller"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	var got string
	for _, c := range result.Changes() {
		for _, part := range c.Parts {
			got += part.Name + "\n" + string(part.Before) + string(part.After)
		}
	}
	if !strings.HasPrefix(got, "\ndocument 1 spaces/sa.yaml\n") || !strings.Contains(got, "role-arn: arn:aws:iam::123456789012:role/r") {
		t.Errorf("the changes: %s", got)
	}
	if strings.Contains(got, "mxpController") {
		t.Errorf("the diff shows the values of a Secret:\n%s", got)
	}
}
