package artifact

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// Stale returns the files of earlier runs in a directory: those whose names a program writes,
// but not this run of it.
func Stale(dir string, written []File, isArtifact func(name string) bool) []string {
	var stale []string
	entries, _ := os.ReadDir(dir) // if it cannot be read, staging says so
	for _, e := range entries {
		if isArtifact(e.Name()) && !slices.ContainsFunc(written, func(f File) bool { return f.Name == e.Name() }) {
			stale = append(stale, e.Name())
		}
	}
	return stale
}

// StaleWarning returns a warning of files of earlier runs, or "". They look as if they were
// current.
func StaleWarning(dir string, stale []string) string {
	if len(stale) == 0 {
		return ""
	}
	return fmt.Sprintf("%q has files of an earlier run that no longer apply: %s; remove them", dir, strings.Join(stale, ", "))
}
