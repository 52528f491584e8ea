package identity_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/identity"
)

// TestDocumentationListsEveryComponent compares the table of docs/places.md with the known
// components.
func TestDocumentationListsEveryComponent(t *testing.T) {
	page, err := os.ReadFile("../../docs/places.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "\n| component | ")
	table, _, _ = strings.Cut(table, "\n\n")
	var documented []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` ").FindAllStringSubmatch(table, -1) {
		documented = append(documented, row[1])
	}
	if diff := cmp.Diff(identity.KnownNames(), documented); diff != "" {
		t.Errorf("differs (-components +page):\n%s", diff)
	}
}
