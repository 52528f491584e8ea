package artifact_test

import (
	"strconv"
	"testing"

	"spaces-identity.dev/internal/artifact"
)

// BenchmarkCommit replaces the five artifacts of a component. All of them change each
// time, which is the worst case: files with the same content are not written again.
func BenchmarkCommit(b *testing.B) {
	dir := b.TempDir()
	for i := 0; b.Loop(); i++ {
		s, err := artifact.Stage(dir)
		if err != nil {
			b.Fatal(err)
		}
		for file := range 5 {
			if err := s.Put("file-"+strconv.Itoa(file), make([]byte, 4000+i%7)); err != nil {
				b.Fatal(err)
			}
		}
		if err := s.Commit(); err != nil {
			b.Fatal(err)
		}
	}
}
