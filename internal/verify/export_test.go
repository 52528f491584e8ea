package verify

import (
	"testing"

	"spaces-identity.dev/internal/test/awstest"
)

// World is a Space and an account in the memory of the test, for the tests of other packages'
// views of a result.
type World = liveWorld

// NewWorld returns a world in which everything is right for control planes with their host
// namespaces.
func NewWorld(t *testing.T, planes map[string]string) *World {
	return newLiveWorldOf(t, awstest.NewInMemory(t), planes)
}

// Verify verifies the world.
func (w *liveWorld) Verify(t *testing.T) Result {
	t.Helper()
	result, err := Verify(t.Context(), w.cluster.Client(t), Access{AWS: OfAccount(w.aws)}, nil, w.state)
	if err != nil {
		t.Fatal(err)
	}
	return result
}
