package rewrite

import (
	"bytes"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"spaces-identity.dev/internal/identity"
)

// TestRestartsFollowReferencesByNamespace has ConfigMaps and Secrets of one name in several
// namespaces, with changed, unchanged and no embedded values.
func TestRestartsFollowReferencesByNamespace(t *testing.T) {
	values := func(kind, namespace, name string, outcome Outcome) place {
		return place{Finding: Finding{Outcome: outcome, Component: "mxp-controller", Place: EmbeddedPlace, Kind: kind, Namespace: namespace, Name: name}}
	}
	index := embeddedIn([]place{
		values("ConfigMap", "a", "values", Changed), values("ConfigMap", "b", "values", Unchanged), values("ConfigMap", "c", "values", Left),
		values("Secret", "b", "values", Changed), values("ConfigMap", "", "everywhere", Changed), values("Secret", "a", "", Changed),
	})
	for _, test := range []struct {
		name, namespace, spec string
		want                  bool
	}{
		{"its own namespace", "a", "{volumes: [{configMap: {name: values}}]}", true},
		{"values that are unchanged there", "b", "{volumes: [{configMap: {name: values}}]}", false},
		{"values that are left there", "c", "{volumes: [{configMap: {name: values}}]}", false},
		{"a namespace without them", "d", "{volumes: [{configMap: {name: values}}]}", false},
		{"no namespace, which may be any", "", "{volumes: [{configMap: {name: values}}]}", true},
		{"a ConfigMap without a namespace", "d", "{volumes: [{configMap: {name: everywhere}}]}", true},
		{"another kind of the name", "b", "{volumes: [{secret: {secretName: values}}]}", true},
		{"another kind that did not change", "a", "{volumes: [{secret: {secretName: values}}]}", false},
		{"an environment variable", "a", "{containers: [{env: [{valueFrom: {configMapKeyRef: {name: values}}}]}]}", true},
		{"a part of a volume, by an alias", "b", "{x: &x {secret: {name: values}}, volumes: [{projected: {sources: [*x]}}]}", true},
		{"an object without a name", "a", "{volumes: [{secret: {secretName: other}}]}", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			in := newInput([]byte("apiVersion: v1\nkind: PodTemplate\ntemplate:\n  spec: "+test.spec+"\n"), Options{})
			docs, errs := in.read(nil, names{}, always)
			if len(errs) > 0 {
				t.Fatal(errs)
			}
			if read := index.readBy(docs[0].objects[0].node.Get("template", "spec"), test.namespace); read.changed != test.want {
				t.Errorf("changed is %t, want %t", read.changed, test.want)
			}
		})
	}
}

// dependents returns ConfigMaps with embedded values, each with a Deployment that reads it.
func dependents(count int) []byte {
	var b bytes.Buffer
	for n := range count {
		fmt.Fprintf(&b, "---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: values-%[1]d\n  namespace: upbound-system\ndata:\n"+
			"  values.yaml: |\n    controlPlanes:\n      mxpController: {}\n"+
			"---\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: reader-%[1]d\n  namespace: upbound-system\nspec:\n  template:\n    spec:\n"+
			"      containers:\n      - name: main\n        envFrom:\n        - configMapRef: {name: values-%[1]d}\n", n)
	}
	return b.Bytes()
}

func TestEachDependentOfManyConfigMapsRestarts(t *testing.T) {
	const count = 100
	result, err := Run(dependents(count), stateOf(t, identity.DefaultComponent), Options{})
	if err != nil {
		t.Fatal(err)
	}
	restarts := map[string]int{}
	for _, f := range result.Findings {
		if f.Place == DependentPlace && f.Outcome == Changed {
			restarts[f.Name]++
		}
	}
	if len(restarts) != count {
		t.Errorf("%d Deployments restart, want %d", len(restarts), count)
	}
}

// TestRunTakesMemoryInProportionToTheDocuments doubles streams in which everything changes.
func TestRunTakesMemoryInProportionToTheDocuments(t *testing.T) {
	state := stateOf(t, identity.DefaultComponent)
	for name, stream := range map[string]func(count int) []byte{"dependents": dependents, "control planes": controlPlanes} {
		allocated := func(count int) uint64 {
			text := stream(count)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			if _, err := Run(text, state, Options{}); err != nil {
				t.Fatal(err)
			}
			runtime.ReadMemStats(&after)
			return after.TotalAlloc - before.TotalAlloc
		}
		if once, twice := allocated(200), allocated(400); twice > 5*once/2 {
			t.Errorf("%s: 200 allocate %d bytes, 400 allocate %d", name, once, twice)
		}
		const perByte = 90 // of short documents, for which paths and findings cost more than trees
		if size := len(stream(200)); allocated(200) > perByte*uint64(size) {
			t.Errorf("%s: %d bytes take %d bytes of memory", name, size, allocated(200))
		}
	}
}

// BenchmarkDependents shows that the time is in proportion to the number of pairs.
func BenchmarkDependents(b *testing.B) {
	for _, pairs := range []int{1_000, 2_000, 4_000} {
		b.Run(fmt.Sprint(pairs), func(b *testing.B) { benchmarkRun(b, dependents(pairs), identity.Component{}) })
	}
}

// BenchmarkSelectors has as many Services as pod templates with a new label.
func BenchmarkSelectors(b *testing.B) {
	for _, pairs := range []int{1_000, 2_000, 4_000} {
		var stream bytes.Buffer
		for n := range pairs {
			fmt.Fprintf(&stream, "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: mxp, namespace: mxp-%[1]d-system}\nspec:\n"+
				"  selector: {matchLabels: {app: mxp-%[1]d}}\n  template:\n    metadata: {labels: {app: mxp-%[1]d}}\n    spec: {serviceAccountName: mxp-controller}\n"+
				"---\napiVersion: v1\nkind: Service\nmetadata: {name: mxp, namespace: mxp-%[1]d-system}\nspec:\n  selector: {app: mxp-%[1]d, part: team}\n", n)
		}
		b.Run(fmt.Sprint(pairs), func(b *testing.B) {
			benchmarkRun(b, stream.Bytes(), identity.Component{PodLabels: map[string]string{"team": "platform"}})
		})
	}
}

func TestNamesAreWholeWordsIfThereAreMany(t *testing.T) {
	many := []string{"values", "mxp-controller", "a.b_c", "example.com/label"}
	for n := range manyNames {
		many = append(many, fmt.Sprintf("name-%d", n))
	}
	for text, want := range map[string]bool{
		"name: values":                         true,
		"name: mxp-controller\n":               true,
		`{"name":"a.b_c"}`:                     true,
		`v: "name: x\nmxp-controller: y"`:      true,
		"[x,name-255]":                         true,
		`v: "name\x2d1"`:                       true,
		"v: \"name-\\\n  1\"":                  true,
		"labels: {example.com/label: x}":       true,
		"name: my-values":                      false,
		"name: name-256":                       false,
		`path: C:\values-of`:                   false,
		"":                                     false,
		"name: " + strings.Repeat("values", 2): false,
	} {
		if got := namesOf(many...).mayBeIn([]byte(text)); got != want {
			t.Errorf("%q: %t, want %t", text, got, want)
		}
		if few := namesOf("values", "mxp-controller", "a.b_c", "example.com/label", "name-1", "name-255"); want && !few.mayBeIn([]byte(text)) {
			t.Errorf("%q: the search for few names does not find it", text)
		}
	}
	if n := namesOf(slices.Concat(many, many, []string{""})...); n.count() != len(many) {
		t.Errorf("%d names, want %d", n.count(), len(many))
	}
}

// BenchmarkManyNames shows that a search for many names takes no longer than one for few.
func BenchmarkManyNames(b *testing.B) {
	stream := render(4_700_000)
	for _, count := range []int{manyNames, manyNames + 1, 10_000} {
		var texts []string
		for n := range count {
			texts = append(texts, fmt.Sprintf("mxp-values-%d", n))
		}
		looked := namesOf(texts...)
		b.Run(fmt.Sprint(count), func(b *testing.B) {
			b.SetBytes(int64(len(stream)))
			for b.Loop() {
				if looked.mayBeIn(stream) {
					b.Fatal("a name is in a stream without one")
				}
			}
		})
	}
}
