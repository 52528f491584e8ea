package artifact_test

import (
	"strconv"
	"testing"

	"spaces-identity.dev/internal/artifact"
)

// BenchmarkCommit is the five artifacts of a component, all changed each time:
// the worst case, because files that are right already are left alone.
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
