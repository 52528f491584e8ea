package manifest

import (
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
			patched := strings.Replace(right, test.old, test.new, 1)
			if test.old != "" && patched == right {
				t.Fatalf("%q is not in the document", test.old)
			}
			checkPatch(t, verified, patched, []Set{set}, test.want)
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

func checkPatch(t *testing.T, original, patched string, sets []Set, want bool) {
	t.Helper()
	a, err := Parse([]byte(original))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Parse([]byte(patched)); err != nil {
		t.Fatal(err)
	}
	if got := isPatched([]byte(original), a, []byte(patched), sets); got != want {
		t.Errorf("accepted: %v, want %v:\n%s", got, want, patched)
	}
}
