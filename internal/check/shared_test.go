package check_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"spaces-identity.dev/internal/check"
	"spaces-identity.dev/internal/test/shared"
)

// TestSharedKeysOfTheChart compares the embedded table with the published reference.
func TestSharedKeysOfTheChart(t *testing.T) {
	own, err := os.ReadFile("chart-keys.tsv")
	if err != nil {
		t.Fatal(err)
	}
	rows := func(text string) []string {
		lines := strings.Split(strings.TrimSpace(text), "\n")
		return slices.DeleteFunc(lines, func(line string) bool { return strings.HasPrefix(line, "#") })
	}
	if want, got := rows(shared.Read(t, "spaces-values.tsv")), rows(string(own)); !slices.Equal(want, got) || len(got) != 418 {
		t.Errorf("the table has %d keys and differs from the reference with %d", len(got), len(want))
	}
}

// TestSharedChartsHaveNoMistakes checks the renders of public charts, one by one and
// together.
func TestSharedChartsHaveNoMistakes(t *testing.T) {
	var in check.Input
	for _, file := range shared.Files(t, "corpus/*.yaml") {
		in.Files = append(in.Files, readFile(t, file))
	}
	noMistakes(t, in)
}

// TestSharedSeedsHaveTheirMistakes checks the pages of the upstream guide as they are: the
// prose with the misspelt key, and the commands to copy.
func TestSharedSeedsHaveTheirMistakes(t *testing.T) {
	want := [][]string{
		{"annotation-key", "unknown-key", "unknown-key", "unknown-key", "stray-space", "unknown-key", "stray-space"},
		{"annotation-key"},
	}
	files := shared.Files(t, "seeds/*.txt")
	if len(files) != len(want) {
		t.Fatalf("%d pages", len(files))
	}
	for i, file := range files {
		if got := rulesOf(check.Run(check.Input{Files: []check.File{readFile(t, file)}})); !slices.Equal(got, want[i]) {
			t.Errorf("%s: %v, want %v", file, got, want[i])
		}
	}
}

func TestExamplesHaveNoMistakes(t *testing.T) {
	var in check.Input
	err := filepath.WalkDir("../../examples", func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			in.Files = append(in.Files, readFile(t, path))
		}
		return err
	})
	if err != nil || len(in.Files) < 10 {
		t.Fatalf("%d files: %v", len(in.Files), err)
	}
	noMistakes(t, in)
}

// noMistakes checks files one by one, and then together.
func noMistakes(t *testing.T, in check.Input) {
	t.Helper()
	for _, f := range in.Files {
		for _, found := range check.Run(check.Input{Files: []check.File{f}}).Findings {
			t.Errorf("%+v", found)
		}
	}
	for _, found := range check.Run(in).Findings {
		t.Errorf("together: %+v", found)
	}
}

func rulesOf(report check.Report) []string {
	var rules []string
	for _, f := range report.Findings {
		rules = append(rules, f.Rule)
	}
	return rules
}

func readFile(t *testing.T, file string) check.File {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return check.File{Name: file, Text: text}
}

// FuzzFix checks that no input makes the rules panic, that Fix changes nothing the second
// time, and that it keeps a file that has no mistake.
func FuzzFix(f *testing.F) {
	for _, text := range []string{
		"controlPlanes: {vector: {pod: {customLabels: {a: true}}}}\n",
		"billing: {storage: {SecretRef: {name: ' x'}}}\n---\nkind: List\napiVersion: v1\nitems: [{kind: Pod}]\n",
		`{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"Federated": "$x"}, "Action": "a", "Condition": {"StringEquals": {"x:aud": "sts.x"}}}}`,
		"helm upgrade --set \"billing.a= b,c[x]=y\" --set-string backup.x='y'\n",
		"apiVersion: v1\nkind: ServiceAccount\nmetadata: &m\n  annotations: {eks.amazon.aws/role-arn: x}\n  <<: *m\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		in := check.Input{Files: []check.File{{Name: "a.yaml", Text: text}}, Arguments: []check.Argument{{Flag: "set", Text: string(text)}}}
		report, changed := check.Fix(in)
		if len(changed) != min(1, len(report.Fixed)) {
			t.Fatalf("%d files changed, %d mistakes corrected", len(changed), len(report.Fixed))
		}
		if len(changed) == 0 {
			return
		}
		if _, more := check.Fix(check.Input{Files: changed}); len(more) > 0 {
			t.Fatalf("a second Fix changes %q to %q", changed[0].Text, more[0].Text)
		}
		if bytes.Equal(changed[0].Text, text) {
			t.Fatal("the same text is a change")
		}
	})
}

// TestBinaryFilesAreNotText has the word of a mistake in an archive. A text with the word is
// a file that the rules look at.
func TestBinaryFilesAreNotText(t *testing.T) {
	binary := check.Run(check.Input{Files: []check.File{{Name: "a.zip", Text: []byte("PK\x03\x04\x00\x00eks.amazon.aws/role-arn\x00")}}})
	if len(binary.Findings) > 0 || len(binary.Checked[0].As) > 0 {
		t.Errorf("a binary file: %+v", binary)
	}
	text := check.Run(check.Input{Files: []check.File{{Name: "a.md", Text: []byte("Set eks.amazon.aws/role-arn.\n")}}})
	if len(text.Findings) != 1 || !slices.Equal(text.Checked[0].As, []string{"text"}) {
		t.Errorf("a text: %+v", text)
	}
}
