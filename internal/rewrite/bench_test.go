package rewrite

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"spaces-identity.dev/internal/identity"
)

// benchSpec asks for a role for the default component.
func benchSpec() identity.Spec {
	c, _ := identity.Known(identity.DefaultComponent)
	c.Role = identity.RoleARN{Partition: "aws", Account: "123456789012", Name: "r"}
	return identity.Spec{Components: []identity.Component{c}}.WithDefaults()
}

// chart is a stream of documents without a place.
func chart(size int) []byte {
	doc := "---\n# Source: monitoring/templates/x.yaml\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\ndata:\n" +
		strings.Repeat("  controller: \"value of some length, with \\\"words\\\" in it\" # and a comment\n", 160)
	return bytes.Repeat([]byte(doc), size/len(doc))
}

func BenchmarkNames(b *testing.B) {
	stream, looked := chart(20<<20), namesOf(benchSpec())
	b.SetBytes(int64(len(stream)))
	b.ReportAllocs()
	for b.Loop() {
		if looked.mayBeIn(stream) {
			b.Fatal("a name is in a stream without one")
		}
	}
}

func BenchmarkRun(b *testing.B) {
	account := "---\napiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: mxp-controller\n  namespace: mxp-%d-system\n"
	var all, list bytes.Buffer
	list.WriteString("kind: List\nitems:\n")
	for n := range 10_000 {
		fmt.Fprintf(&all, account, n)
		fmt.Fprintf(&list, "- kind: ServiceAccount\n  metadata:\n    name: mxp-controller\n    namespace: mxp-%d-system\n", n)
	}
	for name, stream := range map[string][]byte{
		"one place in 20 MB": append(chart(20<<20), fmt.Sprintf(account, 0)...),
		"10,000 places":      all.Bytes(),
		"10,000 in a list":   list.Bytes(),
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(stream)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Run(stream, benchSpec(), Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
