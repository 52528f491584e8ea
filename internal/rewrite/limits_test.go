package rewrite

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/test/fixture"
)

// placeKinds returns the places of edits.
func placeKinds(found found) []string {
	var kinds []string
	for _, p := range found.places {
		if p.isEdit() {
			kinds = append(kinds, fmt.Sprintf("%s %s", p.Place, p.Path))
		}
	}
	return kinds
}

// TestEachRuleReadsItsDocumentsAlone runs one rule at a time. The rules search for partly
// the same names, so together they would hide a rule that searches for none.
func TestEachRuleReadsItsDocumentsAlone(t *testing.T) {
	const account = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: mxp-controller}\n"
	const pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {serviceAccountName: mxp-controller}\n"
	const values = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {v: 'controlPlanes: {mxpController: {}}'}\n"
	place := identity.Place{Kind: "Foo", Name: "foo", Path: identity.Path{}.Field("spec", "annotations"), Holds: "annotations"}
	state := exampleState(identity.Component{PodLabels: map[string]string{"team": "x"}}, place)
	for name, test := range map[string]struct {
		rule rule
		text string
	}{
		"service account":  {ServiceAccounts{state}, account},
		"pod template":     {PodTemplates{state}, pod},
		"embedded values":  {newEmbeddedValues(state), values},
		"configured place": {ConfiguredPlaces{state}, "apiVersion: a/v1\nkind: Foo\nmetadata: {name: foo}\nspec: {annotations: {}}\n"},
	} {
		in := newInput([]byte("kind: Other\n---\n"+test.text), Options{OnImmutable: ImmutableEdits})
		if _, all := in.stage(nil, nil, test.rule); len(placeKinds(all)) == 0 {
			t.Errorf("%s: no edits", name)
		}
	}
}

// inStrings returns values within strings of YAML, each in the string of the one before.
func inStrings(values string, depth int) string {
	for range depth {
		values = "s: |\n  " + strings.ReplaceAll(values, "\n", "\n  ")
	}
	return values
}

// TestDepthOfStrings has values at the deepest level that the program reads, and one below.
func TestDepthOfStrings(t *testing.T) {
	const head = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata:\n  "
	for name, test := range map[string]struct {
		values string
		edits  bool // else advice
	}{
		"embedded values": {"controlPlanes:\n  mxpController:\n    serviceAccount: {}", true},
		"advice":          {"mxp-controller:\n  annotations: {}", false},
	} {
		for depth := 7; depth <= 9; depth++ {
			stream := []byte(head + strings.ReplaceAll(inStrings(test.values, depth), "\n", "\n  ") + "\n")
			result, err := Run(stream, exampleState(identity.Component{}), Options{OnMissing: MissingWarns, Unrecognised: true})
			if err != nil {
				t.Fatal(err)
			}
			found := len(result.Advice) > 0
			if test.edits {
				found = slices.ContainsFunc(result.places, place.isEdit)
			}
			if want := depth <= 8; found != want {
				t.Errorf("%s at depth %d: found is %v", name, depth, found)
			}
		}
	}
}

// TestDepthOfLists has a ServiceAccount at the deepest level of Lists that the program
// reads, and one below.
func TestDepthOfLists(t *testing.T) {
	for depth, want := range map[int]int{1: 1, 8: 1, 9: 0} {
		text := "{apiVersion: v1, kind: ServiceAccount, metadata: {name: mxp-controller}}"
		for range depth {
			text = "{apiVersion: v1, kind: List, items: [" + text + "]}"
		}
		result, err := Run([]byte(text), exampleState(identity.Component{}), Options{OnMissing: MissingWarns})
		if err != nil {
			t.Fatal(err)
		}
		if got := len(result.Findings); got != want {
			t.Errorf("depth %d: %d findings, want %d", depth, got, want)
		}
	}
}

// TestValuesPathsOfOtherComponents has components that the config describes: with values
// paths of one key or of several, and without any.
func TestValuesPathsOfOtherComponents(t *testing.T) {
	key := func(keys ...string) []string { return keys }
	inString := func(text string) string {
		return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {v: '" + text + "'}\n"
	}
	foo := func(spec string) string {
		return "apiVersion: a/v1\nkind: Foo\nmetadata: {name: foo}\nspec: {it: " + spec + "}\n"
	}
	const role = `["eks.amazonaws.com/role-arn"]`
	for name, test := range map[string]struct {
		values identity.ValuesPaths
		stream string
		place  bool // the config has a place for spec.it
		want   []string
	}{
		"one key": {identity.ValuesPaths{Component: key("mine"), Annotations: key("notes")}, inString("mine: {}"), false,
			[]string{"embedded values data.v → mine.notes" + role}},
		"several keys": {identity.ValuesPaths{Component: key("charts", "mine"), Annotations: key("notes")}, inString("charts: {mine: {}}"), false,
			[]string{"embedded values data.v → charts.mine.notes" + role}},
		"only the last key": {identity.ValuesPaths{Component: key("charts", "mine"), Annotations: key("notes")}, inString("mine: {}"), false, nil},
		"no values":         {identity.ValuesPaths{}, inString("controlPlanes: {other: {a: {}}}"), false, nil},
		"no values beside others": {identity.ValuesPaths{}, inString("controlPlanes: {mxpController: {}, other: {a: {}}}"), false,
			[]string{"embedded values data.v → controlPlanes.mxpController.serviceAccount.annotations" + role}},
		"a place with annotations, one of which is called like the values path": {
			identity.ValuesPaths{Component: key("charts", "mine"), Annotations: key("notes")}, foo("{notes: text}"), true,
			[]string{"embedded values spec.it" + role}},
		"a place with settings": {
			identity.ValuesPaths{Component: key("charts", "mine"), Annotations: key("account", "notes")}, foo("{account: {}}"), true,
			[]string{"embedded values spec.it.account.notes" + role}},
	} {
		t.Run(name, func(t *testing.T) {
			r := identity.RoleARN{Partition: "aws", Account: "123456789012", Name: "r"}
			settings := identity.Settings{Components: []identity.Component{{Name: identity.DefaultComponent, Role: r},
				{Name: "uploader", ServiceAccount: "uploads", Role: r, Values: test.values}}}
			if test.place {
				settings.Places = []identity.Place{{Kind: "Foo", Name: "foo", Path: identity.Path{}.Field("spec", "it"), Component: "uploader"}}
			}
			result, err := Run([]byte(test.stream), desired.Of(fixture.Spec(t, settings)), Options{OnMissing: MissingWarns})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, placeKinds(found{places: result.places})); diff != "" {
				t.Errorf("edits (-want +got):\n%s", diff)
			}
		})
	}
}

// TestAdviceKnowsTheLastKeyOfTheValuesPath names a component as its chart does.
func TestAdviceKnowsTheLastKeyOfTheValuesPath(t *testing.T) {
	for key, want := range map[string]bool{"shipping": true, "uploads": true, "charts": false} {
		spec := fixture.Spec(t, identity.Settings{Components: []identity.Component{{Name: "uploader", ServiceAccount: "uploads",
			Role:   identity.RoleARN{Partition: "aws", Account: "123456789012", Name: "r"},
			Values: identity.ValuesPaths{Component: []string{"charts", "shipping"}, Annotations: []string{"a", "b"}}}}})
		stream := "apiVersion: a/v1\nkind: Foo\nmetadata: {name: foo}\nspec: {" + key + ": {annotations: {}}}\n"
		result, err := Run([]byte(stream), desired.Of(spec), Options{OnMissing: MissingWarns, Unrecognised: true})
		if err != nil {
			t.Fatal(err)
		}
		if got := len(result.Advice) > 0; got != want {
			t.Errorf("%s: advice is %v", key, result.Advice)
		}
	}
}

// TestAnnotationsComeBeforeLabels has settings without either. The label sorts before the
// annotations.
func TestAnnotationsComeBeforeLabels(t *testing.T) {
	result, err := Run([]byte("apiVersion: a/v1\nkind: Foo\nmetadata: {name: f}\nspec:\n  controlPlanes:\n    mxpController:\n      x: y\n"),
		exampleState(identity.Component{PodLabels: map[string]string{"a": "x"}, ExtraAnnotations: map[string]string{"b": "x"}}), Options{})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := result.WriteTo(&out); err != nil {
		t.Fatal(err)
	}
	text := out.String()
	var at []int
	for _, key := range []string{identity.RoleAnnotation, `"b"`, `"a"`} {
		at = append(at, strings.Index(text, key))
	}
	if !slices.IsSorted(at) || at[0] < 0 {
		t.Errorf("the keys are at %d:\n%s", at, text)
	}
}

// TestOverlappingAdvice has a candidate and places that were advised before.
func TestOverlappingAdvice(t *testing.T) {
	at := func(kind, name, component string, keys ...string) identity.Place {
		return identity.Place{Kind: kind, Name: name, Component: component, Path: identity.Path{}.Field(keys...)}
	}
	c := candidate{Place: at("Foo", "a", "vector", "spec", "it")}
	for name, test := range map[string]struct {
		place identity.Place
		want  bool
	}{
		"the same":                    {at("Foo", "a", "vector", "spec", "it"), true},
		"above":                       {at("Foo", "a", "vector", "spec"), true},
		"below":                       {at("Foo", "a", "vector", "spec", "it", "x"), true},
		"below, of any component":     {at("Foo", "a", "", "spec", "it", "x"), true},
		"beside":                      {at("Foo", "a", "vector", "spec", "other"), false},
		"below, of another component": {at("Foo", "a", "crossplane", "spec", "it", "x"), false},
		"of another kind":             {at("Bar", "a", "vector", "spec", "it"), false},
		"of another name":             {at("Foo", "b", "vector", "spec", "it"), false},
	} {
		if got := c.overlaps(test.place); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
