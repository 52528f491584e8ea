package verify

import (
	"slices"
	"testing"

	"spaces-identity.dev/internal/test/fixture"
)

// TestDocumentationNamesEveryCheck compares the table of docs/troubleshooting.md with the
// checks, in the order of the chain.
func TestDocumentationNamesEveryCheck(t *testing.T) {
	documented := fixture.FirstColumn(t, "troubleshooting.md", "\n## Findings of verify\n", "\n## ")
	var checks []string
	for _, c := range allChecks {
		checks = append(checks, c.name)
	}
	if !slices.Equal(documented, checks) {
		t.Errorf("documented: %v\nchecks: %v", documented, checks)
	}
}
