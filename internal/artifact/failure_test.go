package artifact_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/artifact"
)

const elsewhere = "or choose another directory (artifacts.dir; none for no artifacts)"

func TestAFileWhereTheDirectoryShouldBe(t *testing.T) {
	base := t.TempDir()
	write(t, base, "file", "content")
	for _, dir := range []string{filepath.Join(base, "file"), filepath.Join(base, "file", "below")} {
		_, err := artifact.Stage(dir)
		wantError(t, err, fmt.Sprintf("cannot write %q: not a directory: a file stands where the directory should be; move it away, %s", dir, elsewhere))
	}
	wantFiles(t, base, map[string]string{"file": "content"})
}

func TestADirectoryWhereAFileGoes(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "b.json"), 0o755); err != nil {
		t.Fatal(err)
	}
	s := stage(t, dir)
	mustPut(t, s, "a.json", "1")
	wantError(t, s.Put("b.json", []byte("2")), fmt.Sprintf("cannot write %q: a directory stands there: move it away", filepath.Join(dir, "b.json")))
	if err := s.Discard(); err != nil {
		t.Fatal(err)
	}
	wantFiles(t, dir, map[string]string{"b.json": "not a plain file"})
}

// A directory that appears between Put and Commit is the plainest way to make
// a rename fail: what was renamed before it must come back.
func TestACommitThatFailsPutsBackWhatItReplaced(t *testing.T) {
	outside, dir := t.TempDir(), t.TempDir()
	write(t, dir, "a.json", "old a")
	link(t, filepath.Join(outside, "x"), filepath.Join(dir, "b.json"))
	s := stage(t, dir)
	for _, name := range []string{"a.json", "b.json", "c.json", "d.json", "e.json"} {
		mustPut(t, s, name, "new "+name)
	}
	if err := os.Mkdir(filepath.Join(dir, "d.json"), 0o755); err != nil {
		t.Fatal(err)
	}
	wantError(t, s.Commit(), fmt.Sprintf("cannot write %q: file exists: a directory stands there; move it away", filepath.Join(dir, "d.json")))
	wantFiles(t, dir, map[string]string{"a.json": "old a", "b.json": "not a plain file", "d.json": "not a plain file"})
}

func TestADirectoryWithoutPermission(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may write everywhere: run as another user")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	s := stage(t, dir)
	wantError(t, s.Put("a.json", []byte("1")), fmt.Sprintf("cannot write %q: permission denied: give yourself write permission on the directory, %s",
		filepath.Join(dir, "a.json"), elsewhere))
	wantFiles(t, dir, map[string]string{})
}

// Fifty sets go into one directory at once, while a reader looks: it must see
// whole files all the time.
func TestConcurrentRunsDoNotTear(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.json", strings.Repeat("x", 10000))
	var writers, reader sync.WaitGroup
	done := make(chan struct{})
	reader.Go(func() { wantWhole(t, filepath.Join(dir, "a.json"), done) })
	for run := range 50 {
		writers.Go(func() { putAll(t, dir, string(rune('A'+run))) })
	}
	writers.Wait()
	close(done)
	reader.Wait()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if diff := cmp.Diff([]string{"a.json", "b.json", "c.json"}, names); diff != "" {
		t.Error(diff)
	}
}

func putAll(t *testing.T, dir, letter string) {
	s, err := artifact.Stage(dir)
	if err != nil {
		t.Error(err)
		return
	}
	for _, name := range []string{"a.json", "b.json", "c.json"} {
		if err := s.Put(name, []byte(strings.Repeat(letter, 10000))); err != nil {
			t.Error(err)
		}
	}
	if err := s.Commit(); err != nil {
		t.Error(err)
	}
}

func wantWhole(t *testing.T, file string, done <-chan struct{}) {
	for {
		content, err := os.ReadFile(file)
		if err != nil || len(content) != 10000 || strings.Trim(string(content), string(content[:1])) != "" {
			t.Errorf("torn: %d bytes, %v", len(content), err)
			return
		}
		select {
		case <-done:
			return
		default:
		}
	}
}

func wantError(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %s", want)
	}
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
}
