//go:build unix

package pipe

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"spaces-identity.dev/internal/identity"
)

func shell(script string) []string { return []string{"sh", "-c", script} }

func TestRunPipesMoreThanPipesTake(t *testing.T) {
	input := bytes.Repeat([]byte("0123456789abcde\n"), 1<<20)
	output, said, err := Run(t.Context(), shell(`head -c 300000 /dev/zero | tr '\0' '\n' >&2; tee /dev/stderr`), nil, input)
	if err != nil || !bytes.Equal(output, input) {
		t.Errorf("%d bytes of %d, error %v", len(output), len(input), err)
	}
	if len(said) > keptErrors || !strings.HasSuffix(said, "\n0123456789abcde") || !strings.HasPrefix(said, "0123456789abcde\n") {
		t.Errorf("%d bytes of standard error", len(said))
	}
}

func TestRunAcceptsAProgramThatClosesItsInput(t *testing.T) {
	input := bytes.Repeat([]byte("x"), 1<<20)
	output, _, err := Run(t.Context(), shell(`exec <&-; echo done`), nil, input)
	if err != nil || string(output) != "done\n" {
		t.Errorf("%q, error %v", output, err)
	}
	if _, _, err := Run(t.Context(), shell(`exec <&-; exit 4`), nil, input); err == nil || err.Error() != "exit status 4" {
		t.Errorf("error %v", err)
	}
}

func TestRunPassesTheEnvironment(t *testing.T) {
	t.Setenv("OUTER", "1")
	output, _, err := Run(t.Context(), shell(`echo $OUTER $INNER`), []string{"INNER=2"}, nil)
	if err != nil || string(output) != "1 2\n" {
		t.Errorf("%q, error %v", output, err)
	}
}

var errStop = errors.New("stop")

// The program starts another one that ignores SIGTERM, and both wait for a FIFO that nobody
// opens. The first writes the ID of the second to a file, and says so in another FIFO.
func TestRunStopsEverythingThatTheProgramStarted(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"never", "ready"} {
		if err := syscall.Mkfifo(filepath.Join(dir, name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		_, _ = os.ReadFile("ready")
		cancel(errStop)
	}()
	_, _, err := Run(ctx, shell(`sh -c 'trap "" TERM; read x <never' & echo $! >id; echo >ready; wait`), nil, []byte("x"))
	if !errors.Is(err, errStop) {
		t.Errorf("error %v", err)
	}
	text, err := os.ReadFile("id")
	if err != nil {
		t.Fatal(err)
	}
	id, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	for wait := time.Millisecond; ; wait *= 2 { // the kernel ends a killed process when it next runs
		state, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(id), "stat"))
		if err != nil || strings.Contains(string(state), ") Z ") {
			return
		}
		if wait > 30*time.Second {
			t.Fatalf("the process is still there: %s", state)
		}
		time.Sleep(wait)
	}
}

func TestRunReportsAProcessThatIsLeft(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "never"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	_, _, err := Run(t.Context(), shell(`read x <never & echo done`), nil, nil)
	if err == nil || err.Error() != "it ended, but left a process that keeps its output open" {
		t.Errorf("error %v", err)
	}
}

func TestRunLimitsTheOutput(t *testing.T) {
	b := &limited{most: 4}
	calls := 0
	b.full = func() { calls++ }
	for range 3 {
		if n, err := b.Write([]byte("abc")); n != 3 || err != nil {
			t.Errorf("wrote %d, error %v", n, err)
		}
	}
	if b.String() != "abc" || calls != 2 {
		t.Errorf("%q, called %d times", b.String(), calls)
	}
}

func TestTailDropsALineWithoutItsBeginning(t *testing.T) {
	var said tail
	for _, text := range []string{"password: ", strings.Repeat("x", keptErrors), "\nlast\xff\n"} {
		if _, err := said.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if got := said.lines(); got != "last\ufffd" {
		t.Errorf("%d bytes", len(got))
	}
}

func TestRunExplainsWhatCannotBeStarted(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.WriteFile("data", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("orphan", []byte("#!/no/interpreter\n"), 0o700); err != nil { //nolint:gosec // it is to run
		t.Fatal(err)
	}
	for command, want := range map[string]string{
		"no-such-program": "it is not on PATH",
		"./none":          "it does not exist",
		"./orphan":        "it does not exist",
		"./data":          "it is not executable",
	} {
		_, _, err := Run(t.Context(), []string{command}, nil, nil)
		if err == nil || err.Error() != want || identity.HintOf(err) == "" {
			t.Errorf("%s: error %v, hint %q", command, err, identity.HintOf(err))
		}
	}
}
