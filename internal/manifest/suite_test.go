package manifest

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"gopkg.in/yaml.v3"
)

// yamlCase is a stream that is valid YAML, or must be refused.
type yamlCase struct {
	name  string
	text  string
	valid bool
}

// suiteCases is how many cases the YAML test suite has.
const suiteCases = 406

// TestSuite holds the package to the YAML test suite, which stands beside the
// repository or is not there.
func TestSuite(t *testing.T) {
	files, err := filepath.Glob("../../../shared/yaml-test-suite/src/*.yaml")
	if err != nil || len(files) == 0 {
		t.Skip("the YAML test suite is not beside the repository: TestOwnSuite has a smaller one")
	}
	var cases []yamlCase
	for _, file := range files {
		cases = append(cases, readSuite(t, file)...)
	}
	if len(cases) != suiteCases {
		t.Errorf("%d cases, want %d", len(cases), suiteCases)
	}
	checkCases(t, cases, suiteExceptions)
}

// TestOwnSuite does the same with what the repository has itself.
func TestOwnSuite(t *testing.T) {
	archive, err := txtar.ParseFile("testdata/suite.txtar")
	if err != nil {
		t.Fatal(err)
	}
	var cases []yamlCase
	for _, file := range archive.Files {
		kind, _, _ := strings.Cut(file.Name, "/")
		cases = append(cases, yamlCase{file.Name, visible(string(file.Data)), kind == "valid"})
	}
	checkCases(t, cases, ownExceptions)
}

// readSuite reads a file of the suite: a list of cases, each of which has what it
// does not say from the one before.
func readSuite(t *testing.T, file string) []yamlCase {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var entries []struct {
		YAML *string `yaml:"yaml"`
		Fail bool    `yaml:"fail"`
		Skip bool    `yaml:"skip"`
	}
	if err := yaml.Unmarshal(content, &entries); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	var cases []yamlCase
	name := strings.TrimSuffix(filepath.Base(file), ".yaml")
	for i, e := range entries {
		if e.YAML == nil {
			t.Fatalf("%s: case %d has no text", file, i)
		}
		if len(entries) > 1 {
			cases = append(cases, yamlCase{fmt.Sprintf("%s-%02d", name, i), visible(*e.YAML), !e.Fail})
			continue
		}
		cases = append(cases, yamlCase{name, visible(*e.YAML), !e.Fail})
	}
	return cases
}

var tabs = regexp.MustCompile("—*»")

// visible undoes the suite's notation for characters that cannot be seen.
func visible(text string) string {
	text = tabs.ReplaceAllString(text, "\t")
	text = strings.TrimSuffix(text, "∎\n")
	return strings.NewReplacer("␣", " ", "←", "\r", "⇔", "\ufeff", "↵", "").Replace(text)
}

// exception is where the package does not do with a case what YAML says, with
// the reason.
type exception struct{ what, reason string }

// What may be excepted.
const (
	refused  = "refused although it is valid"
	accepted = "accepted although it is not valid"
	unread   = "read by the quick parser alone"
)

// checkCases asks of each case what the package promises. Exceptions must be
// true: one that holds no longer fails the test.
func checkCases(t *testing.T, cases []yamlCase, exceptions map[string]exception) {
	t.Helper()
	found, written := map[string]string{}, 0
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if what := checkParse(t, c); what != "" {
				found[c.name] = what
			}
			if c.valid {
				written += checkWrapped(t, c.text)
			}
		})
	}
	want := map[string]string{}
	for name, e := range exceptions {
		want[name] = e.what
	}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Errorf("exceptions -listed +found:\n%s", diff)
	}
	valid := len(slices.DeleteFunc(slices.Clone(cases), func(c yamlCase) bool { return !c.valid }))
	t.Logf("%d cases, %d of them valid, written as a value in %d ways; %d exceptions", len(cases), valid, written, len(found))
}

// checkParse checks a case as a stream: its ranges are the stream, its documents
// parse, or one does not where the case is not valid, and those that are mappings
// take a key. It says which exception the case is, if any.
func checkParse(t *testing.T, c yamlCase) string {
	t.Helper()
	stream := []byte(c.text)
	checkRanges(t, stream)
	var failed error
	alone := false
	for doc := range Split(stream) {
		text := stream[doc.Start:doc.End]
		root, err := Parse(text)
		if err != nil {
			failed = err
			continue
		}
		switch {
		case !checkQuick(t, c, text):
			alone = true
		case root == nil || root.Kind != Mapping || !c.valid:
		default:
			checkKeyAdded(t, text)
		}
	}
	switch {
	case c.valid && failed != nil:
		return refused
	case !c.valid && failed == nil:
		return accepted
	case alone:
		return unread
	}
	if c.valid {
		checkDocuments(t, stream)
	}
	return ""
}

// checkQuick holds the quick parser to the library, and reports whether the
// library reads the document at all. What only the library refuses must be valid.
func checkQuick(t *testing.T, c yamlCase, text []byte) bool {
	t.Helper()
	want, err := libraryParse(text)
	got, ok := quickParse(text)
	if err != nil && !c.valid && ok {
		t.Errorf("the quick parser takes it and the library says: %v", err)
	}
	if diff := cmp.Diff(want, got); ok && err == nil && diff != "" {
		t.Errorf("-library +quick:\n%s", diff)
	}
	return err == nil
}

// checkDocuments holds that another decoder reads the same in the documents, one
// by one, as in the stream.
func checkDocuments(t *testing.T, stream []byte) {
	t.Helper()
	want, err := readAll(stream)
	if err != nil {
		t.Logf("the whole stream is not read: %v", err)
		return
	}
	var got []reading
	for doc := range Split(stream) {
		read, err := readAll(stream[doc.Start:doc.End])
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, read...)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-stream +documents:\n%s", diff)
	}
}

func checkRanges(t *testing.T, stream []byte) {
	t.Helper()
	at, number := 0, 0
	for doc := range Split(stream) {
		number++
		if doc.Start != at || doc.End < at || doc.Number != number {
			t.Fatalf("document %+v begins where %d bytes of document %d end", doc, at, number-1)
		}
		at = doc.End
	}
	if at != len(stream) {
		t.Fatalf("the documents end at %d, the stream at %d", at, len(stream))
	}
}

const addedKey = "spaces-identity.dev/added"

// checkKeyAdded adds a key to a document that is a mapping.
func checkKeyAdded(t *testing.T, text []byte) {
	t.Helper()
	sets := []Set{{Path: Path{}.Field(addedKey), Value: "12:30"}}
	patched, err := Patch(text, sets)
	if err != nil {
		t.Errorf("%v\n%s", err, text)
		return
	}
	before, err := readIndependently(text)
	if err != nil {
		t.Fatal(err)
	}
	after, err := readIndependently(patched)
	if err != nil {
		t.Fatalf("%v\n%s", err, patched)
	}
	if diff := cmp.Diff(before.with(addedKey, "12:30"), after); diff != "" {
		t.Errorf("-want +got:\n%s\nof:\n%s", diff, patched)
	}
	if again, err := Patch(patched, sets); err != nil || string(again) != string(patched) {
		t.Errorf("the second time: %q, %v", again, err)
	}
}
