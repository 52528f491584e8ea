//go:build unix

package artifact_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// nobody is the user "nobody" on Linux. Any user but root would do.
const nobody = 65534

func TestPutNeedsWritePermission(t *testing.T) {
	if os.Getuid() == 0 {
		runAsNobody(t) // root may write to every directory
		return
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	s := stage(t, dir)
	wantError(t, s.Put("a.json", []byte("1")), fmt.Sprintf("cannot write %q: permission denied", filepath.Join(dir, "a.json")),
		"give yourself write permission on the directory"+otherDirectory)
	wantFiles(t, dir, map[string]string{})
}

// runAsNobody runs the same test again as another user. It copies the test binary to a
// directory that the user may read.
func runAsNobody(t *testing.T) {
	t.Helper()
	dir, err := os.MkdirTemp("", "permission-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) }) // nothing reads it again
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	binary, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "test")
	if err := os.WriteFile(program, binary, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("as another user: %v\n%s", err, out)
	}
	t.Logf("as another user:\n%s", out)
}
