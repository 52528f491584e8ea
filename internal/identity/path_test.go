package identity_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/identity"
)

func TestParsePathReadsWhatStringWrites(t *testing.T) {
	key := func(k string) identity.Step { return identity.Step{Key: k} }
	item := func(n int) identity.Step { return identity.Step{Kind: identity.ItemStep, Item: n} }
	into := func(in identity.Into) identity.Step { return identity.Step{Kind: identity.IntoStep, Into: in} }
	for text, c := range map[string]struct {
		path    identity.Path
		written string // empty if it equals the text
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
		"eks.io/x-y_z":          {identity.Path{key("eks"), key("io/x-y_z")}, `eks["io/x-y_z"]`},
		`a[""]`:                 {identity.Path{key("a"), key("")}, ""},
		"two words.a":           {identity.Path{key("two words"), key("a")}, `["two words"].a`},
		`a["\\"]`:               {identity.Path{key("a"), key(`\`)}, ""},

		"a → b":                 {identity.Path{key("a"), into(identity.Into{}), key("b")}, ""},
		"a -> b":                {identity.Path{key("a"), into(identity.Into{}), key("b")}, "a → b"},
		"a (base64) → [0]":      {identity.Path{key("a"), into(identity.Into{Base64: true}), item(0)}, ""},
		"a → document 2: b → c": {identity.Path{key("a"), into(identity.Into{Document: 1}), key("b"), into(identity.Into{}), key("c")}, ""},
		"a → document 1: b":     {identity.Path{key("a"), into(identity.Into{}), key("b")}, "a → b"},
		"a → 2: b":              {identity.Path{key("a"), into(identity.Into{}), key("2: b")}, `a → ["2: b"]`},
		"a → document":          {identity.Path{key("a"), into(identity.Into{}), key("document")}, ""},
		`a → ["document 2: b"]`: {identity.Path{key("a"), into(identity.Into{}), key("document 2: b")}, ""},
		"a[1] (base64) → ":      {identity.Path{key("a"), item(1), into(identity.Into{Base64: true})}, ""},
		"a -> document 3:":      {identity.Path{key("a"), into(identity.Into{Document: 2})}, "a → document 3: "},
		" → a":                  {identity.Path{into(identity.Into{}), key("a")}, ""},
		`a\ → b`:                {identity.Path{key("a → b")}, `["a → b"]`},
		"a→b":                   {identity.Path{key("a→b")}, ""},
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

func TestParsePathRejectsInvalidPaths(t *testing.T) {
	check(t, parser(identity.ParsePath), map[string]string{
		"":              "is empty: write a value, or leave the setting out",
		" a":            `" a" has space around it: write "a"`,
		"a: ":           `"a: " has space around it: write "a:"`,
		"  ":            `"  " is only white space`,
		"a. → b":        `"a. → b" at character 3: a key is missing`,
		".a":            `".a" at character 1: a key is missing`,
		"a..b":          `"a..b" at character 3: a key is missing`,
		"a.":            `"a." at character 3: a key is missing`,
		"ä[0]b":         `"ä[0]b" at character 5: expected a dot or [ after ]`,
		"a[":            `"a[" at character 2: expected a number or a quoted key, and ], after [`,
		"a[x]":          `"a[x]" at character 2: expected a number or a quoted key, and ], after [`,
		"a[-1]":         `"a[-1]" at character 2: expected a number or a quoted key, and ], after [`,
		"a[1":           `"a[1" at character 2: expected a number or a quoted key, and ], after [`,
		`a["b]`:         `"a[\"b]" at character 2: the quoted key after [ cannot be read`,
		`a["b"`:         `"a[\"b\"" at character 2: expected ] after the quoted key`,
		`a]`:            `"a]" at character 2: ']' has no meaning here: write such a key as ["key"]`,
		`a"b`:           `"a\"b" at character 2: '"' has no meaning here: write such a key as ["key"]`,
		`a\`:            `"a\\" at character 1: nothing follows the backslash`,
		"a[9999999999]": `"a[9999999999]" at character 2: expected a number or a quoted key, and ], after [`,
	})
	check(t, parser(identity.ParseKeys), map[string]string{
		"a[0]":  `"a[0]" has the item [0]: a values path has only keys, and a key of digits is written ["0"]`,
		`a[""]`: `"a[\"\"]" has an empty key`,
		"a → b": `"a → b" leads into a string: a values path has only keys`,
		"a..b":  `"a..b" at character 3: a key is missing`,
	})
}

func TestPathContainsWhatIsBelowIt(t *testing.T) {
	at := identity.Path{}.Field("data", "v").Inside(identity.Into{Skip: 9})
	for _, test := range []struct {
		name  string
		other identity.Path
		want  bool
	}{
		{"itself", at, true},
		{"a key below it", at.Field("a").Item(0), true},
		{"the way to it", at[:2], false},
		{"another part of the string", at[:2].Inside(identity.Into{}).Field("a"), false},
		{"a key whose name continues", identity.Path{}.Field("data", "v2").Field("a"), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := at.Contains(test.other); got != test.want {
				t.Errorf("%s contains %s: %t", at, test.other, got)
			}
		})
	}
}

func TestPathsWithACommonBeginningShareNoMemory(t *testing.T) {
	common := identity.Path{}.Field("a", "b", "c").Item(0)
	first, second := common.Field("x"), common.Field("y")
	if first.String() != "a.b.c[0].x" || second.String() != "a.b.c[0].y" {
		t.Errorf("%s and %s", first, second)
	}
}

// FuzzParsePath checks that String writes each path as ParsePath reads it.
func FuzzParsePath(f *testing.F) {
	for _, seed := range []string{"a.b", `a["b.c"][1]`, `a\.b['c']`, "[0]", `a["\xff"]`, "a (base64) → document 2: b", "a ->"} {
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
