package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const serviceAccount = "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: mxp-controller\n  namespace: mxp-a-system\n"

// process is the real binary with pipes at its ends, and artifacts of an
// earlier run.
type process struct {
	*exec.Cmd
	in     io.WriteCloser
	out    io.ReadCloser
	stderr bytes.Buffer
}

func startProcess(t *testing.T) *process {
	t.Helper()
	p := newProcess(t)
	p.start(t)
	return p
}

func newProcess(t *testing.T, flags ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.CommandContext(t.Context(), "spaces-identity", slices.Concat(identityFlags, []string{"--bucket=spaces-backups"}, flags)...)}
	p.Env = environ()
	p.Dir = t.TempDir()
	p.Stderr = &p.stderr
	writeEarlier(t, p.Dir)
	var err error
	if p.in, err = p.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if p.out, err = p.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *process) start(t *testing.T) {
	t.Helper()
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
}

// environ returns the environment without settings, and without the variables of the
// project's own tests, which the program would warn of.
func environ() []string {
	return slices.DeleteFunc(os.Environ(), func(pair string) bool { return strings.HasPrefix(pair, "SPACES_IDENTITY_") })
}

func writeEarlier(t *testing.T, dir string) {
	t.Helper()
	dir = filepath.Join(dir, "identity-artifacts")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"mxp-controller.trust-policy.json", "report.json"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("earlier"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// wantFailed checks that the program ended with status 1, said why, and replaced
// the report alone.
func (p *process) wantFailed(t *testing.T, message string) {
	t.Helper()
	p.wantEnd(t, 1, message, map[string]bool{"mxp-controller.trust-policy.json": true, "report.json": false})
	report, err := os.ReadFile(filepath.Join(p.Dir, "identity-artifacts", "report.json"))
	if err != nil || !strings.Contains(string(report), message) {
		t.Errorf("the report lacks %q (%v):\n%s", message, err, report)
	}
}

// wantInterrupted checks that the program ended as interrupted, said so, and replaced
// no file.
func (p *process) wantInterrupted(t *testing.T, message string) {
	t.Helper()
	p.wantEnd(t, 130, message, map[string]bool{"mxp-controller.trust-policy.json": true, "report.json": true})
}

// wantEnd checks the exit status, the message, and which files are as they were.
func (p *process) wantEnd(t *testing.T, status int, message string, unchanged map[string]bool) {
	t.Helper()
	err := p.Wait()
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok || exit.ExitCode() != status {
		t.Errorf("ended with %v, want exit status %d", err, status)
	}
	if d := cmp.Diff("error: "+message+"\n", p.stderr.String()); d != "" {
		t.Errorf("stderr (-want +got):\n%s", d)
	}
	dir := filepath.Join(p.Dir, "identity-artifacts")
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]bool{}
	for _, e := range entries {
		content, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files[e.Name()] = string(content) == "earlier"
	}
	if d := cmp.Diff(unchanged, files); d != "" {
		t.Errorf("files that are as they were (-want +got):\n%s", d)
	}
}

// More than a pipe takes is written before the signal: the program is reading
// by then.
func TestTerminatedWhileReading(t *testing.T) {
	p := startProcess(t)
	if _, err := io.WriteString(p.in, strings.Repeat("# comment\n", 100_000)); err != nil {
		t.Fatal(err)
	}
	p.signal(t, syscall.SIGTERM)
	p.wantNoOutput(t)
	p.wantFailed(t, "stopped while reading the manifests: terminated signal received; no manifests were written")
}

// Ctrl-C is no failure to explain: not even the report of the earlier run is replaced.
func TestInterruptedWhileReading(t *testing.T) {
	p := startProcess(t)
	if _, err := io.WriteString(p.in, strings.Repeat("# comment\n", 100_000)); err != nil {
		t.Fatal(err)
	}
	p.signal(t, syscall.SIGINT)
	p.wantNoOutput(t)
	p.wantInterrupted(t, "stopped while reading the manifests: interrupted; no manifests were written")
}

func TestInterruptedWhileWriting(t *testing.T) {
	p := startProcess(t)
	p.feed(t)
	if _, err := io.ReadFull(p.out, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	p.signal(t, syscall.SIGINT)
	p.wantInterrupted(t, "writing the manifests to standard output: interrupted; the artifacts are as they were")
}

// The first byte of the output shows that the program is writing. Nobody reads the
// rest, which is more than a pipe takes.
func TestTerminatedWhileWriting(t *testing.T) {
	p := startProcess(t)
	p.feed(t)
	if _, err := io.ReadFull(p.out, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	p.signal(t, syscall.SIGTERM)
	p.wantFailed(t, "writing the manifests to standard output: terminated signal received; the artifacts are as they were")
}

// The fake Helm says that it runs, and waits for what nobody writes.
func TestTerminatedWhileHelmRenders(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "never"), 0o600); err != nil {
		t.Fatal(err)
	}
	helm := filepath.Join(dir, "helm")
	if err := os.WriteFile(helm, []byte("#!/bin/sh\necho ready >&2\nread x <never\n"), 0o700); err != nil { //nolint:gosec // it is to run
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "spaces-identity", append([]string{"template", "spaces", "chart"}, identityFlags...)...)
	cmd.Dir, cmd.Env = dir, append(environ(), "HELM_BIN="+helm)
	stderr, err := cmd.StderrPipe()
	if err := errors.Join(err, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	said := bufio.NewReader(stderr)
	if line, err := said.ReadString('\n'); err != nil || line != "ready\n" {
		t.Fatalf("%q, %v", line, err)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(said)
	if err != nil {
		t.Fatal(err)
	}
	want := "error: stopped while " + helm + " renders the chart: terminated signal received; no manifests were written\n"
	if d := cmp.Diff(want, string(rest)); d != "" {
		t.Errorf("stderr (-want +got):\n%s", d)
	}
	if exit, ok := errors.AsType[*exec.ExitError](cmd.Wait()); !ok || exit.ExitCode() != 1 {
		t.Error("want exit status 1")
	}
}

// The program under then says that it runs, and waits for what nobody writes. It ignores
// SIGTERM.
func TestStoppedWhileAProgramUnderThenRuns(t *testing.T) {
	for _, c := range []struct {
		signal  syscall.Signal
		message string
		end     func(*process, *testing.T, string)
	}{
		{syscall.SIGINT, "interrupted", (*process).wantInterrupted},
		{syscall.SIGTERM, "terminated signal received", (*process).wantFailed},
	} {
		p := newProcess(t, "--config=c.yaml")
		for _, name := range []string{"ready", "never"} {
			if err := syscall.Mkfifo(filepath.Join(p.Dir, name), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		config := "apiVersion: spaces-identity.dev/v1alpha1\nkind: SpacesIdentity\n" +
			`then: [[sh, -c, 'trap "" TERM; echo said >&2; echo >ready; read x <never']]` + "\n"
		if err := os.WriteFile(filepath.Join(p.Dir, "c.yaml"), []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		p.start(t)
		p.feed(t)
		if _, err := os.ReadFile(filepath.Join(p.Dir, "ready")); err != nil {
			t.Fatal(err)
		}
		p.signal(t, c.signal)
		p.wantNoOutput(t)
		c.end(p, t, "stopped while sh runs (then[0]): "+c.message+"; no manifests were written")
	}
}

// Who reads the output goes away in the middle.
func TestReaderGoesAway(t *testing.T) {
	p := startProcess(t)
	p.feed(t)
	if _, err := io.ReadFull(p.out, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if err := p.out.Close(); err != nil {
		t.Fatal(err)
	}
	p.wantFailed(t, "writing the manifests to standard output: write /dev/stdout: broken pipe; the artifacts are as they were")
}

// feed gives the program a stream of a megabyte.
func (p *process) feed(t *testing.T) {
	t.Helper()
	_, err := io.WriteString(p.in, serviceAccount+"---\n"+strings.Repeat("# comment\n", 100_000))
	if err := errors.Join(err, p.in.Close()); err != nil {
		t.Fatal(err)
	}
}

func (p *process) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := p.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

func (p *process) wantNoOutput(t *testing.T) {
	t.Helper()
	if out, err := io.ReadAll(p.out); err != nil || len(out) > 0 {
		t.Errorf("%d bytes of output, %v", len(out), err)
	}
}

// A reader such as head goes away when it has seen enough. A command that only prints has
// nothing to say about that.
func TestReaderHasSeenEnough(t *testing.T) {
	for _, line := range []string{"--help", "help plan", "version", "completion bash", "values", "inspect"} {
		r, w, err := os.Pipe()
		if err := errors.Join(err, r.Close()); err != nil {
			t.Fatal(err)
		}
		var stderr bytes.Buffer
		cmd := exec.CommandContext(t.Context(), "spaces-identity", strings.Fields(line)...)
		cmd.Dir, cmd.Env = t.TempDir(), append(environ(), "SPACES_IDENTITY_ROLE_ARN=arn:aws:iam::123456789012:role/r")
		cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(serviceAccount), w, &stderr
		err = cmd.Run()
		if _, failed := errors.AsType[*exec.ExitError](err); !failed || stderr.Len() > 0 {
			t.Errorf("%s: %v, %s", line, err, stderr.String())
		}
		_ = w.Close() // nobody reads it
	}
}
