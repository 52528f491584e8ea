package manifest

import (
	"encoding/base64"
	"strings"
	"testing"

	"spaces-identity.dev/internal/identity"
)

const verified = `metadata:
  annotations:
    a: "1"
    b: 2
    c: null # why
spec: &x {n: null, on: true}
other: &y {n: 1}
ref: *x
list: [1, 2]
data:
  v: |
    k: 1
    ---
    l: 2
`

// TestCheckRefusesEveryOtherChange gives the check after an edit patched documents that
// change more, less or something else than the set.
func TestCheckRefusesEveryOtherChange(t *testing.T) {
	set := Set{Path: identity.Path{}.Field("metadata", "annotations", "key"), Value: "value"}
	right := strings.Replace(verified, `    a: "1"`, "    key: value\n    a: \"1\"", 1)
	for _, test := range []struct {
		name     string
		old, new string // replaced in the right patch
		want     bool
	}{
		{"the right patch", "", "", true},
		{"other quotes of a string", `"1"`, `'1'`, true},
		{"another form of null", "c: null", "c: ~", true},
		{"an alias that became its value", "ref: *x", "ref: {n: null, on: true}", true},
		{"the key is missing", "    key: value\n", "", false},
		{"another value", "key: value", "key: values", false},
		{"another key", "key: value", "keys: value", false},
		{"the key at another level", "  annotations:\n    key: value\n", "  key: value\n  annotations:\n", false},
		{"the key twice", "key: value\n", "key: value\n    key: value\n", false},
		{"a mapping instead of the value", "key: value", "key: {value: value}", false},
		{"a value that YAML 1.1 reads as another type", "key: value", "key: yes", false},
		{"one key more", "key: value\n", "key: value\n    more: value\n", false},
		{"one key less", "    b: 2\n", "", false},
		{"a repeated key", "    b: 2\n", "    b: 2\n    b: 2\n", false},
		{"another order of keys", "    a: \"1\"\n    b: 2\n", "    b: 2\n    a: \"1\"\n", false},
		{"a string became a number", `"1"`, `1`, false},
		{"a number became a string", "b: 2", `b: "2"`, false},
		{"a number in another form", "b: 2", "b: 0x2", false},
		{"a tag more", "b: 2", "b: !!int 2", false},
		{"a mapping with a tag", "annotations:\n", "annotations: !!map\n", false},
		{"a null became an empty string", "c: null", `c: ""`, false},
		{"a null became a mapping", "c: null", "c: {}", false},
		{"a null's key is missing", "    c: null # why\n", "    # why\n", false},
		{"a boolean in another form", "on: true", "on: True", false},
		{"an alias of another value", "ref: *x", "ref: *y", false},
		{"a value behind an alias changed", "n: null, on", "n: 1, on", false},
		{"an item more", "[1, 2]", "[1, 2, 2]", false},
		{"an item less", "[1, 2]", "[1]", false},
		{"another order of items", "[1, 2]", "[2, 1]", false},
		{"another document in a string", "l: 2", "l: 3", false},
		{"the layout of a document in a string", "l: 2", "l:  2", false},
		{"a comment less", " # why", "", false},
		{"another comment", "# why", "# whys", false},
		{"a comment more", "b: 2", "b: 2 # more", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			checkPatch(t, verified, replaced(t, right, test.old, test.new), []Set{set}, test.want)
		})
	}
}

// TestCheckRefusesOtherChangesInStrings does the same for a set inside a string.
func TestCheckRefusesOtherChangesInStrings(t *testing.T) {
	path := identity.Path{}.Field("data", "v").Inside(identity.Into{Document: 1}).Field("l", "key")
	set := Set{Path: path, Value: "value"}
	original := strings.Replace(verified, "l: 2", "l: {m: 2}", 1)
	for _, test := range []struct {
		name, old, new string
		want           bool
	}{
		{"the right patch", "l: {m: 2}", "l: {key: value, m: 2}", true},
		{"nothing", "l: {m: 2}", "l: {m: 2}", false},
		{"the other document", "k: 1", "k: {key: value}", false},
		{"both documents", "k: 1\n    ---\n    l: {m: 2}", "k: 2\n    ---\n    l: {key: value, m: 2}", false},
		{"one document more", "l: {m: 2}", "l: {key: value, m: 2}\n    ---\n    n: 1", false},
		{"one document less", "k: 1\n    ---\n    l: {m: 2}", "l: {key: value, m: 2}", false},
		{"a comment in the string", "l: {m: 2}", "l: {key: value, m: 2} # more", false},
		{"a structure instead of the string", "v: |\n    k: 1\n    ---\n    l: {m: 2}", "v:\n    l: {key: value, m: 2}", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			checkPatch(t, original, strings.Replace(original, test.old, test.new, 1), []Set{set}, test.want)
		})
	}
}

// TestCheckRefusesOtherChangesInLists does the same for a set inside an item.
func TestCheckRefusesOtherChangesInLists(t *testing.T) {
	const original = "list: !t\n- {a: 1}\n- {b: 2} # two\nother: !t [1]\ntext: |\n  b\n# end\n"
	set := Set{Path: identity.Path{}.Field("list").Item(1).Field("key"), Value: "value"}
	right := strings.Replace(original, "{b: 2}", "{key: value, b: 2}", 1)
	for _, test := range []struct {
		name, old, new string
		want           bool
	}{
		{"the right patch", "", "", true},
		{"in another form", "!t\n- {a: 1}\n- {key: value, b: 2} # two\n", "!t [{a: 1}, {key: value, b: 2}] # two\n", true},
		{"nothing", "key: value, ", "", false},
		{"another item", "- {a: 1}\n- {key: value, b: 2}", "- {key: value, a: 1}\n- {b: 2}", false},
		{"both items", "{a: 1}", "{key: value, a: 1}", false},
		{"an item more", "- {a: 1}\n", "- {a: 1}\n- {}\n", false},
		{"an item at the end more", "# two\n", "# two\n- {}\n", false},
		{"an item less", "- {a: 1}\n", "", false},
		{"the items in another order", "- {a: 1}\n- {key: value, b: 2} # two\n", "- {key: value, b: 2} # two\n- {a: 1}\n", false},
		{"another tag", "list: !t", "list: !u", false},
		{"no tag", "list: !t", "list:", false},
		{"a mapping", "list: !t\n- {a: 1}\n- {key: value, b: 2} # two\n", "list: !t\n  0: {a: 1}\n  1: {key: value, b: 2} # two\n", false},
		{"another list without its tag", "other: !t [1]", "other: [1]", false},
		{"another comment below a literal", "# end", "# ends", false},
		{"no comment below a literal", "# end\n", "", false},
		{"a comment becomes part of a literal", "# end", "  # end", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			checkPatch(t, original, replaced(t, right, test.old, test.new), []Set{set}, test.want)
		})
	}
}

// TestCheckRefusesOtherChangesInMergedFields does the same for a mapping with a merge key.
func TestCheckRefusesOtherChangesInMergedFields(t *testing.T) {
	const original = "x: &x {a: 1, b: 2}\ny: &y {a: 1}\nm:\n  <<: *x\n  b: 3\n  1: c\n"
	set := Set{Path: identity.Path{}.Field("m", "key"), Value: "value"}
	right := strings.Replace(original, "m:\n", "m:\n  key: value\n", 1)
	for _, test := range []struct {
		name, old, new string
		want           bool
	}{
		{"the right patch", "", "", true},
		{"another order", "  <<: *x\n  b: 3\n", "  b: 3\n  <<: *x\n", true},
		{"the fields instead of the merge key", "<<: *x", "a: 1", true},
		{"an equal mapping", "<<: *x", "<<: *y", true},
		{"nothing", "  key: value\n", "", false},
		{"another value", "key: value", "key: values", false},
		{"another key", "key: value", "keys: value", false},
		{"no merge key", "  <<: *x\n", "", false},
		{"no field of its own", "  b: 3\n", "", false},
		{"another merged value", "<<: *x", "a: 2", false},
		{"a merged value of another type", "<<: *x", "a: '1'", false},
		{"a key of another type", "1: c", "'1': c", false},
		{"one key more", "b: 3", "b: 3\n  d: 4", false},
		{"the anchor's value changed", "{a: 1, b: 2}", "{a: 1, b: 4}", false},
		{"the key in the anchor", "{a: 1, b: 2}", "{a: 1, b: 2, key: value}", false},
		{"a string instead of the mapping", "m:\n  key: value\n  <<: *x\n  b: 3\n  1: c\n", "m: c\n", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			checkPatch(t, original, replaced(t, right, test.old, test.new), []Set{set}, test.want)
		})
	}
}

// TestCheckRefusesOtherChangesInBase64 does the same for a set in base64 after a name.
func TestCheckRefusesOtherChangesInBase64(t *testing.T) {
	encode := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	const stream = "a: {b: 1} # c\n---\nd: 2\n"
	document := func(name, stream string) string { return "v: " + name + encode(stream) + "\nw: 1\n" }
	set := Set{Path: identity.Path{}.Field("v").Inside(identity.Into{Base64: true, Skip: len("X=")}).Field("a", "key"), Value: "value"}
	for _, test := range []struct {
		name, patched string
		want          bool
	}{
		{"the right patch", document("X=", "a: {key: value, b: 1} # c\n---\nd: 2\n"), true},
		{"nothing", document("X=", stream), false},
		{"another name", document("Y=", "a: {key: value, b: 1} # c\n---\nd: 2\n"), false},
		{"no name", document("", "a: {key: value, b: 1} # c\n---\nd: 2\n"), false},
		{"the text itself", "v: |\n  X=a: {key: value, b: 1} # c\n  ---\n  d: 2\nw: 1\n", false},
		{"only the name", "v: X=\nw: 1\n", false},
		{"less than the name", "v: X\nw: 1\n", false},
		{"another document", document("X=", "a: {key: value, b: 1} # c\n---\nd: 3\n"), false},
		{"another layout of the other document", document("X=", "a: {key: value, b: 1} # c\n---\nd:  2\n"), false},
		{"another comment", document("X=", "a: {key: value, b: 1} # d\n---\nd: 2\n"), false},
		{"one document more", document("X=", "a: {key: value, b: 1} # c\n---\nd: 2\n---\n"), false},
		{"one document less", document("X=", "a: {key: value, b: 1} # c\n"), false},
		{"no string", "v: [X]\nw: 1\n", false},
		{"another value beside it", strings.Replace(document("X=", "a: {key: value, b: 1} # c\n---\nd: 2\n"), "w: 1", "w: 2", 1), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			checkPatch(t, document("X=", stream), test.patched, []Set{set}, test.want)
		})
	}
}

// replaced replaces a text that must be there. Nothing is replaced if old is empty.
func replaced(t *testing.T, text, old, by string) string {
	t.Helper()
	if !strings.Contains(text, old) {
		t.Fatalf("%q is not in the document", old)
	}
	if old == "" {
		return text
	}
	return strings.Replace(text, old, by, 1)
}

func checkPatch(t *testing.T, original, patched string, sets []Set, want bool) {
	t.Helper()
	a, err := Parse([]byte(original))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Parse([]byte(patched)); err != nil {
		t.Fatal(err)
	}
	if got := isPatched([]byte(original), a, []byte(patched), sets, &openStrings{}); got != want {
		t.Errorf("accepted: %v, want %v:\n%s", got, want, patched)
	}
}
