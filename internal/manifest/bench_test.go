package manifest

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"spaces-identity.dev/internal/identity"
)

// largeStream returns 20 MB of documents like those of monitoring charts.
func largeStream() []byte {
	doc := "---\n# Source: kps/templates/x.yaml\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\ndata:\n" +
		string(bytes.Repeat([]byte("  key: \"value of some length, with words in it\" # and a comment\n"), 160))
	return bytes.Repeat([]byte(doc), 20<<20/len(doc))
}

func BenchmarkSplit(b *testing.B) {
	stream := largeStream()
	b.SetBytes(int64(len(stream)))
	for b.Loop() {
		for range Split(stream) {
		}
	}
}

// BenchmarkParse compares the quick parser with the library.
func BenchmarkParse(b *testing.B) {
	stream := largeStream()[:1<<20]
	b.Run("quick", func(b *testing.B) {
		b.SetBytes(int64(len(stream)))
		b.ReportAllocs()
		for b.Loop() {
			for doc := range Split(stream) {
				quickParse(new(treeMemory), stream[doc.Start:doc.End])
			}
		}
	})
	b.Run("library", func(b *testing.B) {
		b.SetBytes(int64(len(stream)))
		b.ReportAllocs()
		for b.Loop() {
			for doc := range Split(stream) {
				_, _ = libraryParse(stream[doc.Start:doc.End])
			}
		}
	})
	b.Run("JSON in double quotes", func(b *testing.B) {
		doc := []byte("a: b\nc: \"" + strings.Repeat(`{\"title\": \"some text\", \"x\": 1}\n`, 3000) + "\"\n")
		b.SetBytes(int64(len(doc)))
		b.ReportAllocs()
		for b.Loop() {
			if _, ok := quickParse(new(treeMemory), doc); !ok {
				b.Fatal("the quick parser gave up")
			}
		}
	})
}

func BenchmarkPatch(b *testing.B) {
	sets := []Set{{Path: identity.Path{}.Field("metadata", "annotations", "k"), Value: "v"}}
	for _, entries := range []int{1, 100, 10_000} {
		doc := "kind: ConfigMap\nmetadata:\n  name: x\n  annotations:\n    a: b\ndata:\n" +
			strings.Repeat("  key: \"value of some length\" # and a comment\n", entries)
		b.Run(fmt.Sprintf("%d entries", entries), func(b *testing.B) { benchmarkPatch(b, doc, sets) })
	}
	values := strings.Repeat("key: value of some length\n", 2000) + "m:\n  x: y\n"
	sets = []Set{{Path: identity.Path{}.Field("data", "v").Inside(identity.Into{}).Field("m", "k"), Value: "v"}}
	for name, written := range map[string]string{
		"literal":       "|\n    " + strings.ReplaceAll(values, "\n", "\n    ") + "\n",
		"double quotes": quoted(values) + "\n",
	} {
		b.Run("values in "+name, func(b *testing.B) { benchmarkPatch(b, "data:\n  v: "+written, sets) })
	}
}

func benchmarkPatch(b *testing.B, doc string, sets []Set) {
	b.Helper()
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Patch([]byte(doc), sets); err != nil {
			b.Fatal(err)
		}
	}
}
