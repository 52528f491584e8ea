package artifact_test

import (
	"fmt"
	"path/filepath"
	"syscall"
	"testing"
)

func TestPutReportsAFullFileSystem(t *testing.T) {
	dir := tmpfs(t, 0, "size=64k")
	write(t, dir, "a.json", "old")
	s := stage(t, dir)
	mustPut(t, s, "b.json", "small")
	err := s.Put("a.json", make([]byte, 1<<20))
	wantError(t, err, fmt.Sprintf("cannot write %q: no space left on device", filepath.Join(dir, "a.json")), "free some space"+otherDirectory)
	if err := s.Discard(); err != nil {
		t.Fatal(err)
	}
	wantFiles(t, dir, map[string]string{"a.json": "old"})
}

func TestPutReportsAReadOnlyFileSystem(t *testing.T) {
	dir := tmpfs(t, syscall.MS_RDONLY, "")
	s := stage(t, dir)
	wantError(t, s.Put("a.json", []byte("1")), fmt.Sprintf("cannot write %q: read-only file system", filepath.Join(dir, "a.json")),
		"make the file system writable"+otherDirectory)
	wantFiles(t, dir, map[string]string{})
}

// tmpfs mounts a file system with the options. Only root can do that; for other users
// the test is skipped.
func tmpfs(t *testing.T, flags uintptr, options string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", flags, options); err != nil {
		t.Skipf("cannot mount a tmpfs here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}
