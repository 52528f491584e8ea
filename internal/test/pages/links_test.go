package pages

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	link      = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading   = regexp.MustCompile(`(?m)^#+ (.*)$`)
	codeBlock = regexp.MustCompile("(?ms)^```.*?^```$")
	notInID   = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// TestLinksLeadSomewhere checks the links of every page to files of the repository and to
// headings. The ID of a heading is the one that GitHub gives it.
func TestLinksLeadSomewhere(t *testing.T) {
	var files []string
	for _, pattern := range []string{"*.md", "docs/*.md", "examples/*.md", "examples/*/*.md", "testdata/chart/*.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil || found == nil && !strings.Contains(pattern, "/*/") {
			t.Fatalf("%s: no page, %v", pattern, err)
		}
		files = append(files, found...)
	}
	for _, file := range files {
		for _, m := range link.FindAllStringSubmatch(withoutCode(t, file), -1) {
			path, id, hasID := strings.Cut(m[1], "#")
			if strings.Contains(path, "://") || strings.HasPrefix(path, "mailto:") {
				continue
			}
			target := file
			if path != "" {
				target = filepath.Join(filepath.Dir(file), path)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: the link to %s leads nowhere", file, m[1])
			} else if hasID && !headings(t, target)[id] {
				t.Errorf("%s: the link to %s names no heading of the page", file, m[1])
			}
		}
	}
}

// headings returns the IDs of the headings of a page.
func headings(t *testing.T, file string) map[string]bool {
	t.Helper()
	ids := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(withoutCode(t, file), -1) {
		ids[strings.ReplaceAll(notInID.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-")] = true
	}
	return ids
}

// withoutCode returns a page without its blocks of code.
func withoutCode(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return codeBlock.ReplaceAllString(string(text), "")
}
