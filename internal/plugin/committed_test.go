package plugin_test

import (
	"strings"
	"testing"
)

// compareCommitted checks the branch that a CI job proposes.
func compareCommitted(t *testing.T, p *pipeline, role string) {
	t.Helper()
	if text := p.show("rendered/manifests/manifests.yaml"); !strings.Contains(text, role) {
		t.Errorf("the branch lacks the identity:\n%s", text)
	}
}
