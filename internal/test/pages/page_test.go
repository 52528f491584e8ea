package pages

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// example has each form that the package documents.
const example = `# Title

<!-- Helm 4 -->
` + "```console" + `
$ one
$ two \
    --flag |
  three
first
…
last
` + "```" + `

<!-- cluster: real -->
` + "```console" + `
$ four &&
    five
` + "```" + `

` + "```yaml" + `
$ no: command
` + "```" + `

<!-- file: a.yaml -->
` + "```yaml" + `
a: 1
` + "```" + `

<!-- run -->
` + "```console" + `
$ six
` + "```" + `
`

func writePage(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "page.md")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func readPage(t *testing.T, text string) *Page {
	t.Helper()
	p, err := Read(writePage(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestReadFindsTheCommandsOfAPage(t *testing.T) {
	p := readPage(t, example)
	want := []Step{
		{Line: 5, Command: "one", Helm: "4"},
		{Line: 6, Command: "two \\\n    --flag |\n  three", Helm: "4"},
		{Line: 16, Command: "four &&\n    five", Cluster: true},
		{Line: 26, File: "a.yaml", Cluster: true},
		{Line: 31, Command: "six", Marked: true, Cluster: true},
	}
	if diff := cmp.Diff(want, p.Steps, cmpopts.IgnoreUnexported(Step{})); diff != "" {
		t.Errorf("differs (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"first", "…", "last"}, p.Shown(p.Steps[1])); diff != "" {
		t.Errorf("differs (-want +got):\n%s", diff)
	}
}

func TestReadRefusesBrokenBlocks(t *testing.T) {
	for name, text := range map[string]string{
		"output first":           "```console\nout\n```\n",
		"a block without an end": "```console\n$ one\n",
		"an unfinished command":  "```console\n$ one \\\n```\n",
	} {
		if _, err := Read(writePage(t, text)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestMatchesComparesLineByLine(t *testing.T) {
	for _, tt := range []struct {
		shown, got string
		want       bool
	}{
		{"a b", "a b", true},
		{"a b", "a", false},
		{"a", "a b", false},
		{"a", "", false},
		{"", "a", false},
		{"a … c", "a x y c", true},
		{"a … c", "a c", false}, // an elision replaces at least one line
		{"a … c", "a x c d", false},
		{"… c", "c x c", true},
		{"a …", "a", false},
		{"a…-system", "ab-system", false}, // only at the start of a line
		{"done_in_0s", "done_in_0s", true},
		{"done_in_0s", "done_in_12s", true},
		{"done_in_0s", "done_at_0s", false},
		{"@@_-1,7_+1,7_@@_x", "@@_-121,7_+122,8_@@_x", true},
		{"@@_-1,7_+1,7_@@_x", "@@_-121,7_+122,8_@@_y", false},
		{"mxp-controller-59bd999d67-z9rjs", "mxp-controller-59bd999d67-abcde", true},
		{"mxp-controller-59bd999d67-z9rjs", "mxp-controller", false},
	} {
		if got := Matches(asLines(tt.shown), asLines(tt.got)); got != tt.want {
			t.Errorf("Matches(%q, %q) = %t", tt.shown, tt.got, got)
		}
	}
}

// asLines returns a line for each word, with spaces for underscores.
func asLines(words string) []string {
	return strings.Split(strings.ReplaceAll(strings.Join(strings.Fields(words), "\n"), "_", " "), "\n")
}

func TestReplaceKeepsElisionsAndOtherText(t *testing.T) {
	p := readPage(t, example)
	if err := p.Replace(map[int][]string{0: {"new"}, 1: {"1", "2", "3", "4"}}); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(p.path)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.NewReplacer("$ one\n", "$ one\nnew\n", "first\n…\nlast\n", "1\n…\n4\n").Replace(example)
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("differs (-want +got):\n%s", diff)
	}
}

func TestSessionKeepsStateAndHidesItsDirectory(t *testing.T) {
	s := NewSession(t, root, "/bin/true", map[string]string{"GIVEN": "value"})
	for _, tt := range []struct {
		command string
		want    []string
		status  int
	}{
		{"pwd; echo $HOME", []string{clone, home}, 0},
		{"cd docs && V=kept", nil, 0},
		{`echo "$V $GIVEN"; pwd; cat`, []string{"kept value", clone + "/docs"}, 0}, // cat finds no input
		{"echo out; echo problem >&2; (exit 3)", []string{"out", "problem"}, 3},
		{"printf 'no newline'", []string{"no newline"}, 0},
		{"true |\n  false", nil, 1},
	} {
		lines, status := s.Run(tt.command)
		if diff := cmp.Diff(tt.want, lines); diff != "" || status != tt.status {
			t.Errorf("%s: exit status %d (-want +got):\n%s", tt.command, status, diff)
		}
	}
}
