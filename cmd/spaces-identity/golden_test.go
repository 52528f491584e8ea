package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"spaces-identity.dev/internal/cli"
	"spaces-identity.dev/internal/postrender"
	"spaces-identity.dev/internal/rewrite"
)

var update = flag.Bool("update", false, "write the goldens from what the program does now")

// golden is a case in a file: manifests and what becomes of them. The comment at
// the head of the file says what it shows.
type golden struct {
	config string   // spaces-identity.yaml, or none
	args   []string // flags, one in a line
	in     string
	skip   map[string]string // the reason, by the check of checkRewrite that is skipped
}

// identityFlags are those of the cases without a config.
var identityFlags = []string{
	"--role-arn=arn:aws:iam::123456789012:role/spaces-backup",
	"--oidc-provider=oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E",
	"--host-namespace=mxp-a-system",
}

func TestGoldens(t *testing.T) {
	files := goldenFiles(t)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			g := newGolden(archive)
			out := g.run(t, g.in)
			compareGolden(t, file, archive, g.in, out)
			checkRewrite(t, g.in, out, func(in string) rendered { return g.run(t, in) }, g.skip)
		})
	}
}

// goldenFiles are the cases. A folder without any would pass unseen.
func goldenFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../../testdata/golden/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no goldens found (%v)", err)
	}
	return files
}

func newGolden(archive *txtar.Archive) golden {
	g := golden{config: section(archive, "spaces-identity.yaml"), in: section(archive, "in.yaml")}
	if g.config == "" {
		g.args = append(g.args, identityFlags...)
	}
	for line := range strings.Lines(section(archive, "args")) {
		g.args = append(g.args, strings.TrimSpace(line))
	}
	g.skip = map[string]string{}
	for line := range strings.Lines(section(archive, "skip")) {
		check, reason, _ := strings.Cut(line, ": ")
		g.skip[check] = reason
	}
	return g
}

func section(archive *txtar.Archive, name string) string {
	for _, f := range archive.Files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	return ""
}

// rendered is what a run gave out.
type rendered struct {
	out    string
	report postrender.Report
	stderr string
	status int
}

// run post-renders the manifests as the binary does, with artifacts in a
// directory of its own.
func (g golden) run(t *testing.T, in string) rendered {
	t.Helper()
	dir := t.TempDir()
	env := map[string]string{"SPACES_IDENTITY_ARTIFACTS_DIR": filepath.Join(dir, "artifacts"), "SPACES_IDENTITY_CONFIG": g.writeConfig(t, dir)}
	var out, stderr bytes.Buffer
	status := cli.Run(t.Context(), cli.Env{In: strings.NewReader(in), Out: &out, Err: &stderr,
		Getenv: func(name string) string { return env[name] }, Terminal: func(any) bool { return false }}, g.args)
	r := rendered{out: out.String(), stderr: stderr.String(), status: int(status)}
	content, err := os.ReadFile(filepath.Join(dir, "artifacts", postrender.ReportFile))
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	decodeStrictly(t, content, &r.report)
	return r
}

func (g golden) writeConfig(t *testing.T, dir string) string {
	t.Helper()
	if g.config == "" {
		return ""
	}
	file := filepath.Join(dir, "spaces-identity.yaml")
	if err := os.WriteFile(file, []byte(g.config), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func decodeStrictly(t *testing.T, content []byte, into any) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		t.Fatalf("%v in\n%s", err, content)
	}
	if _, err := decoder.Token(); err != io.EOF {
		t.Fatalf("more than one value in\n%s", content)
	}
}

// compareGolden compares with the sections out.diff and report of the file: the
// lines that changed, and what the program says of them.
func compareGolden(t *testing.T, file string, archive *txtar.Archive, in string, got rendered) {
	t.Helper()
	change := "" // after a failure nothing comes out, which checkRewrite looks at
	if got.status == 0 {
		change = readable(in, got.out)
	}
	sections := []txtar.File{
		{Name: "out.diff", Data: []byte(change)},
		{Name: "report", Data: []byte(summary(got))},
	}
	if *update {
		writeGolden(t, file, archive, sections)
		return
	}
	for _, want := range sections {
		if d := cmp.Diff(section(archive, want.Name), string(want.Data)); d != "" {
			t.Errorf("%s (-want +got; -update writes it):\n%s", want.Name, d)
		}
	}
}

func writeGolden(t *testing.T, file string, archive *txtar.Archive, sections []txtar.File) {
	t.Helper()
	var inputs []txtar.File
	for _, f := range archive.Files {
		if f.Name != "out.diff" && f.Name != "report" {
			inputs = append(inputs, f)
		}
	}
	archive.Files = append(inputs, sections...)
	if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
		t.Fatal(err)
	}
}

// summary is the report in lines for people.
func summary(r rendered) string {
	var b strings.Builder
	fmt.Fprintf(&b, "exit status %d\n", r.status)
	if r.report.Error != nil {
		fmt.Fprintf(&b, "error %s\n", r.report.Error.Message)
	}
	for _, f := range findingsOf(r.report) {
		fmt.Fprintf(&b, "%s %s, %s, document %d, line %d: %s %s\n  %s%s\n", f.Outcome, f.Place, f.Component, f.Document, f.Line, f.Kind,
			strings.TrimPrefix(f.Namespace+"/"+f.Name, "/"), f.Path, values(f))
	}
	for _, w := range r.report.Warnings {
		fmt.Fprintf(&b, "warning %s\n", w)
	}
	return b.String()
}

func findingsOf(r postrender.Report) []rewrite.Finding {
	var all []rewrite.Finding
	for _, list := range [][]rewrite.Finding{r.Changes, r.Found, r.Left, r.Unrecognised} {
		all = append(all, list...)
	}
	return all
}

func values(f rewrite.Finding) string {
	text := ""
	if f.Old != nil {
		text += "\n  old: " + *f.Old
	}
	if f.New != "" {
		text += "\n  new: " + f.New
	}
	if f.Reason != "" {
		text += "\n  reason: " + f.Reason
	}
	return text
}
