package main

import (
	"bytes"
	"context"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestTwoBuildsAreEqual builds a release twice, from copies of the source in directories of
// different names, each with an empty cache of its own. A shared cache would prove little.
func TestTwoBuildsAreEqual(t *testing.T) {
	if os.Getenv("SPACES_IDENTITY_REPRODUCE") == "" {
		t.Skip("builds everything twice: run make judge-release")
	}
	dirs := []string{filepath.Join(t.TempDir(), "first"), filepath.Join(t.TempDir(), "somewhere", "else")}
	for _, dir := range dirs { // before the first build, so that nobody edits a file between the copies
		if err := copyRepository(filepath.Join(dir, "source")); err != nil {
			t.Fatal(err)
		}
	}
	var builds []map[string][]byte
	for _, dir := range dirs {
		t.Setenv("GOCACHE", filepath.Join(dir, "cache"))
		for _, command := range []string{"dist", "image"} {
			err := run(context.Background(), []string{command, "-root", filepath.Join(dir, "source"), "-output", filepath.Join(dir, "dist"),
				"-commit", testCommit, "-platforms", host.String()}, io.Discard)
			if err != nil {
				t.Fatal(err)
			}
		}
		builds = append(builds, filesBelow(t, filepath.Join(dir, "dist")))
	}
	names := slices.Sorted(maps.Keys(builds[0]))
	if !slices.Equal(names, slices.Sorted(maps.Keys(builds[1]))) {
		t.Fatalf("the builds have different files: %v and %v", names, slices.Sorted(maps.Keys(builds[1])))
	}
	for _, name := range names {
		if !bytes.Equal(builds[0][name], builds[1][name]) {
			t.Errorf("the builds differ in %s", name)
		}
	}
}
