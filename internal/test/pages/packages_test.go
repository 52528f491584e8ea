package pages

import (
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestContributingListsEveryPackage compares the table of packages in CONTRIBUTING.md with
// the directories that have Go files.
func TestContributingListsEveryPackage(t *testing.T) {
	var packages []string
	for _, top := range []string{"cmd", "internal"} {
		err := fs.WalkDir(os.DirFS(root), top, func(file string, entry fs.DirEntry, err error) error {
			if entry != nil && entry.IsDir() && entry.Name() == "testdata" {
				return fs.SkipDir
			}
			if dir := path.Dir(file); strings.HasSuffix(file, ".go") && !slices.Contains(packages, dir) {
				packages = append(packages, dir)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(root + "/CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "| package | does |\n")
	table, _, _ = strings.Cut(table, "\n\n")
	var listed []string
	for row := range strings.Lines(table) {
		names, _, _ := strings.Cut(strings.TrimPrefix(row, "|"), "|")
		for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(names, -1) {
			listed = append(listed, m[1])
		}
	}
	slices.Sort(packages)
	slices.Sort(listed)
	if diff := cmp.Diff(packages, listed); diff != "" {
		t.Errorf("differs (-directories +page):\n%s", diff)
	}
}
