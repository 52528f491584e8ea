package identity_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/test/fixture"
)

// TestDocumentationListsEveryComponent compares the table of docs/places.md with the known
// components.
func TestDocumentationListsEveryComponent(t *testing.T) {
	documented := fixture.FirstColumn(t, "places.md", "\n| component | ", "\n\n")
	if diff := cmp.Diff(identity.KnownNames(), documented); diff != "" {
		t.Errorf("differs (-components +page):\n%s", diff)
	}
}
