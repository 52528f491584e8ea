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

	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/test/shared"
)

// yamlCase is a stream that is valid YAML, or that must be rejected.
type yamlCase struct {
	name  string
	text  string
	valid bool
}

const ownSuite = "testdata/suite.txtar"

// publicCases is the number of cases in the public suite.
const publicCases = 406

// TestSharedSuite runs the public YAML test suite.
func TestSharedSuite(t *testing.T) {
	var cases []yamlCase
	for _, file := range shared.Files(t, "yaml-test-suite/src/*.yaml") {
		read, _ := readPublic(t, file)
		cases = append(cases, read...)
	}
	if len(cases) != publicCases {
		t.Errorf("%d cases, want %d", len(cases), publicCases)
	}
	checkCases(t, cases, func(e exception) string { return e.public })
}

// TestOwnSuite runs the smaller suite that is part of the repository.
func TestOwnSuite(t *testing.T) {
	archive, err := txtar.ParseFile(ownSuite)
	if err != nil {
		t.Fatal(err)
	}
	var cases []yamlCase
	for _, file := range archive.Files {
		cases = append(cases, yamlCase{file.Name, visible(string(file.Data)), strings.HasPrefix(file.Name, "valid/")})
	}
	checkCases(t, cases, func(e exception) string { return e.own })
}

// otherTags are the tags of the public suite that are not constructs of YAML.
const otherTags = "1.3-err 1.3-mod edge libyaml-err simple spec upto-1.2"

// TestSharedSuiteHasNoOtherTags checks the list at the start of the own suite.
func TestSharedSuiteHasNoOtherTags(t *testing.T) {
	archive, err := txtar.ParseFile(ownSuite)
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, file := range archive.Files {
		known[file.Name] = true
	}
	covered := strings.Fields(otherTags)
	_, list, _ := strings.Cut(string(archive.Comment), "\n\nalias:")
	for line := range strings.Lines("alias:" + list) {
		tag, names, _ := strings.Cut(strings.TrimSpace(line), ": ")
		covered = append(covered, tag)
		for name := range strings.FieldsSeq(names) {
			if !known[name] {
				t.Errorf("%s: there is no case %s", tag, name)
			}
		}
	}
	for _, file := range shared.Files(t, "yaml-test-suite/src/*.yaml") {
		_, tags := readPublic(t, file)
		for _, tag := range tags {
			if !slices.Contains(covered, tag) {
				t.Errorf("%s: no case of %s covers the tag %s", file, ownSuite, tag)
			}
		}
	}
}

// readPublic reads a file of the public suite and the tags of its cases. The file is a
// list. A case inherits the fields that it does not have from the case before it.
func readPublic(t *testing.T, file string) (cases []yamlCase, tags []string) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var entries []struct {
		YAML *string `yaml:"yaml"`
		Fail bool    `yaml:"fail"`
		Tags string  `yaml:"tags"`
	}
	if err := yaml.Unmarshal(content, &entries); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	for i, e := range entries {
		if e.YAML == nil {
			t.Fatalf("%s: case %d has no text", file, i)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		if len(entries) > 1 {
			name += fmt.Sprintf("-%02d", i)
		}
		cases = append(cases, yamlCase{name, visible(*e.YAML), !e.Fail})
		tags = append(tags, strings.Fields(e.Tags)...)
	}
	return cases, tags
}

var tabNotation = regexp.MustCompile("—*»")

// visible replaces the suite's notation for invisible characters.
func visible(text string) string {
	text = tabNotation.ReplaceAllString(text, "\t")
	text = strings.TrimSuffix(text, "∎\n")
	return strings.NewReplacer("␣", " ", "←", "\r", "⇔", "\ufeff", "↵", "").Replace(text)
}

// exception lists cases in which the package differs from YAML 1.2, with the reason.
type exception struct{ what, reason, public, own string }

// The kinds of exceptions.
const (
	rejected  = "rejected although it is valid"
	accepted  = "accepted although it is not valid"
	quickOnly = "read by the quick parser only"
)

// exceptions all come from the YAML library. Helm and kubectl use the same library, so
// such manifests never reach a cluster.
var exceptions = []exception{
	{rejected, "The library rejects a tab behind an indicator, at the start of a line or on an otherwise empty line.",
		"6BCT 6CA3 A2M4 DK95-00 DK95-03 DK95-04 DK95-07 Q5MG Y79Y-10",
		"valid/tab-behind-indicator valid/tab-on-empty-line"},
	{rejected, "The library rejects a tab before it has found the indentation of a block scalar.",
		"96NN-00 96NN-01 R4YG Y79Y-01",
		"valid/tab-first-in-block-scalar"},
	{rejected, "The library needs a key in braces, its colon and the next text on one line, and rejects a colon at the start of a value.",
		"4MUZ-00 4MUZ-01 4MUZ-02 58MP 5MUD 5T43 9SA2 CFD4 DBG4 FRK4 HM87-00 K3WX NJ66 VJP3-01 WZ62",
		"valid/colon-at-line-start valid/key-in-braces-over-lines"},
	{rejected, "The library rejects an empty key.",
		"2JQS 6M2F M2N8-00 NHX8 NKF9 S3PD SM9W-01 UKK6-00",
		"valid/key-of-nothing"},
	{rejected, "The library rejects text without indentation in a block scalar at the root.",
		"DK3J FP8R",
		"valid/text-at-root-without-indentation"},
	{rejected, "The library knows only anchors of ASCII letters, digits, - and _.",
		"2SXE 8XYN W5VH",
		"valid/anchor-with-other-characters"},
	{rejected, "The library takes % at the start of any line for a directive, and knows only %YAML and %TAG.",
		"2LFX 6LVF MUS6-05 UT92 W4TN ZYU8-01",
		"valid/unknown-directive"},
	{rejected, "The library needs content or --- before ...",
		"HWV9 M7A3 QT73",
		"valid/footer-first"},
	{accepted, "The library accepts less indentation, or a tab, in the further lines of a flow collection or quoted scalar.",
		"9C9N DK95-01 QB6E Y79Y-03",
		"invalid/brackets-indented-less"},
	{accepted, "The library accepts a comment without a blank before it.",
		"9JBA CVW2 SU5Z X4QW",
		"invalid/comment-behind-brackets"},
	{accepted, "The library accepts a directive without a document. It never sees a version directive (withoutVersion), and so neither a second one nor extra words.",
		"9MMA H7TQ MUS6-00",
		"invalid/directive-alone invalid/repeated-version-directive"},
	{accepted, "The library takes a dash in brackets for a text.",
		"G5U8 YJV2",
		"invalid/dash-in-brackets"},
	{accepted, `The library accepts the escape \'.`,
		"HRE5",
		"invalid/escaped-apostrophe"},
	{accepted, "The library accepts blank lines in a block scalar that are indented more than its text.",
		"S98Z",
		"invalid/blank-line-indented-more"},
	{quickOnly, `The library rejects \/, JSON's escape for a slash.`,
		"3UYS",
		"valid/escaped-slash"},
	{quickOnly, "The library takes ? inside a text in brackets for an indicator.",
		"JR7V",
		"valid/question-mark-in-brackets"},
}

// checkCases checks each case. It also fails if a listed exception is not one.
func checkCases(t *testing.T, cases []yamlCase, names func(exception) string) {
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
	for _, e := range exceptions {
		for name := range strings.FieldsSeq(names(e)) {
			want[name] = e.what
		}
	}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Errorf("exceptions (-listed +found):\n%s", diff)
	}
	valid := len(slices.DeleteFunc(slices.Clone(cases), func(c yamlCase) bool { return !c.valid }))
	t.Logf("%d cases, %d of them valid, written as a value in %d ways; %d exceptions", len(cases), valid, written, len(found))
}

// checkParse checks a case as a stream. The ranges of the documents must make up the
// stream. All documents must parse, unless the case is not valid. Each mapping must accept
// a new key. It returns the kind of exception that the case is, or nothing.
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
		return rejected
	case !c.valid && failed == nil:
		return accepted
	case alone:
		return quickOnly
	}
	if c.valid {
		checkDocuments(t, stream)
	}
	return ""
}

// checkQuick compares the quick parser with the library, and reports whether the library
// reads the document. If only the quick parser reads it, it must be valid.
func checkQuick(t *testing.T, c yamlCase, text []byte) bool {
	t.Helper()
	want, err := libraryParse(text)
	got, ok := quickParse(new(treeMemory), text)
	if err != nil && !c.valid && ok {
		t.Errorf("the quick parser accepts it and the library says: %v", err)
	}
	if diff := cmp.Diff(want, got, wholeNodes); ok && err == nil && diff != "" {
		t.Errorf("-library +quick:\n%s", diff)
	}
	return err == nil
}

// checkDocuments checks that another decoder reads the same from the separate documents
// as from the stream.
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
	sets := []Set{{Path: identity.Path{}.Field(addedKey), Value: "12:30"}}
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
		t.Errorf("a second run returns %q, %v", again, err)
	}
}
