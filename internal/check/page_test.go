package check_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"spaces-identity.dev/internal/check"
)

// TestDocumentationDescribesEveryRule compares the sections of docs/check.md with the rules.
// Each section says what the rule finds, and tells an incident that it prevents.
func TestDocumentationDescribesEveryRule(t *testing.T) {
	page, err := os.ReadFile("../../docs/check.md")
	if err != nil {
		t.Fatal(err)
	}
	var documented, rules []string
	for _, section := range strings.Split(string(page), "\n#### ")[1:] {
		name, text, _ := strings.Cut(section, "\n")
		documented = append(documented, strings.Trim(name, "`"))
		text, _, _ = strings.Cut(text, "\n### ")
		if paragraphs := regexp.MustCompile(`\n\n+`).Split(strings.TrimSpace(text), -1); len(paragraphs) != 2 || !strings.Contains(strings.Join(strings.Fields(paragraphs[0]), " "), "For example:") {
			t.Errorf("%s: the section needs a paragraph with an example, and one with the incident", name)
		}
	}
	for _, r := range check.Rules() {
		rules = append(rules, r.About().Name)
	}
	slices.Sort(documented)
	slices.Sort(rules)
	if !slices.Equal(documented, rules) {
		t.Errorf("documented: %v\nrules: %v", documented, rules)
	}
}

// TestDocumentationSaysWhatFixCorrects compares the bold sentences of docs/check.md with the
// rules that correct something in testdata/rules.
func TestDocumentationSaysWhatFixCorrects(t *testing.T) {
	page, err := os.ReadFile("../../docs/check.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, section := range strings.Split(string(page), "\n#### ")[1:] {
		name, text, _ := strings.Cut(section, "\n")
		archive, err := os.ReadFile("testdata/rules/" + strings.Trim(name, "`") + ".txtar")
		if err != nil {
			t.Fatal(err)
		}
		if says, does := strings.Contains(text, "**`--fix`"), strings.Contains(string(archive), "\n-- fixed/"); says != does {
			t.Errorf("%s: the page says that it is corrected: %t, and that is %t", name, says, does)
		}
	}
}
