package identity_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/identity"
)

func TestParsePath(t *testing.T) {
	key := func(k string) identity.PathStep { return identity.PathStep{Key: k} }
	item := func(n int) identity.PathStep { return identity.PathStep{Item: n, IsItem: true} }
	for text, c := range map[string]struct {
		path    identity.Path
		written string // empty where it is the text
	}{
		"a":                     {identity.Path{key("a")}, ""},
		"a.b.c":                 {identity.Path{key("a"), key("b"), key("c")}, ""},
		`data["values.yaml"].x`: {identity.Path{key("data"), key("values.yaml"), key("x")}, ""},
		`data['values.yaml']`:   {identity.Path{key("data"), key("values.yaml")}, `data["values.yaml"]`},
		`data.values\.yaml`:     {identity.Path{key("data"), key("values.yaml")}, `data["values.yaml"]`},
		"a[0][12].b":            {identity.Path{key("a"), item(0), item(12), key("b")}, ""},
		`["a"][1]`:              {identity.Path{key("a"), item(1)}, "a[1]"},
		"[3]":                   {identity.Path{item(3)}, ""},
		`a["0"]`:                {identity.Path{key("a"), key("0")}, "a.0"},
		`a["\"]ü\n"]`:           {identity.Path{key("a"), key("\"]ü\n")}, ""},
		`a\[b`:                  {identity.Path{key("a[b")}, `["a[b"]`},
		"eks.io/x-y_z":          {identity.Path{key("eks"), key("io/x-y_z")}, ""},
	} {
		got, err := identity.ParsePath(text)
		if err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(c.path, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
		if c.written == "" {
			c.written = text
		}
		if diff := cmp.Diff(c.written, got.String()); diff != "" {
			t.Error(diff)
		}
	}
}

func TestBadPaths(t *testing.T) {
	check(t, parser(identity.ParsePath), map[string]string{
		"":              "is empty: write a value, or leave the setting out",
		" a":            `" a" has space around it: write "a"`,
		".a":            `".a" at character 1: a key is missing`,
		"a..b":          `"a..b" at character 3: a key is missing`,
		"a.":            `"a." at character 3: a key is missing`,
		"ä[0]b":         `"ä[0]b" at character 5: a dot or [ comes after ]`,
		"a[":            `"a[" at character 2: a number or a quoted key and ] come after [`,
		"a[x]":          `"a[x]" at character 2: a number or a quoted key and ] come after [`,
		"a[-1]":         `"a[-1]" at character 2: a number or a quoted key and ] come after [`,
		"a[1":           `"a[1" at character 2: a number or a quoted key and ] come after [`,
		`a["b]`:         `"a[\"b]" at character 2: the quoted key after [ cannot be read`,
		`a[""]`:         `"a[\"\"]" at character 2: the quoted key after [ cannot be read`,
		`a["b"`:         `"a[\"b\"" at character 2: a ] comes after the quoted key`,
		`a]`:            `"a]" at character 2: ']' has no meaning here: write such a key as ["key"]`,
		`a"b`:           `"a\"b" at character 2: '"' has no meaning here: write such a key as ["key"]`,
		`a\`:            `"a\\" at character 1: nothing follows the backslash`,
		"a[9999999999]": `"a[9999999999]" at character 2: a number or a quoted key and ] come after [`,
	})
	check(t, parser(identity.ParseKeys), map[string]string{
		"a[0]": `"a[0]" has the item [0]: a values path is of keys alone, a key of digits is written ["0"]`,
	})
}

// FuzzParsePath holds that a path that is read is written as one that reads the
// same.
func FuzzParsePath(f *testing.F) {
	for _, seed := range []string{"a.b", `a["b.c"][1]`, `a\.b['c']`, "[0]", `a["\xff"]`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		path, err := identity.ParsePath(text)
		if err != nil {
			return
		}
		again, err := identity.ParsePath(path.String())
		if err != nil {
			t.Fatalf("%q was written as %q: %v", text, path, err)
		}
		if diff := cmp.Diff(path, again); diff != "" {
			t.Errorf("%q was written as %q:\n%s", text, path, diff)
		}
	})
}
