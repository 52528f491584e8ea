package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/rewrite"
)

// checkRewrite checks the promises that need no golden, in every run of the tests:
// a failure gives out nothing; output fed back in is unchanged; the lines that
// differ are those of the report; and an independent decoder sees exactly the
// report's changes. again runs the program on another input in the same way.
// The checks named in skip are left out, each with its reason.
func checkRewrite(t *testing.T, in string, got rendered, again func(in string) rendered, skip map[string]string) {
	t.Helper()
	if got.status != 0 {
		if got.out != "" || len(got.report.Changes) > 0 || got.report.Error == nil {
			t.Errorf("after a failure: %d bytes of output, %d changes in the report, error %v", len(got.out), len(got.report.Changes), got.report.Error)
		}
		return
	}
	checkSameAgain(t, got, again)
	if skip["lines"] == "" {
		checkLines(t, in, got)
	}
	if skip["decoded"] == "" {
		checkDecoded(t, in, got.out, got.report.Changes)
	}
	checkLineEndings(t, in, got, again)
}

func checkSameAgain(t *testing.T, got rendered, again func(string) rendered) {
	t.Helper()
	second := again(got.out)
	if d := cmp.Diff(got.out, second.out); d != "" {
		t.Errorf("output fed back in changes:\n%s", d)
	}
	if len(second.report.Changes) > 0 {
		t.Errorf("output fed back in is said to change: %v", second.report.Changes)
	}
}

// checkLineEndings feeds the same manifests with the other line endings: the
// output is the same with those.
func checkLineEndings(t *testing.T, in string, got rendered, again func(string) rendered) {
	t.Helper()
	windows := again(strings.ReplaceAll(in, "\n", "\r\n"))
	if d := cmp.Diff(strings.ReplaceAll(got.out, "\n", "\r\n"), windows.out); d != "" {
		t.Errorf("with CRLF (-want +got):\n%s%s", d, windows.stderr)
	}
}

// checkLines compares each line that differs with the report.
func checkLines(t *testing.T, in string, got rendered) {
	t.Helper()
	for _, hunk := range hunks(in, got.out) {
		for _, line := range append(hunk.removed, hunk.added...) {
			if !explained(line, got.report.Changes) {
				t.Errorf("this line differs and nothing in the report says why: %q", line)
			}
		}
	}
}

// explained reports whether a line that differs has a key on the path of a
// change or its value, or is base64 and a change is inside base64.
func explained(line string, changes []rewrite.Finding) bool {
	for _, f := range changes {
		if f.New != "" && strings.Contains(line, f.New) || f.Old != nil && *f.Old != "" && strings.Contains(line, *f.Old) {
			return true
		}
		if strings.Contains(f.Path, "(base64)") && !strings.Contains(strings.TrimSpace(line), " ") {
			return true
		}
		steps, err := steps(f.Path)
		if err != nil {
			panic(fmt.Sprintf("path %s of the report: %v", f.Path, err))
		}
		for _, s := range steps {
			if s.key != "" && strings.Contains(line, s.key) {
				return true
			}
		}
	}
	return false
}
