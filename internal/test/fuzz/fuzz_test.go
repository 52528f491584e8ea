package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// ends are ways in which go test -fuzz ends, as Go 1.26 prints them.
var ends = map[string]struct {
	output   string
	spurious bool
	inputs   string
}{
	"the time is over": {"fuzz: elapsed: 0s, gathering baseline coverage: 0/8 completed\n" +
		"fuzz: elapsed: 3s, execs: 120 (40/sec), new interesting: 0 (total: 8)\n" +
		"fuzz: elapsed: 6s, execs: 350 (76/sec), new interesting: 1 (total: 9)\nPASS\nok  \tx\t6.1s\n", false, "350"},
	"a deadline of go test": {"fuzz: elapsed: 3s, execs: 40304 (0/sec), new interesting: 104 (total: 108)\n" +
		"--- FAIL: FuzzA (3.20s)\n    context deadline exceeded\nFAIL\nexit status 1\nFAIL\tx\t3.202s\n", true, "40304"},
	"a failing input": {"fuzz: elapsed: 0s, execs: 7 (40/sec), new interesting: 0 (total: 1)\n--- FAIL: FuzzA (0.02s)\n" +
		"    --- FAIL: FuzzA (0.00s)\n        a_test.go:9: differs\n\n    Failing input written to testdata/fuzz/FuzzA/1\n" +
		"    To re-run:\n    go test -run=FuzzA/1\nFAIL\nexit status 1\nFAIL\tx\t0.02s\n", false, "7"},
	"a failing input that exceeds a deadline": {"--- FAIL: FuzzA (0.02s)\n    --- FAIL: FuzzA (0.00s)\n" +
		"        a_test.go:9: \n    context deadline exceeded\n\n    Failing input written to testdata/fuzz/FuzzA/1\nFAIL\n", false, "0"},
	"a failing seed": {"--- FAIL: FuzzA (0.00s)\n    --- FAIL: FuzzA/seed#0 (0.00s)\n        a_test.go:9: differs\nFAIL\n", false, "0"},
	"a seed that exceeds a deadline": {"--- FAIL: FuzzA (0.00s)\n    context deadline exceeded\nFAIL\n" +
		"    --- FAIL: FuzzA/seed#0 (0.00s)\nFAIL\n", false, "0"},
	"a crash": {"fuzz: elapsed: 1s, execs: 9 (9/sec), new interesting: 0 (total: 1)\n--- FAIL: FuzzA (1.02s)\n" +
		"    fuzzing process hung or terminated unexpectedly: exit status 2\nFAIL\n", false, "9"},
	"no code": {"# x\n./a_test.go:3:1: syntax error\nFAIL\tx [build failed]\nFAIL\n", false, "0"},
}

func TestOnlyABareDeadlineIsSpurious(t *testing.T) {
	for name, end := range ends {
		if got := spurious([]byte(end.output)); got != end.spurious {
			t.Errorf("%s: spurious is %v", name, got)
		}
		if got := executions([]byte(end.output)); got != end.inputs {
			t.Errorf("%s: %s inputs, want %s", name, got, end.inputs)
		}
	}
}

// The go command of this test prints an end that a file has, and fails unless the end is ok.
const scriptOfGo = `#!/bin/sh
echo run >>"$DIR/runs"
end=$DIR/$(wc -l <"$DIR/runs" | tr -d ' ')
cat "$end"
! grep -q FAIL "$end"
`

func TestFuzzRepeatsSpuriousEndsOnly(t *testing.T) {
	const good, deadline, input, crash = "the time is over", "a deadline of go test", "a failing input", "a crash"
	for name, test := range map[string]struct {
		ends []string
		runs int
		err  string
	}{
		"success":               {[]string{good}, 1, ""},
		"success after repeats": {[]string{deadline, deadline, good}, 3, ""},
		"never another end":     {[]string{deadline, deadline, deadline, good}, 3, "go test ended with its own deadline 3 times"},
		"failure":               {[]string{input, good}, 1, "exit status 1"},
		"crash":                 {[]string{crash, good}, 1, "exit status 1"},
		"failure in a repeat":   {[]string{deadline, input, good}, 2, "exit status 1"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for i, end := range test.ends {
				write(t, filepath.Join(dir, fmt.Sprint(i+1)), ends[end].output, 0o600)
			}
			write(t, filepath.Join(dir, "go"), scriptOfGo, 0o700)
			t.Setenv("DIR", dir)
			t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
			err := target{dir, "FuzzA"}.fuzz(t.Context(), &bytes.Buffer{}, "1000x")
			if fmt.Sprint(err) != test.err && (err != nil || test.err != "") {
				t.Errorf("error is %v", err)
			}
			runs, _ := os.ReadFile(filepath.Join(dir, "runs"))
			if got := strings.Count(string(runs), "run"); got != test.runs {
				t.Errorf("%d runs, want %d", got, test.runs)
			}
		})
	}
}

// TestFuzzShowsTheFailingInput fuzzes a target that fails for every input that is not empty.
func TestFuzzShowsTheFailingInput(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "go.mod"), "module x\n\ngo 1.26\n", 0o600)
	write(t, filepath.Join(dir, "a_test.go"), `package x

import "testing"

func FuzzGood(f *testing.F) { f.Fuzz(func(*testing.T, int) {}) }

func FuzzBad(f *testing.F) {
	f.Fuzz(func(t *testing.T, text string) {
		if text != "" {
			t.Error("differs")
		}
	})
}
`, 0o600)
	t.Chdir(dir)
	var out bytes.Buffer
	err := fuzzAll(t.Context(), &out, "1000x", []string{"."})
	if err == nil || !strings.HasPrefix(err.Error(), "FuzzBad in ") || strings.Contains(err.Error(), "FuzzGood") {
		t.Errorf("error is %v", err)
	}
	for _, want := range []string{"FuzzGood: 1000 inputs in ", "go test fuzz v1\nstring("} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the output lacks %q:\n%s", want, &out)
		}
	}
}

func TestFuzzNeedsTargets(t *testing.T) {
	err := fuzzAll(t.Context(), &bytes.Buffer{}, "1000x", []string{"../../exit"})
	if err == nil || !strings.Contains(err.Error(), "no fuzz targets") {
		t.Errorf("error is %v", err)
	}
}

func write(t *testing.T, file, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}
