package artifact_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/artifact"
)

const otherDirectory = ", or set artifacts.dir to another directory, or to none to write no artifacts"

func TestStageRefusesAFileAsDirectory(t *testing.T) {
	base := t.TempDir()
	write(t, base, "file", "content")
	for _, dir := range []string{filepath.Join(base, "file"), filepath.Join(base, "file", "below")} {
		_, err := artifact.Stage(dir)
		wantError(t, err, fmt.Sprintf("cannot write %q: not a directory", dir), "a file has the name of the directory: move it away"+otherDirectory)
	}
	wantFiles(t, base, map[string]string{"file": "content"})
}

func TestStageNamesALinkThatLeadsNowhere(t *testing.T) {
	base := t.TempDir()
	dangling, loop := filepath.Join(base, "dangling"), filepath.Join(base, "loop")
	link(t, filepath.Join(base, "gone"), dangling)
	link(t, loop, loop)
	for dir, named := range map[string]string{dangling: dangling, filepath.Join(dangling, "below"): dangling, loop: loop} {
		_, err := artifact.Stage(dir)
		wantError(t, err, fmt.Sprintf("cannot write %q: %q is a link to something that does not exist", dir, named),
			"create the directory that the link names, or remove the link"+otherDirectory)
	}
	wantFiles(t, base, map[string]string{"dangling": "not a plain file", "loop": "not a plain file"})
}

func TestPutRefusesAnExistingDirectory(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "b.json"), 0o755); err != nil {
		t.Fatal(err)
	}
	s := stage(t, dir)
	mustPut(t, s, "a.json", "1")
	wantError(t, s.Put("b.json", []byte("2")), fmt.Sprintf("cannot write %q: is a directory", filepath.Join(dir, "b.json")),
		"a directory has the name of the file: move it away")
	if err := s.Discard(); err != nil {
		t.Fatal(err)
	}
	wantFiles(t, dir, map[string]string{"b.json": "not a plain file"})
}

// TestFailedCommitRestoresFiles creates a directory between Put and Commit, which makes
// a rename fail. The files that were replaced before it must be restored.
func TestFailedCommitRestoresFiles(t *testing.T) {
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
	wantError(t, s.Commit(), fmt.Sprintf("cannot write %q: file exists", filepath.Join(dir, "d.json")),
		"a directory has the name of the file: move it away")
	wantFiles(t, dir, map[string]string{"a.json": "old a", "b.json": "not a plain file", "d.json": "not a plain file"})
}

// TestReadersSeeWholeFiles commits fifty sets to one directory at the same time. A
// reader must always see a whole file.
func TestReadersSeeWholeFiles(t *testing.T) {
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
			t.Errorf("the file is not whole: %d bytes, %v", len(content), err)
			return
		}
		select {
		case <-done:
			return
		default:
		}
	}
}

// wantError compares the message of an error and its hint.
func wantError(t *testing.T, err error, message, hint string) {
	t.Helper()
	hinted, ok := errors.AsType[interface {
		error
		Hint() string
	}](err)
	if !ok {
		t.Fatalf("got the error %v, want %s with a hint", err, message)
	}
	if diff := cmp.Diff([]string{message, hint}, []string{err.Error(), hinted.Hint()}); diff != "" {
		t.Errorf("error and hint (-want +got):\n%s", diff)
	}
}
