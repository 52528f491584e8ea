package manifest

import (
	"bytes"
	"testing"
)

// largeStream has documents as monitoring charts have them, 20 MB of them.
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

func BenchmarkParse(b *testing.B) {
	stream := largeStream()[:1<<20]
	b.Run("quick", func(b *testing.B) {
		b.SetBytes(int64(len(stream)))
		b.ReportAllocs()
		for b.Loop() {
			for doc := range Split(stream) {
				quickParse(stream[doc.Start:doc.End])
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
}
