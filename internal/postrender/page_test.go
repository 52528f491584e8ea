package postrender_test

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/postrender"
	"spaces-identity.dev/internal/rewrite"
)

// TestDocumentationNamesEveryFieldOfTheReport compares the table in docs/output.md with the
// types.
func TestDocumentationNamesEveryFieldOfTheReport(t *testing.T) {
	page, err := os.ReadFile("../../docs/output.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n## The report of post-render\n")
	var documented []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(section, -1) {
		documented = append(documented, m[1])
	}
	want := jsonFields(reflect.TypeFor[postrender.Report](), "")
	if diff := cmp.Diff(slices.Sorted(slices.Values(want)), slices.Sorted(slices.Values(documented))); diff != "" {
		t.Errorf("(-report +documented):\n%s", diff)
	}
}

// jsonFields returns the paths of the fields of a type in JSON. The types of other
// packages are documented elsewhere on the page.
func jsonFields(typ reflect.Type, path string) []string {
	switch {
	case typ.Kind() == reflect.Pointer:
		return jsonFields(typ.Elem(), path)
	case typ.Kind() == reflect.Slice:
		return jsonFields(typ.Elem(), path+"[]")
	case typ.Kind() != reflect.Struct || typ == reflect.TypeFor[rewrite.Finding]() || typ == reflect.TypeFor[desired.Budget]():
		return []string{path}
	}
	var all []string
	for field := range typ.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		all = append(all, jsonFields(field.Type, strings.TrimPrefix(path+"."+name, "."))...)
	}
	return all
}
