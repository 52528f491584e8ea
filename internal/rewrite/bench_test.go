package rewrite

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/test/fixture"
)

// stateOf returns the desired state of known components with a role.
func stateOf(t testing.TB, components ...string) desired.State {
	t.Helper()
	var settings identity.Settings
	for _, name := range components {
		settings.Components = append(settings.Components, identity.Component{Name: name,
			Role: identity.RoleARN{Partition: "aws", Account: "123456789012", Name: "r"}})
	}
	return desired.Of(fixture.Spec(t, settings))
}

// chart returns a stream of documents without a place.
func chart(size int) []byte {
	doc := "---\n# Source: monitoring/templates/x.yaml\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\ndata:\n" +
		strings.Repeat("  controller: \"value of some length, with \\\"words\\\" in it\" # and a comment\n", 160)
	return bytes.Repeat([]byte(doc), size/len(doc))
}

// render returns a stream like that of a monitoring chart, which consists mostly of
// schemas. testdata/bench uses similar ones.
func render(size int) []byte {
	field := "              field:\n                description: |-\n                  What the field is for, in some words; where it is unset,\n" +
		"                  the default is taken.\n\n                  More info: https://example.com/docs#field\n                properties:\n" +
		"                  key:\n                    description: The key to select.\n                    type: string\n                required:\n                - key\n                type: object\n"
	doc := "---\n# Source: monitoring/crds/x.yaml\napiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  name: things.example.com\nspec:\n" +
		strings.Repeat(field, 600)
	return bytes.Repeat([]byte(doc), size/len(doc))
}

func BenchmarkNames(b *testing.B) {
	for _, bench := range []struct {
		name       string
		stream     []byte
		components []string
	}{
		{"20 MB, one component", chart(20 << 20), []string{identity.DefaultComponent}},
		{"render of 4.7 MB, one component", render(4_700_000), []string{identity.DefaultComponent}},
		{"render of 4.7 MB, every component", render(4_700_000), identity.KnownNames()},
	} {
		state := stateOf(b, bench.components...)
		looked := namesOf(append(ServiceAccounts{state}.searchNames(), newEmbeddedValues(state).keys...)...)
		run := func(name string, isIn func(stream []byte) bool) {
			b.Run(bench.name+"/"+name, func(b *testing.B) {
				b.SetBytes(int64(len(bench.stream)))
				b.ReportAllocs()
				for b.Loop() {
					if isIn(bench.stream) {
						b.Fatal("a name is in a stream without one")
					}
				}
			})
		}
		run("all", func(stream []byte) bool { return looked.mayBeIn(stream) || mayBeSecret(stream) })
		run("rarest character first", func(stream []byte) bool {
			return slices.ContainsFunc(looked.few, func(n name) bool { return n.in(stream) })
		})
		run("bytes.Contains", func(stream []byte) bool {
			return slices.ContainsFunc(looked.few, func(n name) bool { return bytes.Contains(stream, n.text) })
		})
	}
}

// controlPlanes returns a ServiceAccount and a Deployment for each of some control planes.
func controlPlanes(count int) []byte {
	var b bytes.Buffer
	for n := range count {
		fmt.Fprintf(&b, account+`---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: mxp-host
  namespace: mxp-%[1]d-system
spec:
  selector:
    matchLabels:
      app: mxp-host
  template:
    metadata:
      annotations:
        example.com/team: "platform"
      labels:
        app: mxp-host
    spec:
      serviceAccountName: mxp-controller
      containers:
      - name: main
        image: registry.example/mxp:v1
        env:
`, n)
		b.WriteString(strings.Repeat("        - name: FIRST # one of many\n          value: \"a value\"\n", 14))
	}
	return b.Bytes()
}

// account is the ServiceAccount of a control plane with a number.
const account = "---\napiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: mxp-controller\n  namespace: mxp-%[1]d-system\n"

func BenchmarkRun(b *testing.B) {
	var all, list bytes.Buffer
	list.WriteString("kind: List\nitems:\n")
	for n := range 10_000 {
		fmt.Fprintf(&all, account, n)
		fmt.Fprintf(&list, "- kind: ServiceAccount\n  metadata:\n    name: mxp-controller\n    namespace: mxp-%d-system\n", n)
	}
	for name, stream := range map[string][]byte{
		"200 control planes": controlPlanes(200),
		"1 MB in a string": []byte("kind: ConfigMap\napiVersion: v1\nmetadata:\n  name: v\ndata:\n  values.yaml: |\n    controlPlanes: {mxpController: {}}\n    other:\n" +
			strings.Repeat("      - name: setting # one of many\n        value: \"a value of some length\"\n", 14_000)),
		"one place in 20 MB": append(chart(20<<20), fmt.Sprintf(account, 0)...),
		"10,000 places":      all.Bytes(),
		"10,000 in a list":   list.Bytes(),
	} {
		b.Run(name, func(b *testing.B) { benchmarkRun(b, stream, identity.Component{}) })
	}
}

// benchmarkRun runs on a stream with a component that runs as mxp-controller.
func benchmarkRun(b *testing.B, stream []byte, component identity.Component) {
	b.Helper()
	component.Name, component.Role = identity.DefaultComponent, identity.RoleARN{Partition: "aws", Account: "123456789012", Name: "r"}
	state := desired.Of(fixture.Spec(b, identity.Settings{Components: []identity.Component{component}}))
	b.SetBytes(int64(len(stream)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Run(stream, state, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
