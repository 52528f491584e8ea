package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// module is the prefix that the report leaves out of the names of packages.
const module = "spaces-identity.dev/"

// event is a line of the output of go test -json (go doc test2json).
type event struct {
	Action, Package, ImportPath, Test, Output string
}

type testName struct{ pkg, test string }

func (n testName) String() string { return n.pkg + " " + n.test }

// counts are those of one package.
type counts struct{ passed, failed, skipped int }

// report collects the results of a run.
type report struct {
	out      io.Writer
	output   map[testName][]string // of tests that still run
	packages map[string]*counts
	skipped  map[testName]string // the reason that each gave
}

func newReport(out io.Writer) *report {
	return &report{out: out, output: map[testName][]string{}, packages: map[string]*counts{}, skipped: map[testName]string{}}
}

// printf writes to the output. What cannot be written to a terminal cannot be reported there.
func (r *report) printf(format string, args ...any) {
	_, _ = fmt.Fprintf(r.out, format, args...)
}

// read reads events until the end. It prints the output of packages and failed tests.
func (r *report) read(events io.Reader) error {
	lines := bufio.NewReader(events)
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		var e event
		if err := json.Unmarshal(line, &e); err != nil {
			r.printf("%s", line) // not an event, such as an error of the go command
			continue
		}
		r.add(e)
	}
}

func (r *report) add(e event) {
	name := testName{strings.TrimPrefix(e.Package, module), e.Test}
	switch e.Action {
	case "build-output":
		r.printf("%s", e.Output)
	case "output":
		r.output[name] = append(r.output[name], e.Output)
	case "pass", "fail", "skip":
		r.end(name, e.Action)
	}
}

// end counts a test, or prints the lines of a package.
func (r *report) end(name testName, action string) {
	lines := r.output[name]
	delete(r.output, name)
	if name.test == "" {
		for _, line := range lines {
			if line != "PASS\n" && line != "FAIL\n" {
				r.printf("%s", line)
			}
		}
		return
	}
	c := r.packages[name.pkg]
	if c == nil {
		c = &counts{}
		r.packages[name.pkg] = c
	}
	switch action {
	case "pass":
		c.passed++
	case "fail":
		c.failed++
		r.printf("%s", strings.Join(lines, ""))
	case "skip":
		c.skipped++
		r.skipped[name] = reason(lines)
	}
}

// reason returns the last line that a skipped test wrote, without the lines of go test.
func reason(lines []string) string {
	for _, line := range slices.Backward(lines) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "---") && !strings.HasPrefix(line, "===") {
			return line
		}
	}
	return "no reason given"
}

// printSummary prints the skipped tests, the counts of each package and their sum.
func (r *report) printSummary(list []permitted) {
	for _, name := range r.skippedNames() {
		if p, ok := find(list, name); ok {
			r.printf("skipped: %s: %s\n", name, p.reason)
		}
	}
	var sum counts
	for _, pkg := range slices.Sorted(maps.Keys(r.packages)) {
		c := r.packages[pkg]
		r.printf("%6d tests, %d skipped: %s\n", c.passed+c.failed, c.skipped, pkg)
		sum.passed, sum.failed, sum.skipped = sum.passed+c.passed, sum.failed+c.failed, sum.skipped+c.skipped
	}
	r.printf("%d passed, %d failed, %d skipped\n", sum.passed, sum.failed, sum.skipped)
}

// check returns an error that names every skipped test that the list does not permit.
func (r *report) check(list []permitted) error {
	var errs []error
	for _, name := range r.skippedNames() {
		if _, ok := find(list, name); !ok {
			errs = append(errs, fmt.Errorf("%s was skipped: %s", name, r.skipped[name]))
		}
	}
	if len(errs) == 0 && len(r.packages) == 0 {
		return errors.New("no test ran")
	}
	if len(errs) > 0 {
		errs = append(errs, errors.New("make these tests run, or add them to internal/test/ran/skips.txt with a reason"))
	}
	return errors.Join(errs...)
}

func (r *report) skippedNames() []testName {
	return slices.SortedFunc(maps.Keys(r.skipped), func(a, b testName) int { return strings.Compare(a.String(), b.String()) })
}
