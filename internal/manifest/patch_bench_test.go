package manifest

import (
	"fmt"
	"strings"
	"testing"
)

func BenchmarkPatch(b *testing.B) {
	sets := []Set{{Path: Path{}.Field("metadata", "annotations", "k"), Value: "v"}}
	for _, entries := range []int{1, 100, 10_000} {
		doc := []byte("kind: ConfigMap\nmetadata:\n  name: x\n  annotations:\n    a: b\ndata:\n" +
			strings.Repeat("  key: \"value of some length\" # and a comment\n", entries))
		b.Run(fmt.Sprintf("%d entries", entries), func(b *testing.B) {
			b.SetBytes(int64(len(doc)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Patch(doc, sets); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
