package live

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const documentation = "../../../docs/output.md"

// exampleBlock matches a block of the page that shows a golden file.
var exampleBlock = regexp.MustCompile("(?s)(<!-- example: (\\S+) -->\n```[a-z]+\n)(.*?)(```\n)")

func TestDocumentationShowsTheGoldens(t *testing.T) {
	page := readText(t, documentation)
	want := exampleBlock.ReplaceAllStringFunc(page, func(block string) string {
		m := exampleBlock.FindStringSubmatch(block)
		return m[1] + readText(t, filepath.Join("../..", m[2])) + m[4]
	})
	if *update {
		if err := os.WriteFile(documentation, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		page = want
	}
	if diff := cmp.Diff(want, page); diff != "" {
		t.Errorf("the examples differ from the golden files; run with -update (-want +got):\n%s", diff)
	}
}

// fieldRow matches a row of a table of fields in the page.
var fieldRow = regexp.MustCompile("(?m)^\\| `([^`]+)` \\|")

func TestDocumentationNamesEveryField(t *testing.T) {
	goldens, err := filepath.Glob("../testdata/*.json")
	more, moreErr := filepath.Glob("testdata/*.json")
	if err != nil || moreErr != nil || len(goldens) == 0 || len(more) == 0 {
		t.Fatalf("no golden files: %v, %v", err, moreErr)
	}
	page := readText(t, documentation)
	for _, file := range append(goldens, more...) {
		var result map[string]any
		if err := json.Unmarshal([]byte(readText(t, file)), &result); err != nil {
			t.Fatal(err)
		}
		kind := fmt.Sprint(result["kind"])
		if kind == "Lists" {
			continue // a result of the tests
		}
		_, section, ok := strings.Cut(page, "\n### "+kind+"\n")
		if !ok {
			t.Errorf("%s: the page has no section %s", file, kind)
			continue
		}
		section, _, _ = strings.Cut(section, "\n### ")
		section, _, _ = strings.Cut(section, "\n## ")
		want := map[string]bool{}
		for _, m := range fieldRow.FindAllStringSubmatch(section, -1) {
			want[m[1]] = true
		}
		delete(result, "apiVersion")
		delete(result, "kind")
		got := map[string]bool{}
		fields(result, "", want, got)
		if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got))); diff != "" {
			t.Errorf("%s: fields (-documented +in the golden file):\n%s", file, diff)
		}
	}
}

// fields adds the paths of a value to found. It does not go below the paths in whole,
// which the page documents as one.
func fields(value any, path string, whole, found map[string]bool) {
	object, isObject := value.(map[string]any)
	list, isList := value.([]any)
	switch {
	case whole[path] || !isObject && !isList:
		found[path] = true
	case isList:
		for _, item := range list {
			fields(item, path+"[]", whole, found)
		}
	default:
		for name, below := range object {
			fields(below, strings.TrimPrefix(path+"."+name, "."), whole, found)
		}
	}
}

func readText(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
