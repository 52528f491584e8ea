// Package shared finds test data that is not part of this repository. Tests that need it
// have names that begin with TestShared. Only make test-shared runs them.
package shared

import (
	"os"
	"path/filepath"
	"testing"
)

// Variable names the directory of the data.
const Variable = "SPACES_IDENTITY_SHARED"

// Files returns the files that match a pattern of filepath.Match within the directory. It
// fails the test if there are none.
func Files(t *testing.T, pattern string) []string {
	t.Helper()
	dir := os.Getenv(Variable)
	if dir == "" {
		t.Skip("it needs data that is not part of the repository: run make test-shared")
	}
	files, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s has no %s: %v", dir, pattern, err)
	}
	return files
}

// Read returns the content of a file in the directory.
func Read(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(Files(t, file)[0])
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
