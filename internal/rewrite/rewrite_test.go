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
	"spaces-identity.dev/internal/manifest"
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

// twoComponents returns a config of two components with different roles and labels.
func twoComponents(places ...identity.Place) identity.Settings {
	component := func(name string) identity.Component {
		return identity.Component{Name: name, Role: identity.RoleARN{Partition: "aws", Account: "123456789012", Name: name}, PodLabels: map[string]string{"of": name}}
	}
	return identity.Settings{Components: []identity.Component{component("mxp-controller"), component("vector")}, Places: places}
}

func TestDifferentValuesAtOnePathAreAnError(t *testing.T) {
	at := func(kind, component, encoding, holds string, keys ...string) identity.Place {
		return identity.Place{Kind: kind, Name: "vector", Path: identity.Path{}.Field(keys...), Encoding: encoding, Holds: holds, Component: component}
	}
	const (
		account  = "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: vector\n"
		config   = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: vector}\ndata:\n  a: '{}'\n"
		workload = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: vector}\nspec:\n  template:\n    spec: {serviceAccountName: vector}\n"
		role     = `["eks.amazonaws.com/role-arn"]`
	)
	listed := "apiVersion: v1\nkind: ServiceAccountList\nitems:\n- metadata: {name: other}\n- metadata: {name: vector}\n"
	for _, test := range []struct {
		name, stream string
		places       []identity.Place
		want         string
		line         int
	}{
		{"two places at one path", config,
			[]identity.Place{at("ConfigMap", "vector", "yaml", "annotations", "data", "a"), at("ConfigMap", "mxp-controller", "yaml", "annotations", "data", "a")},
			"the components mxp-controller and vector need different values at data.a → " + role, 5},
		{"two encodings at one path", config,
			[]identity.Place{at("ConfigMap", "vector", "json", "annotations", "data", "a"), at("ConfigMap", "mxp-controller", "", "annotations", "data", "a")},
			"the components mxp-controller and vector need different values at data.a → " + role, 5},
		{"a place at the ServiceAccount of another component", account,
			[]identity.Place{at("ServiceAccount", "mxp-controller", "", "annotations", "metadata", "annotations")},
			"the components vector and mxp-controller need different values at metadata.annotations" + role, 4},
		{"the same in a typed list", listed,
			[]identity.Place{at("ServiceAccount", "mxp-controller", "", "annotations", "metadata", "annotations")},
			"the components vector and mxp-controller need different values at items[1].metadata.annotations" + role, 5},
		{"a place at the pod labels of another component", workload,
			[]identity.Place{at("Deployment", "mxp-controller", "", "podLabels", "spec", "template", "metadata", "labels")},
			"the components vector and mxp-controller need different values at spec.template.metadata.labels.of", 6},
	} {
		t.Run(test.name, func(t *testing.T) {
			settings := twoComponents(test.places...)
			_, err := Run([]byte(test.stream), desired.Of(fixture.Spec(t, settings)), Options{OnMissing: MissingWarns})
			input, ok := errors.AsType[*InputError](err)
			if !ok || input.Problem != test.want || input.Line != test.line {
				t.Errorf("got %v\nwant line %d, %s", err, test.line, test.want)
			}
			settings.Components[1].Role, settings.Components[1].PodLabels = settings.Components[0].Role, settings.Components[0].PodLabels
			if _, err := Run([]byte(test.stream), desired.Of(fixture.Spec(t, settings)), Options{OnMissing: MissingWarns}); err != nil {
				t.Errorf("with the same values: %v", err)
			}
		})
	}
}

// TestPlacesThatShareAnAnchorGetTheirOwnValues describes two places that are one value in
// the document: an alias refers to it.
func TestPlacesThatShareAnAnchorGetTheirOwnValues(t *testing.T) {
	const stream = "apiVersion: example.com/v1\nkind: Config\nmetadata: {name: c}\nspec:\n  a: &x\n    k: v\n  b: *x\n"
	place := func(key, component string) identity.Place {
		return identity.Place{Kind: "Config", Name: "c", Path: identity.Path{}.Field("spec", key), Holds: "annotations", Component: component}
	}
	result, err := Run([]byte(stream), desired.Of(fixture.Spec(t, twoComponents(place("a", "mxp-controller"), place("b", "vector")))), Options{})
	if err != nil {
		t.Fatal(err)
	}
	root, err := manifest.Parse(result.patches[0].text)
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"a": "mxp-controller", "b": "vector"} {
		if got := root.Text("spec", key, identity.RoleAnnotation); !strings.HasSuffix(got, "/"+want) || root.Text("spec", key, "k") != "v" {
			t.Errorf("%s has the role %s, want that of %s:\n%s", key, got, want, result.patches[0].text)
		}
	}
}

// TestOnlyReadersOfTheChangedConfigMapRestart has two ConfigMaps in a List, of which one
// contains embedded values.
func TestOnlyReadersOfTheChangedConfigMapRestart(t *testing.T) {
	const stream = `kind: List
apiVersion: v1
items:
- {apiVersion: v1, kind: ConfigMap, metadata: {name: plain, namespace: a}, data: {v: "x: 1"}}
- {apiVersion: v1, kind: ConfigMap, metadata: {name: values, namespace: a}, data: {v: "controlPlanes: {mxpController: {}}"}}
- {apiVersion: v1, kind: ConfigMap, metadata: {name: values, namespace: b}, data: {v: "x: 1"}}
- {apiVersion: apps/v1, kind: Deployment, metadata: {name: reads-plain, namespace: a}, spec: {template: {spec: {volumes: [{configMap: {name: plain}}]}}}}
- {apiVersion: apps/v1, kind: Deployment, metadata: {name: reads-values, namespace: a}, spec: {template: {spec: {volumes: [{configMap: {name: values}}]}}}}
- {apiVersion: argoproj.io/v1alpha1, kind: Rollout, metadata: {name: rollout-reads-values, namespace: a}, spec: {template: {spec: {containers: [{envFrom: [{configMapRef: {name: values}}]}]}}}}
- {apiVersion: apps/v1, kind: Deployment, metadata: {name: reads-other-namespace, namespace: b}, spec: {template: {spec: {volumes: [{configMap: {name: values}}]}}}}
`
	result, err := Run([]byte(stream), stateOf(t, "mxp-controller"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range result.Findings {
		if f.Place == DependentPlace && f.Outcome == Changed {
			got = append(got, f.Name)
		}
	}
	if diff := cmp.Diff([]string{"reads-values", "rollout-reads-values"}, got); diff != "" {
		t.Errorf("pods that restart (-want +got):\n%s", diff)
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
