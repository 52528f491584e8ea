package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const events = `{"Action":"run","Package":"spaces-identity.dev/internal/a","Test":"TestOne"}
{"Action":"output","Package":"spaces-identity.dev/internal/a","Test":"TestOne","Output":"one\n"}
{"Action":"pass","Package":"spaces-identity.dev/internal/a","Test":"TestOne"}
{"Action":"output","Package":"spaces-identity.dev/internal/a","Test":"TestTwo/x","Output":"=== RUN   TestTwo/x\n"}
{"Action":"output","Package":"spaces-identity.dev/internal/a","Test":"TestTwo/x","Output":"    a_test.go:7: no server\n"}
{"Action":"output","Package":"spaces-identity.dev/internal/a","Test":"TestTwo/x","Output":"--- SKIP: TestTwo/x (0.00s)\n"}
{"Action":"skip","Package":"spaces-identity.dev/internal/a","Test":"TestTwo/x"}
{"Action":"output","Package":"spaces-identity.dev/internal/a","Output":"PASS\n"}
{"Action":"output","Package":"spaces-identity.dev/internal/a","Output":"ok  \tspaces-identity.dev/internal/a\t0.1s\n"}
{"Action":"pass","Package":"spaces-identity.dev/internal/a"}
{"Action":"output","Package":"spaces-identity.dev/internal/b","Test":"TestThree","Output":"broken\n"}
{"Action":"fail","Package":"spaces-identity.dev/internal/b","Test":"TestThree"}
{"Action":"output","Package":"spaces-identity.dev/internal/b","Output":"FAIL\tspaces-identity.dev/internal/b\t0.1s\n"}
{"Action":"fail","Package":"spaces-identity.dev/internal/b"}
`

func TestReportShowsSkipsAndFailures(t *testing.T) {
	var out strings.Builder
	r := newReport(&out)
	if err := r.read(strings.NewReader(events)); err != nil {
		t.Fatal(err)
	}
	list, err := parseList("# comment\ninternal/a TestTwo/*  The server is elsewhere.\n")
	if err != nil {
		t.Fatal(err)
	}
	r.printSummary(list)
	want := `ok  	spaces-identity.dev/internal/a	0.1s
broken
FAIL	spaces-identity.dev/internal/b	0.1s
skipped: internal/a TestTwo/x: The server is elsewhere.
     1 tests, 1 skipped: internal/a
     1 tests, 0 skipped: internal/b
1 passed, 1 failed, 1 skipped
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if err := r.check(list); err != nil {
		t.Errorf("a permitted skip is an error: %v", err)
	}
}

func TestUnlistedSkipIsAnError(t *testing.T) {
	r := newReport(&strings.Builder{})
	if err := r.read(strings.NewReader(events)); err != nil {
		t.Fatal(err)
	}
	for name, list := range map[string]string{
		"empty list": "", "other package": "internal/b TestTwo/* reason", "other test": "internal/a TestTwo reason",
	} {
		parsed, err := parseList(list)
		if err != nil {
			t.Fatal(err)
		}
		err = r.check(parsed)
		if err == nil || !strings.Contains(err.Error(), "internal/a TestTwo/x was skipped: a_test.go:7: no server") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRunWithoutTestsIsAnError(t *testing.T) {
	if err := newReport(&strings.Builder{}).check(nil); err == nil {
		t.Error("no error, but no test ran")
	}
}

func TestSkipNeedsAReason(t *testing.T) {
	if _, err := parseList("internal/a TestTwo\n"); err == nil || !strings.HasPrefix(err.Error(), "skips.txt:1:") {
		t.Errorf("got %v", err)
	}
	if _, err := parseList(skipList); err != nil {
		t.Errorf("the list of this repository: %v", err)
	}
}
