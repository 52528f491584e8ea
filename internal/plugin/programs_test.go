package plugin_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// programs returns the paths of the two programs that make build builds.
func programs(t *testing.T) (small, live string) {
	t.Helper()
	small = binary()
	live = small + "-live"
	for _, path := range []string{small, live} {
		if _, err := os.Stat(path); err != nil {
			t.Skipf("run make build: %v", err)
		}
	}
	return small, live
}

// outcome is the output and the exit status of a program.
type outcome struct {
	Out, Err string
	Status   int
}

func runProgram(t *testing.T, env []string, program string, args ...string) outcome {
	t.Helper()
	var out, stderr bytes.Buffer
	cmd := exec.Command(program, args...)
	cmd.Dir = t.TempDir()
	cmd.Env = append(slices.DeleteFunc(os.Environ(), isSetting), env...)
	cmd.Stdout, cmd.Stderr = &out, &stderr
	err := cmd.Run()
	if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		t.Fatal(err)
	}
	return outcome{out.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

func TestBothProgramsPrintTheSame(t *testing.T) {
	small, live := programs(t)
	lines := [][]string{
		{"version"}, {"--version"}, {"post-rendr"}, {"post-rendr", "--help"}, {"help", "post-rendr"}, {"plan", "--bogus"}, {"apply"},
		{"completion", "bash"}, {"completion", "fish"}, {"completion", "powershell"}, {"completion", "zsh"},
		{"__complete", "plan", "--"}, {"__complete", "verify", "-o", ""}, {"__complete", "--component", ""},
	}
	commands := commandsOf(t, small)
	for _, command := range commands {
		lines = append(lines, append(slices.Clone(command), "--help"), append([]string{"help"}, command...),
			append(append([]string{"__complete"}, command...), ""), append(append([]string{"__complete"}, command...), "--"))
	}
	for _, line := range lines {
		if d := cmp.Diff(runProgram(t, nil, small, line...), runProgram(t, nil, live, line...)); d != "" {
			t.Errorf("%q (-small +live):\n%s", line, d)
		}
	}
	if len(commands) < 20 {
		t.Errorf("only %d commands: %q", len(commands), commands)
	}
}

// commandsOf returns the commands that completion lists, and an empty one for the program
// itself.
func commandsOf(t *testing.T, program string) [][]string {
	t.Helper()
	all := [][]string{{}}
	for i := 0; i < len(all); i++ {
		if slices.Contains(all[i], "help") || slices.Contains(all[i], "export") {
			continue // their completions are arguments, not commands
		}
		out := runProgram(t, nil, program, append(append([]string{"__completeNoDesc"}, all[i]...), "")...).Out
		for name := range strings.Lines(out) {
			if name = strings.TrimSpace(name); !strings.HasPrefix(name, ":") {
				all = append(all, append(slices.Clone(all[i]), name))
			}
		}
	}
	return all
}

// fakeLive replaces the live program. It prints its arguments.
const fakeLive = `#!/bin/sh
printf '%s\n' "$@"
echo "for version $_SPACES_IDENTITY_VERSION"
echo message >&2
exit 3
`

func TestSmallProgramRunsTheLiveOneBesideIt(t *testing.T) {
	small, _ := programs(t)
	dir, elsewhere := t.TempDir(), t.TempDir()
	copyProgram(t, small, filepath.Join(dir, "spaces-identity"))
	if err := os.WriteFile(filepath.Join(dir, "spaces-identity-live"), []byte(fakeLive), 0o700); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(elsewhere, "linked")
	if err := os.Symlink(filepath.Join(dir, "spaces-identity"), link); err != nil {
		t.Fatal(err)
	}
	version := strings.Fields(runProgram(t, nil, small, "version").Out)[1]
	want := outcome{"verify\n--wait\n5m\n--match\nuuid\nfor version " + version + "\n", "message\n", 3}
	for _, program := range []string{filepath.Join(dir, "spaces-identity"), link} {
		if d := cmp.Diff(want, runProgram(t, nil, program, "verify", "--wait", "5m", "--match", "uuid")); d != "" {
			t.Errorf("%s (-want +got):\n%s", program, d)
		}
	}
	if err := os.Remove(filepath.Join(dir, "spaces-identity-live")); err != nil {
		t.Fatal(err)
	}
	got := runProgram(t, nil, link, "plan")
	if got.Status != 1 || !strings.Contains(got.Err, "spaces-identity-live is missing\nhint: ") {
		t.Errorf("without the live program: %+v", got)
	}
}

func copyProgram(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Link(from, to); err == nil {
		return
	}
	copyFile(t, from, to)
	if err := os.Chmod(to, 0o700); err != nil { //nolint:gosec // the program must be executable
		t.Fatal(err)
	}
}

func TestProgramsOfDifferentVersionsRefuseToRun(t *testing.T) {
	_, live := programs(t)
	got := runProgram(t, []string{"_SPACES_IDENTITY_VERSION=0.0.9"}, live, "plan", "--newer-flag")
	version := strings.Fields(runProgram(t, nil, live, "version").Out)[1]
	want := outcome{"", "error: spaces-identity is version 0.0.9, but spaces-identity-live beside it is version " + version + "\n" +
		"hint: install both programs from the same release\n", 2}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
