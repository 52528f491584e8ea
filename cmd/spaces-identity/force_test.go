package main

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// version is one of two configs whose artifacts differ, with what a run that
// nobody disturbs makes of them.
type version struct {
	args  []string
	out   string
	files map[string]string
	took  time.Duration
}

const forcedManifests = serviceAccount + "---\nkind: ConfigMap\nmetadata: {name: x}\ndata: {a: b}\n"

func newVersion(t *testing.T, role string) version {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "artifacts")
	v := version{args: []string{
		"--role-arn=arn:aws:iam::123456789012:role/" + role,
		"--oidc-provider=oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E",
		"--host-namespace=mxp-a-system", "--bucket=" + role, "--region=us-west-2",
	}}
	start := time.Now()
	out, stderr, err := v.run(t, dir)
	v.took = time.Since(start)
	if err != nil {
		t.Fatalf("%v: %s", err, stderr)
	}
	v.out, v.files = out, filesOf(t, dir)
	return v
}

func (v version) command(t *testing.T, dir string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "spaces-identity", append(v.args, "--artifacts-dir="+dir)...)
	cmd.Dir = filepath.Dir(dir)
	cmd.Stdin = strings.NewReader(forcedManifests)
	return cmd
}

func (v version) run(t *testing.T, dir string) (stdout, stderr string, err error) {
	t.Helper()
	var out, said bytes.Buffer
	cmd := v.command(t, dir)
	cmd.Stdout, cmd.Stderr = &out, &said
	err = cmd.Run()
	return out.String(), said.String(), err
}

// filesOf are the artifacts in a directory. What a killed run leaves under a
// temporary name is none.
func filesOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".spaces-identity-") {
			continue
		}
		content, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files[e.Name()] = string(content)
	}
	return files
}

// checkWhole checks that each file is whole, of one version or the other, and that
// nothing was left next to the directory.
func checkWhole(t *testing.T, dir string, a, b version) {
	t.Helper()
	for name, content := range filesOf(t, dir) {
		if content != a.files[name] && content != b.files[name] {
			t.Fatalf("%s is torn:\n%s", name, content)
		}
	}
	beside, err := os.ReadDir(filepath.Dir(dir))
	if err != nil || len(beside) != 1 {
		t.Fatalf("beside the directory: %v, %v", beside, err)
	}
}

// TestKilled kills runs at random moments, in turns of two configs.
func TestKilled(t *testing.T) {
	a, b := newVersion(t, "role-a"), newVersion(t, "role-b")
	dir := filepath.Join(t.TempDir(), "artifacts")
	if out, stderr, err := a.run(t, dir); err != nil {
		t.Fatalf("%v: %s%s", err, stderr, out)
	}
	random := rand.New(rand.NewPCG(1, 2))
	killed, longest := 0, a.took
	for i := range 200 {
		v := []version{b, a}[i%2]
		cmd := v.command(t, dir)
		var out bytes.Buffer
		cmd.Stdout = &out
		start := time.Now()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		kill := time.AfterFunc(time.Duration(random.Int64N(int64(longest))), func() { _ = cmd.Process.Kill() })
		if err := cmd.Wait(); err != nil {
			killed++
		} else {
			longest = min(longest, time.Since(start)) // so that most are killed
		}
		kill.Stop()
		if !strings.HasPrefix(v.out, out.String()) {
			t.Fatalf("run %d wrote %q", i, out.String())
		}
		checkWhole(t, dir, a, b)
	}
	t.Logf("%d of 200 runs were killed before they ended", killed)
	if killed == 0 {
		t.Error("no run was killed")
	}
	if _, stderr, err := a.run(t, dir); err != nil {
		t.Fatalf("the run after them: %v: %s", err, stderr)
	}
	if d := cmp.Diff(a.files, filesOf(t, dir)); d != "" {
		t.Errorf("the run after them (-want +got):\n%s", d)
	}
}

// TestFiftyAtOnce runs two configs into one directory at the same time.
func TestFiftyAtOnce(t *testing.T) {
	a, b := newVersion(t, "role-a"), newVersion(t, "role-b")
	dir := filepath.Join(t.TempDir(), "artifacts")
	var runs sync.WaitGroup
	for i := range 50 {
		v := []version{a, b}[i%2]
		runs.Go(func() {
			out, stderr, err := v.run(t, dir)
			if err != nil || out != v.out {
				t.Errorf("%v: %s%s", err, stderr, cmp.Diff(v.out, out))
			}
		})
	}
	runs.Wait()
	checkWhole(t, dir, a, b)
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != len(a.files) {
		t.Errorf("%d files, want %d: %v, %v", len(entries), len(a.files), entries, err)
	}
}

// wantRefused runs the program in a place where it cannot write. It must say why and
// what to do, and leave the files as they were. It returns the output.
func wantRefused(t *testing.T, cmd *exec.Cmd, dir string, says ...string) string {
	t.Helper()
	before := filesOf(t, dir)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 1 {
		t.Errorf("ended with %v, want exit status 1", err)
	}
	for _, text := range says {
		if !strings.Contains(said.String(), text) {
			t.Errorf("does not say %q: %s", text, said.String())
		}
	}
	if d := cmp.Diff(before, filesOf(t, dir)); d != "" {
		t.Errorf("files (-before +after):\n%s", d)
	}
	return out.String()
}

func wantNothing(t *testing.T, out string) {
	t.Helper()
	if out != "" {
		t.Errorf("wrote %q", out)
	}
}

func TestFileSystemWithoutSpace(t *testing.T) {
	a, b := newVersion(t, "role-a"), newVersion(t, "role-b")
	dir := mountedTmpfs(t, "size=64k")
	if _, stderr, err := a.run(t, dir); err != nil {
		t.Fatal(stderr)
	}
	fill(t, filepath.Join(dir, "large"))
	wantNothing(t, wantRefused(t, b.command(t, dir), dir, "no space left on device", "free some space", dir))
}

// fill writes a file until there is no more space.
func fill(t *testing.T, file string) {
	t.Helper()
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestReadOnlyFileSystem(t *testing.T) {
	a, b := newVersion(t, "role-a"), newVersion(t, "role-b")
	dir := mountedTmpfs(t, "")
	if _, stderr, err := a.run(t, dir); err != nil {
		t.Fatal(stderr)
	}
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	wantNothing(t, wantRefused(t, b.command(t, dir), dir, "read-only file system", "make the file system writable", dir))
}

func mountedTmpfs(t *testing.T, options string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "artifacts")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		t.Skipf("cannot mount a tmpfs here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// TestSymbolicLinkInTheWay has links where artifacts go: they are replaced, and
// what they point at is neither written nor made.
func TestSymbolicLinkInTheWay(t *testing.T) {
	a := newVersion(t, "role-a")
	outside, dir := t.TempDir(), filepath.Join(t.TempDir(), "artifacts")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	target := filepath.Join(outside, "target")
	if err := os.WriteFile(target, []byte("not yours"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, to := range map[string]string{
		"mxp-controller.trust-policy.json": target,
		"report.json":                      filepath.Join(outside, "made"),
	} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if _, stderr, err := a.run(t, dir); err != nil {
		t.Fatalf("%v: %s", err, stderr)
	}
	if d := cmp.Diff(a.files, filesOf(t, dir)); d != "" {
		t.Errorf("artifacts (-want +got):\n%s", d)
	}
	if d := cmp.Diff(map[string]string{"target": "not yours"}, filesOf(t, outside)); d != "" {
		t.Errorf("outside (-want +got):\n%s", d)
	}
}

const nobody = 65534

// TestFileOfAnotherUser has another user's file where an artifact goes: in a
// directory where only owners replace files, and in one that is the other's.
func TestFileOfAnotherUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root may give files to another user")
	}
	a, b := newVersion(t, "role-a"), newVersion(t, "role-b")
	program := programForAll(t)
	for _, test := range []struct {
		name string
		mode os.FileMode
		out  string
	}{
		{"the other user's directory", 0o755, ""},
		{"a directory of all users, where only the renaming fails", os.ModeSticky | 0o777, b.out},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := filepath.Join(openToAll(t), "artifacts")
			if _, stderr, err := a.run(t, dir); err != nil {
				t.Fatal(stderr)
			}
			if err := os.Chmod(dir, test.mode); err != nil {
				t.Fatal(err)
			}
			cmd := b.command(t, dir)
			cmd.Path = program
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
			if d := cmp.Diff(test.out, wantRefused(t, cmd, dir, "cannot write", dir)); d != "" {
				t.Errorf("output (-want +got):\n%s", d)
			}
		})
	}
}

// openToAll is a temporary directory that every user can reach.
func openToAll(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{filepath.Dir(dir), dir} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// programForAll is a copy of the program that every user can run.
func programForAll(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("spaces-identity")
	if err != nil {
		t.Fatal(err)
	}
	in, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close() }() // read only: nothing is lost
	file := filepath.Join(openToAll(t), "spaces-identity")
	out, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(out, in)
	if err := errors.Join(err, out.Close()); err != nil {
		t.Fatal(err)
	}
	return file
}
