package verify

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestDocumentationNamesEveryCheck compares the table of docs/troubleshooting.md with the
// checks, in the order of the chain.
func TestDocumentationNamesEveryCheck(t *testing.T) {
	page, err := os.ReadFile("../../docs/troubleshooting.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n## Findings of verify\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var documented, checks []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(section, -1) {
		documented = append(documented, m[1])
	}
	for _, c := range allChecks {
		checks = append(checks, c.name)
	}
	if !slices.Equal(documented, checks) {
		t.Errorf("documented: %v\nchecks: %v", documented, checks)
	}
}
