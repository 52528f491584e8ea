package artifact_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/artifact"
)

func TestCommitReplacesTheSet(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "artifacts")
	put(t, dir, map[string]string{"a.json": "1", "b.json": "2"})
	put(t, dir, map[string]string{"b.json": "three", "report.json": "4"})
	wantFiles(t, dir, map[string]string{"a.json": "1", "b.json": "three", "report.json": "4"})
}

func TestNothingChangesBeforeCommit(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.json", "old")
	s := stage(t, dir)
	mustPut(t, s, "a.json", "new")
	if diff := cmp.Diff("old", read(t, dir, "a.json")); diff != "" {
		t.Error(diff)
	}
	if err := s.Discard(); err != nil {
		t.Fatal(err)
	}
	wantFiles(t, dir, map[string]string{"a.json": "old"})
}

func TestLastPutOfANameCounts(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.json", "old")
	s := stage(t, dir)
	for _, content := range []string{"first", "second", "old"} {
		mustPut(t, s, "a.json", content)
	}
	if err := s.Commit(); err != nil {
		t.Fatal(err)
	}
	wantFiles(t, dir, map[string]string{"a.json": "old"})
}

func TestSameContentKeepsItsModificationTime(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.json", "same")
	long := time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
	if err := os.Chtimes(filepath.Join(dir, "a.json"), long, long); err != nil {
		t.Fatal(err)
	}
	put(t, dir, map[string]string{"a.json": "same"})
	info, err := os.Stat(filepath.Join(dir, "a.json"))
	if err != nil {
		t.Fatal(err)
	}
	if !info.ModTime().Equal(long) {
		t.Errorf("the file was written again at %s", info.ModTime())
	}
}

func TestEverybodyMayReadTheFiles(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, map[string]string{"a.json": "1"})
	info, err := os.Stat(filepath.Join(dir, "a.json"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(fs.FileMode(0o644), info.Mode()); diff != "" {
		t.Error(diff)
	}
}

func TestCommitReplacesLinks(t *testing.T) {
	outside, dir := t.TempDir(), t.TempDir()
	write(t, outside, "precious", "new") // a link to the same content is replaced too
	link(t, filepath.Join(outside, "precious"), filepath.Join(dir, "a.json"))
	link(t, filepath.Join(outside, "nowhere"), filepath.Join(dir, "b.json"))
	put(t, dir, map[string]string{"a.json": "new", "b.json": "new"})
	wantFiles(t, dir, map[string]string{"a.json": "new", "b.json": "new"})
	wantFiles(t, outside, map[string]string{"precious": "new"})
}

func TestDirectoryMayBeALink(t *testing.T) {
	base := t.TempDir()
	if err := os.Mkdir(filepath.Join(base, "real"), 0o755); err != nil {
		t.Fatal(err)
	}
	link(t, "real", filepath.Join(base, "artifacts"))
	put(t, filepath.Join(base, "artifacts"), map[string]string{"a.json": "1"})
	wantFiles(t, filepath.Join(base, "real"), map[string]string{"a.json": "1"})
}

func TestPutRefusesBadNames(t *testing.T) {
	dir := t.TempDir()
	s := stage(t, dir)
	for _, name := range []string{"", ".", "..", ".hidden", "a/b", `a\b`, "../a", "a b", "ä", "a\x00", strings.Repeat("a", 256)} {
		if err := s.Put(name, nil); err == nil || !strings.Contains(err.Error(), "is not the name of an artifact") {
			t.Errorf("Put(%q) = %v", name, err)
		}
	}
	if err := s.Discard(); err != nil {
		t.Fatal(err)
	}
	wantFiles(t, dir, map[string]string{})
}

func TestPutAfterCommitIsAnError(t *testing.T) {
	s := stage(t, t.TempDir())
	if err := s.Commit(); err != nil {
		t.Fatal(err)
	}
	want := "cannot stage a.json: the set of files was already committed or discarded"
	if err := s.Put("a.json", nil); err == nil || err.Error() != want {
		t.Errorf("Put = %v, want %s", err, want)
	}
	if err := s.Discard(); err != nil {
		t.Errorf("Discard after Commit = %v", err)
	}
}

func TestCommitRemovesTemporaryFilesAfterAnHour(t *testing.T) {
	dir := t.TempDir()
	young := ".spaces-identity-99999999999-ABC.tmp"
	write(t, dir, ".spaces-identity-1000000000-ABC.tmp", "written in 2001")
	write(t, dir, young, "another run's")
	write(t, dir, ".spaces-identity-notes.tmp", "not ours")
	put(t, dir, map[string]string{"a.json": "1"})
	wantFiles(t, dir, map[string]string{"a.json": "1", young: "another run's", ".spaces-identity-notes.tmp": "not ours"})
}

func put(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	s := stage(t, dir)
	for name, content := range files {
		mustPut(t, s, name, content)
	}
	if err := s.Commit(); err != nil {
		t.Fatal(err)
	}
}

func stage(t *testing.T, dir string) *artifact.Staging {
	t.Helper()
	s, err := artifact.Stage(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func mustPut(t *testing.T, s *artifact.Staging, name, content string) {
	t.Helper()
	if err := s.Put(name, []byte(content)); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, dir, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func link(t *testing.T, to, at string) {
	t.Helper()
	if err := os.Symlink(to, at); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, dir, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// wantFiles compares all files of the directory. "not a plain file" is the content of a
// directory or a link.
func wantFiles(t *testing.T, dir string, want map[string]string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, e := range entries {
		got[e.Name()] = "not a plain file"
		if e.Type().IsRegular() {
			got[e.Name()] = read(t, dir, e.Name())
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files of %s (-want +got):\n%s", dir, diff)
	}
}
