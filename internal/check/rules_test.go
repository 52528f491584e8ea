package check_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"spaces-identity.dev/internal/check"
	"spaces-identity.dev/internal/config"
	"spaces-identity.dev/internal/identity"
)

var update = flag.Bool("update", false, "write what the rules find into testdata/rules")

// TestRules runs each rule on its archive in testdata/rules. The files in bad/ have the
// mistake, one check each. Those in good/ are near misses, in which no rule finds anything.
// config is the config for all of them, want lists what the rules find, and fixed/ has what
// Fix makes of the bad files. Files named arguments have an argument of Helm in each line.
func TestRules(t *testing.T) {
	for _, r := range check.Rules() {
		name := r.About().Name
		t.Run(name, func(t *testing.T) {
			file := filepath.Join("testdata", "rules", name+".txtar")
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := checked(t, name, archive)
			if *update {
				if err := os.WriteFile(file, txtar.Format(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(txtar.Format(archive)), string(txtar.Format(got))); diff != "" {
				t.Errorf("(-want +got, run with -update):\n%s", diff)
			}
		})
	}
}

// checked returns the archive with what the rules find and correct now.
func checked(t *testing.T, rule string, archive *txtar.Archive) *txtar.Archive {
	t.Helper()
	out := &txtar.Archive{Comment: archive.Comment}
	spec := specIn(t, archive)
	var want strings.Builder
	var fixed []txtar.File
	bad, good := 0, 0
	for _, f := range archive.Files {
		in := check.Input{Spec: spec}
		name := f.Name
		switch {
		case strings.HasPrefix(name, "fixed/") || name == "want":
			continue
		case name == "config":
		case filepath.Base(name) == "arguments":
			in.Arguments = argumentsIn(t, f.Data)
		default:
			in.Files = []check.File{{Name: name, Text: f.Data}}
		}
		out.Files = append(out.Files, f)
		report, changed := check.Fix(in)
		before := check.Run(in).Findings
		switch {
		case strings.HasPrefix(name, "bad/"):
			bad++
			of := 0
			for _, found := range before {
				fmt.Fprintf(&want, "%s: %s:%d:%d: %s: %s: %s\n  fix: %s\n", name, found.File, found.Line, found.Column, found.Rule, found.Path, found.Problem, found.Fix)
				if found.Rule == rule {
					of++
				}
			}
			if of == 0 {
				t.Errorf("%s: the rule finds nothing: %v", name, before)
			}
		case len(before) > 0:
			t.Errorf("%s: found %v", name, before)
		case strings.HasPrefix(name, "good/"):
			good++
		}
		for _, c := range changed {
			fixed = append(fixed, txtar.File{Name: "fixed/" + strings.TrimPrefix(c.Name, "bad/"), Data: c.Text})
		}
		checkFix(t, in, report, changed)
	}
	if bad == 0 || good == 0 {
		t.Errorf("%d files with the mistake and %d near misses", bad, good)
	}
	out.Files = append(append(out.Files, txtar.File{Name: "want", Data: []byte(want.String())}), fixed...)
	return out
}

// checkFix checks that a second Fix changes nothing, and that no mistake is left that could
// be corrected.
func checkFix(t *testing.T, in check.Input, report check.Report, changed []check.File) {
	t.Helper()
	if len(changed) > 0 {
		in.Files = changed
	}
	again, more := check.Fix(in)
	if len(more) > 0 || len(again.Fixed) > 0 {
		t.Errorf("a second Fix corrects %v", again.Fixed)
	}
	for _, f := range report.Findings {
		if f.Fixable {
			t.Errorf("Fix leaves %v", f)
		}
	}
}

func specIn(t *testing.T, archive *txtar.Archive) identity.Spec {
	t.Helper()
	for _, f := range archive.Files {
		if f.Name == "config" {
			spec, err := config.Decode(f.Name, f.Data)
			if err != nil {
				t.Fatal(err)
			}
			return spec
		}
	}
	return identity.Spec{}
}

// argumentsIn reads lines such as "--set billing.enabled=true".
func argumentsIn(t *testing.T, text []byte) []check.Argument {
	t.Helper()
	var all []check.Argument
	for line := range strings.Lines(string(text)) {
		flag, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if !ok {
			t.Fatalf("%q is not a flag and its value", line)
		}
		all = append(all, check.Argument{Flag: flag, Text: value, String: flag == "--set-string"})
	}
	return all
}
