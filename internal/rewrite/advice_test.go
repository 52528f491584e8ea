package rewrite

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/identity"
)

// advised are texts at places that the program does not recognise, with the advice for
// them: the path, the encoding, what the place holds and the component, where
// mxp-controller is left out.
var advised = []struct {
	name       string
	components string // mxp-controller if empty
	value      string // of spec.it in an object
	advice     string
}{
	{"JSON in a string", "", `'{"mxp-controller":{"serviceAccount":{"annotations":{}}}}'`, `spec.it → mxp-controller`},
	{"plain structure", "", `{mxpController: {serviceAccount: {annotations: {}}}}`, `spec.it.mxpController`},
	{"plain structure, empty", "", `{mxpController: {}}`, `spec.it.mxpController settings`},
	{"plain structure, null", "", `{mxpController: }`, `spec.it.mxpController settings`},
	{"another key", "", `{mxp-controller: {annotations: {}}}`, `spec.it.mxp-controller.annotations`},
	{"annotations beside other settings", "", `{mxp-controller: {serviceAccountAnnotations: {}}}`, `spec.it.mxp-controller.serviceAccountAnnotations`},
	{"annotations of pods", "", `{mxp-controller: {podAnnotations: {}}}`, ""},
	{"no sign of annotations", "", `{mxp-controller: {replicas: 1}}`, ""},
	{"yaml string", "", `"mxp-controller:\n  serviceAccount:\n    annotations: {}\n"`, `spec.it → mxp-controller`},
	{"list", "", `'[{"name":"mxp-controller","serviceAccount":{"annotations":{}}},{"name":"other","serviceAccount":{"annotations":{}}}]'`, `spec.it → [0]`},
	{"list structure", "", `[{name: x}, {name: mxp-controller, serviceAccountAnnotations: {a/b: c}}]`, `spec.it[1].serviceAccountAnnotations`},
	{"an item about the component", "", `[{name: x}, {name: mxp-controller, serviceAccount: {annotations: {}}}]`, `spec.it[1]`},
	{"items about components", "mxp-controller vector", `[{name: vector, serviceAccount: {annotations: {}}}, {serviceAccountName: mxp-controller, annotations: {}}]`, `spec.it[0].serviceAccount.annotations vector; spec.it[1].annotations`},
	{"an item without annotations", "", `[{name: mxp-controller, image: x}]`, ""},
	{"list of lists", "", `'[[{"component":"mxp-controller","annotations":{}}]]'`, `spec.it → [0][0].annotations`},
	{"string in string", "", `'{"config":"{\"mxp-controller\":{\"serviceAccount\":{\"annotations\":{}}}}"}'`, `spec.it → config → mxp-controller`},
	{"string in string in string", "", `'{"a":"{\"b\":\"{\\\"mxp-controller\\\":{\\\"annotations\\\":{}}}\"}"}'`, `spec.it → a → b → mxp-controller.annotations`},
	{"base64 of YAML", "", `bXhwLWNvbnRyb2xsZXI6CiAgc2VydmljZUFjY291bnQ6CiAgICBhbm5vdGF0aW9uczoge30K`, `spec.it (base64) → mxp-controller`},
	{"a string with a name before it", "", `--values={"mxp-controller":{"serviceAccount":{"annotations":{}}}}`, `spec.it → mxp-controller`},
	{"an argument with its name", "", `[--x, '--component-values={"mxp-controller":{"serviceAccount":{"annotations":{}}}}']`, `spec.it[1] → mxp-controller`},
	{"an argument after its name", "", `[--component-values, '{"mxp-controller":{"serviceAccount":{"annotations":{}}}}']`, `spec.it[1] → mxp-controller`},
	{"dots and slashes", "", `{"a.b/c": {"mxp-controller": {"d.e/f": x, annotations: {}}}}`, `spec.it["a.b/c"].mxp-controller.annotations`},
	{"an environment variable", "", `[{name: MXP_SA_ANNOTATIONS, value: '{}'}]`, `spec.it[0].value json`},
	{"an environment variable with annotations", "", `[{name: MXP_SA_ANNOTATIONS, value: '{"a.b/c":"d"}'}]`, `spec.it[0].value json`},
	{"settings in an environment variable", "", `[{name: COMPONENTS, value: '{"mxp-controller":{"serviceAccount":{"annotations":{}}}}'}]`, `spec.it[0].value → mxp-controller`},
	{"several documents", "", `"a: b\n---\nmxp-controller:\n  annotations: {}\n"`, `spec.it → document 2: mxp-controller.annotations`},
	{"three components", "mxp-controller vector crossplane", `'{"mxp-controller":{"serviceAccount":{"annotations":{}}},"vector":{"serviceAccount":{"annotations":{}}},"crossplane":{"serviceAccount":{"customAnnotations":{}}}}'`, `spec.it → crossplane crossplane; spec.it → mxp-controller; spec.it → vector.serviceAccount.annotations vector`},
	{"any of several components", "mxp-controller vector", `[{name: SA_ANNOTATIONS, value: '{}'}]`, `spec.it[0].value json`},
	{"another path than the chart has", "vector", `'{"vector":{"serviceAccount":{"annotations":{}}}}'`, `spec.it → vector.serviceAccount.annotations vector`},
	{"settings without annotations", "", `{mxpController: {replicas: 1}}`, "spec.it.mxpController settings"},
	{"a source of that name", "vector", `"sources:\n  vector:\n    type: vector\n    address: a\n"`, ""},
	{"scalar only", "", `mxp-controller`, ""},
	{"prose", "", `"mxp-controller: this is about it"`, ""},
	{"role key", "", `{mxpControllerRoleArn: ""}`, ""},
	{"the role is already there", "", `'{"mxp-controller":{"serviceAccount":{"annotations":{"eks.amazonaws.com/role-arn":"arn:aws:iam::123456789012:role/r"}}}}'`, `spec.it → mxp-controller`},
	{"values in base64", "", `Y29udHJvbFBsYW5lczoKICBteHBDb250cm9sbGVyOgogICAgcmVzb3VyY2VzOiB7fQo=`, `spec.it base64`},
	{"named string", "", `{mxp-controller: '{"annotations": {}}'}`, `spec.it.mxp-controller → annotations`},
	{"anchors", "", `{a: &a {mxp-controller: {annotations: {}}}, b: *a}`, `spec.it.a.mxp-controller.annotations`},
	{"a merge key", "", `{a: &a {mxp-controller: {annotations: {}}}, b: {<<: *a}}`, `spec.it.a.mxp-controller.annotations`},
	{"inner list yaml", "", `"- name: mxp-controller\n  serviceAccount:\n    annotations: {}\n- name: b\n"`, `spec.it → [0]`},
	{"strings in list in string", "", `'["{\"mxp-controller\":{\"annotations\":{}}}"]'`, `spec.it → [0] → mxp-controller.annotations`},
	{"labels too", "", `'{"mxp-controller":{"podLabels":{},"serviceAccountLabels":{}}}'`, ""},
}

// TestAdviceLeadsToTheAnnotations checks that a config with the advised places sets the
// role once for each place, and that a second run changes nothing.
func TestAdviceLeadsToTheAnnotations(t *testing.T) {
	for _, test := range advised {
		t.Run(test.name, func(t *testing.T) {
			names := strings.Fields(test.components)
			if len(names) == 0 {
				names = []string{identity.DefaultComponent}
			}
			state := stateOf(t, names...)
			stream := []byte("apiVersion: example.com/v1\nkind: Foo\nmetadata: {name: foo}\nspec:\n  it: " + test.value + "\n")
			result, err := Run(stream, state, Options{OnMissing: MissingWarns, Unrecognised: true})
			if err != nil {
				t.Fatal(err)
			}
			var advice []string
			for i, p := range result.Advice {
				advice = append(advice, strings.Join(strings.Fields(p.Path.String()+" "+p.Encoding+" "+p.Holds+" "+strings.ReplaceAll(p.Component, identity.DefaultComponent, "")), " "))
				if p.Component == "" {
					result.Advice[i].Component = names[0]
				}
			}
			if diff := cmp.Diff(test.advice, strings.Join(advice, "; ")); diff != "" {
				t.Error(diff)
			}
			if len(result.Advice) == 0 {
				return
			}
			once := runPlaces(t, stream, names, result.Advice)
			if twice := runPlaces(t, once, names, result.Advice); !bytes.Equal(once, twice) {
				t.Errorf("the second run changes\n%s\nto\n%s", once, twice)
			}
			decoded := once
			if text, _, ok := innerText(strings.TrimSpace(string(once[bytes.LastIndexByte(once, ':')+1:])), true); ok {
				decoded = text
			}
			if count := bytes.Count(decoded, []byte(identity.RoleAnnotation)); count != len(result.Advice) {
				t.Errorf("the annotation is set %d times in\n%s", count, once)
			}
		})
	}
}

func runPlaces(t *testing.T, stream []byte, names []string, places []identity.Place) []byte {
	t.Helper()
	result, err := Run(stream, stateOf(t, names...).WithPlaces(places...), Options{OnMissing: MissingWarns})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := result.WriteTo(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestPlacesAtAWrongLevelAreErrors has places in which the role would be a field that
// nothing reads.
func TestPlacesAtAWrongLevelAreErrors(t *testing.T) {
	const settings = `'{"mxp-controller":{"serviceAccount":{"annotations":{}}}}'`
	for _, test := range []struct {
		name, kind, value, path, holds string
		want, hint                     string
	}{
		{"settings above the component's key", "Foo", settings, "spec.it", "settings",
			"it has a key with the settings of mxp-controller: continue the path with that key", "did you mean the path 'spec.it → mxp-controller'?"},
		{"annotations above the component's key", "Foo", settings, "spec.it", "annotations",
			"it contains mappings or lists, so it cannot hold annotations", "did you mean the path 'spec.it → mxp-controller'?"},
		{"labels above the component's key", "Foo", settings, "spec.it", "podLabels", "it contains mappings or lists", "did you mean"},
		{"values without the component's path", "Foo", settings, "spec.it", "values", "it has no key controlPlanes.mxpController", "did you mean"},
		{"not detected", "Foo", settings, "spec.it", "", "the program cannot tell what it contains", "did you mean"},
		{"a list", "Foo", `'[{"name":"mxp-controller"}]'`, "spec.it", "settings", "it is a list: continue the path to one of its items, such as [0]", ""},
		{"no such item in a string", "Foo", `'[{"name":"mxp-controller"}]'`, "spec.it → [1]", "settings", "there is no item 1", ""},
		{"no string", "Foo", "{a: b}", "spec.it → a", "settings", "there is no string at spec.it", ""},
		{"no such document", "Foo", "'a: b'", "spec.it → document 2: a", "settings", "the string there has no document 2", ""},
		{"not base64", "Foo", "'a: b'", "spec.it (base64) → a", "settings", "the string there is not valid base64", ""},
		{"metadata", "Foo", "x", "metadata", "annotations", "metadata has annotations and labels in keys of their own", ""},
		{"metadata of pods", "Foo", "{template: {metadata: {}}}", "spec.it.template.metadata", "podLabels", "metadata has annotations and labels in keys of their own", ""},
		{"annotations in labels", "Foo", "{labels: {}}", "spec.it.labels", "annotations", "the name of its last key does not suit holds: annotations", ""},
		{"labels in annotations", "Foo", "{annotations: {}}", "spec.it.annotations", "podLabels", "the name of its last key does not suit holds: podLabels", ""},
		{"settings in annotations", "Foo", "{annotations: {}}", "spec.it.annotations", "settings", "the name of its last key does not suit holds: settings", ""},
		{"the data of a ConfigMap", "ConfigMap", "x", "data", "annotations", "Kubernetes accepts only strings there", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			path, err := identity.ParsePath(test.path)
			if err != nil {
				t.Fatal(err)
			}
			version := map[string]string{"Foo": "example.com/v1", "ConfigMap": "v1"}[test.kind]
			stream := []byte("apiVersion: " + version + "\nkind: " + test.kind + "\nmetadata: {name: foo}\nspec:\n  it: " + test.value + "\ndata: {a: b}\n")
			place := identity.Place{Kind: test.kind, Name: "foo", Path: path, Holds: test.holds, Component: identity.DefaultComponent}
			_, err = Run(stream, stateOf(t, identity.DefaultComponent).WithPlaces(place), Options{})
			input, ok := errors.AsType[*InputError](err)
			if !ok || !strings.Contains(input.Problem, "the config's places point at "+test.path+", and "+test.want) {
				t.Fatalf("error %v", err)
			}
			hint, ok := errors.AsType[interface {
				error
				Hint() string
			}](err)
			if ok != (test.hint != "") || ok && !strings.Contains(hint.Hint(), test.hint) {
				t.Errorf("hint %v", hint)
			}
		})
	}
}

// TestAdviceIsForEveryObjectOfTheName has a second object to which the place would apply
// too, and in which it leads nowhere.
func TestAdviceIsForEveryObjectOfTheName(t *testing.T) {
	object := "---\napiVersion: example.com/v1\nkind: Foo\nmetadata: {name: foo, namespace: %s}\nspec: %s\n"
	for second, want := range map[string]int{
		`{it: ['{"mxp-controller":{"annotations":{}}}']}`: 1,
		`{it: []}`:                    0,
		`{it: ['{"other":{}}']}`:      0, // the place would add the key
		`{it: ['{"annotations":1}']}`: 0,
	} {
		stream := fmt.Sprintf(object+object, "a", `{it: ['{"mxp-controller":{"annotations":{}}}']}`, "b", second)
		result, err := Run([]byte(stream), stateOf(t, identity.DefaultComponent), Options{OnMissing: MissingWarns, Unrecognised: true})
		if err != nil || len(result.Advice) != want {
			t.Errorf("beside %s: advice %v, error %v", second, result.Advice, err)
		}
	}
}

// TestNoAdviceForDescriptionsOfFields has the schema of another kind, in which an
// annotation would be a field that nothing knows.
func TestNoAdviceForDescriptionsOfFields(t *testing.T) {
	for _, kind := range []string{"CustomResourceDefinition", "CompositeResourceDefinition"} {
		stream := "apiVersion: example.com/v1\nkind: " + kind + "\nmetadata: {name: foo}\nspec: {properties: {mxpController: {serviceAccount: {properties: {annotations: {type: object}}}}}}\n"
		result, err := Run([]byte(stream), stateOf(t, identity.DefaultComponent), Options{OnMissing: MissingWarns, Unrecognised: true})
		if err != nil || len(result.Advice) > 0 {
			t.Errorf("%s: advice %v, error %v", kind, result.Advice, err)
		}
	}
}
