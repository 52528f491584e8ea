package manifest_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/manifest"
)

var (
	annotation = identity.Path{}.Field("metadata", "annotations", "eks.amazonaws.com/role-arn")
	role       = "arn:aws:iam::123456789012:role/b"
)

func TestPatchChangesOnlyTheLinesOfTheSet(t *testing.T) {
	for _, test := range []struct {
		name string
		in   string
		sets []manifest.Set
		want string
	}{
		{
			name: "a key beside others goes to the head, its comments stay",
			in:   "metadata: # m\n  # all of them\n  annotations: # why\n    # first\n    a: b # c\n",
			want: "metadata: # m\n  # all of them\n  annotations: # why\n    eks.amazonaws.com/role-arn: arn:aws:iam::123456789012:role/b\n    # first\n    a: b # c\n",
		},
		{
			name: "one line ends with CRLF, the others with LF",
			in:   "kind: X\nmetadata:\n  annotations:\r\n    a: b\n",
			want: "kind: X\nmetadata:\n  annotations:\r\n    eks.amazonaws.com/role-arn: arn:aws:iam::123456789012:role/b\r\n    a: b\n",
		},
		{
			name: "one line ends with LF, the others with CRLF",
			in:   "kind: X\r\nmetadata:\r\n  annotations:\n  name: x\r\n",
			want: "kind: X\r\nmetadata:\r\n  annotations:\n    eks.amazonaws.com/role-arn: arn:aws:iam::123456789012:role/b\n  name: x\r\n",
		},
		{
			name: "missing mappings are added",
			in:   "kind: X\nmetadata:\n    name: x\nz: 1\n",
			want: "kind: X\nmetadata:\n    annotations:\n        eks.amazonaws.com/role-arn: arn:aws:iam::123456789012:role/b\n    name: x\nz: 1\n",
		},
		{
			name: "a null becomes a mapping",
			in:   "metadata:\n  annotations: # none\n  name: x\n",
			want: "metadata:\n  annotations: # none\n    eks.amazonaws.com/role-arn: arn:aws:iam::123456789012:role/b\n  name: x\n",
		},
		{
			name: "a null at the end of a text without a line break",
			in:   "metadata:\n  annotations:",
			want: "metadata:\n  annotations:\n    eks.amazonaws.com/role-arn: arn:aws:iam::123456789012:role/b",
		},
		{
			name: "a tilde becomes a mapping",
			in:   "metadata: {annotations: ~}\n",
			want: "metadata: {annotations: {\"eks.amazonaws.com/role-arn\": \"arn:aws:iam::123456789012:role/b\"}}\n",
		},
		{
			name: "a null with a tag becomes a mapping without it",
			in:   "metadata:\n  annotations: !!null\n",
			want: "metadata:\n  annotations: {\"eks.amazonaws.com/role-arn\": \"arn:aws:iam::123456789012:role/b\"}\n",
		},
		{
			name: "empty braces",
			in:   "metadata:\n  annotations: {}\n",
			want: "metadata:\n  annotations: {\"eks.amazonaws.com/role-arn\": \"arn:aws:iam::123456789012:role/b\"}\n",
		},
		{
			name: "flow with an annotation of Helm 4",
			in:   "metadata: {name: x, annotations: {postrenderer.helm.sh/postrender-filename: 'a'}}\n",
			want: "metadata: {name: x, annotations: {\"eks.amazonaws.com/role-arn\": \"arn:aws:iam::123456789012:role/b\", postrenderer.helm.sh/postrender-filename: 'a'}}\n",
		},
		{
			name: "JSON, compact",
			in:   `{"metadata":{"annotations":{"a":"b"},"name":"x"}}`,
			want: `{"metadata":{"annotations":{"eks.amazonaws.com/role-arn":"arn:aws:iam::123456789012:role/b","a":"b"},"name":"x"}}`,
		},
		{
			name: "JSON, indented",
			in:   "{\n  \"metadata\": {\n    \"annotations\": {\n      \"a\": \"b\"\n    }\n  }\n}\n",
			want: "{\n  \"metadata\": {\n    \"annotations\": {\n      \"eks.amazonaws.com/role-arn\": \"arn:aws:iam::123456789012:role/b\",\n      \"a\": \"b\"\n    }\n  }\n}\n",
		},
		{
			name: "a value is replaced in its own style",
			in:   "metadata:\n  annotations:\n    'eks.amazonaws.com/role-arn': 'old' # x\n",
			want: "metadata:\n  annotations:\n    'eks.amazonaws.com/role-arn': 'arn:aws:iam::123456789012:role/b' # x\n",
		},
		{
			name: "a folded value is replaced",
			in:   "metadata:\n  annotations:\n    eks.amazonaws.com/role-arn: >-\n      arn:aws\n    b: c\n",
			want: "metadata:\n  annotations:\n    eks.amazonaws.com/role-arn: arn:aws:iam::123456789012:role/b\n    b: c\n",
		},
		{
			name: "CRLF",
			in:   "metadata:\r\n  annotations:\r\n    a: b\r\n",
			want: "metadata:\r\n  annotations:\r\n    eks.amazonaws.com/role-arn: arn:aws:iam::123456789012:role/b\r\n    a: b\r\n",
		},
		{
			name: "byte order mark, marker and directive",
			in:   "\ufeff%YAML 1.2\n--- # x\nmetadata:\n  annotations:\n    a: b\n...\n",
			want: "\ufeff%YAML 1.2\n--- # x\nmetadata:\n  annotations:\n    eks.amazonaws.com/role-arn: arn:aws:iam::123456789012:role/b\n    a: b\n...\n",
		},
		{
			name: "wide characters before the place",
			in:   "metadata: {é日😀: \"ü\", annotations: {a: b}}\n",
			want: "metadata: {é日😀: \"ü\", annotations: {\"eks.amazonaws.com/role-arn\": \"arn:aws:iam::123456789012:role/b\", a: b}}\n",
		},
		{
			name: "an alias at the place is written out",
			in:   "x: &a\n  k: v\nmetadata:\n  annotations: *a\n",
			want: "x: &a\n  k: v\nmetadata:\n  annotations: {\"eks.amazonaws.com/role-arn\": \"arn:aws:iam::123456789012:role/b\", \"k\": \"v\"}\n",
		},
		{
			name: "the alias of an anchor at the place is written out",
			in:   "metadata:\n  annotations: &a\n    k: v\nx: *a\n",
			want: "metadata:\n  annotations: &a\n    eks.amazonaws.com/role-arn: arn:aws:iam::123456789012:role/b\n    k: v\nx: {\"k\": \"v\"}\n",
		},
		{
			name: "a mapping from a merge key on the way becomes a key of its own",
			in:   "x: &a {annotations: {k: v}}\nmetadata:\n  # c1\n  <<: *a # c2\n  name: 'n' # c3\n",
			want: "x: &a {annotations: {k: v}}\nmetadata:\n  annotations: {\"eks.amazonaws.com/role-arn\": \"arn:aws:iam::123456789012:role/b\", \"k\": \"v\"}\n  # c1\n  <<: *a # c2\n  name: 'n' # c3\n",
		},
		{
			name: "a value from a merge key",
			in:   "x: &a\n  eks.amazonaws.com/role-arn: old\nmetadata:\n  annotations:\n    <<: *a # c\n    k: 'v'\n",
			want: "x: &a\n  eks.amazonaws.com/role-arn: old\nmetadata:\n  annotations:\n    eks.amazonaws.com/role-arn: \"arn:aws:iam::123456789012:role/b\"\n    <<: *a # c\n    k: 'v'\n",
		},
		{
			name: "a repeated key beside the place",
			in:   "foo: 1\nmetadata:\n  name: x\nfoo: 2\n",
			want: "foo: 1\nmetadata:\n  annotations:\n    eks.amazonaws.com/role-arn: arn:aws:iam::123456789012:role/b\n  name: x\nfoo: 2\n",
		},
		{
			name: "tags and complex keys",
			in:   "? metadata\n: !!map\n  ? annotations\n  : !!map\n    a: b\n",
			want: "? metadata\n: !!map\n  ? annotations\n  : !!map\n    eks.amazonaws.com/role-arn: arn:aws:iam::123456789012:role/b\n    a: b\n",
		},
		{
			name: "two places that are one through an anchor",
			in:   "items:\n- m: &m\n    a: b\n- m: *m\n",
			sets: []manifest.Set{
				{Path: identity.Path{}.Field("items").Item(0).Field("m", "k"), Value: "true"},
				{Path: identity.Path{}.Field("items").Item(1).Field("m", "k"), Value: "true"},
			},
			want: "items:\n- m: &m\n    k: \"true\"\n    a: b\n- m: *m\n",
		},
		{
			name: "a list item keeps its first line",
			in:   "- a: b\n  c: d\n",
			sets: []manifest.Set{{Path: identity.Path{}.Item(0).Field("k"), Value: "on"}},
			want: "- a: b\n  k: \"on\"\n  c: d\n",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			sets := test.sets
			if sets == nil {
				sets = []manifest.Set{{Path: annotation, Value: role}}
			}
			got, err := manifest.Patch([]byte(test.in), sets)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.SplitAfter(test.want, "\n"), strings.SplitAfter(string(got), "\n")); diff != "" {
				t.Fatalf("-want +got:\n%s", diff)
			}
			again, err := manifest.Patch(got, sets)
			if err != nil || string(again) != string(got) {
				t.Errorf("a second run returns %q, %v", again, err)
			}
		})
	}
}

// TestKeyInListItemOnlyAddsLines adds keys to the first item of lists, of which every other
// line must stay.
func TestKeyInListItemOnlyAddsLines(t *testing.T) {
	sets := []manifest.Set{
		{Path: identity.Path{}.Field("l").Item(0).Field("m", "k"), Value: "v"},
		{Path: identity.Path{}.Field("l").Item(0).Field("n"), Value: "w"},
	}
	for name, test := range map[string]struct{ before, after string }{
		"a scalar":                        {"l:\n- a: b\n", "  c: d\n"},
		"an item alone":                   {"l:\n- a: b\n", ""},
		"an item before another":          {"l:\n- a: b\n", "- c: d\n"},
		"a comment behind":                {"l:\n- a: b # why\n", "  # of c\n  c: d\n"},
		"a comment above":                 {"l:\n# of a\n- a: b\n", "  c: d\n"},
		"more indentation":                {"l:\n  -   a: b\n", "      c: d\n"},
		"a mapping":                       {"l:\n- a:\n    b: c\n", "  # of d\n  d: e\n"},
		"a list":                          {"l:\n- a:\n  - b\n  - c\n", "  d: e\n"},
		"a flow collection on two lines":  {"l:\n- a: {b: c,\n    d: e} # f\n", "  g: h\n"},
		"nothing":                         {"l:\n- a:\n", "  c: d\n"},
		"nothing but a comment":           {"l:\n- a: # none\n", ""},
		"a literal":                       {"l:\n- a: |\n    b\n\n    c\n", "  d: e\n"},
		"a literal that keeps empty ends": {"l:\n- a: |+\n    b\n\n", "  d: e\n"},
		"a folded text":                   {"l:\n- a: >-\n    b\n    c\n", "  d: e\n"},
		"a text on two lines":             {"l:\n- a: b\n    c\n", "  d: e\n"},
		"an anchor":                       {"l:\n- a: &x b\n", "  c: *x\n"},
		"a key in quotes":                 {"l:\n- \"a\": 'b'\n", "  c: d\n"},
		"a complex key":                   {"l:\n- ? a\n  : b\n", "  c: d\n"},
		"a tag above the keys":            {"l:\n- !!map\n", "  a: b\n"},
		"CRLF":                            {"l:\r\n- a: b\r\n", "  c: d\r\n"},
		"a literal with CRLF":             {"l:\r\n- a: |\r\n    b\r\n", "  c: d\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := manifest.Patch([]byte(test.before+test.after), sets)
			added, begins := strings.CutPrefix(string(got), test.before)
			added, ends := strings.CutSuffix(added, test.after)
			if err != nil || !begins || !ends || strings.Count(added, "\n") != 3 {
				t.Errorf("got %q, error %v", got, err)
			}
		})
	}
}

func TestKeyInListItemAtTheEndOfTheTextNeedsNoLineBreak(t *testing.T) {
	for _, text := range []string{"l:\n- a: b", "l:\n- - a: b", "l:\n- a: # none"} {
		path := identity.Path{}.Field("l").Item(0)
		if strings.Contains(text, "- -") {
			path = path.Item(0)
		}
		got, err := manifest.Patch([]byte(text), []manifest.Set{{Path: path.Field("k"), Value: "v"}})
		if want := text + "\n  " + strings.Repeat(" ", 2*strings.Count(text, "- -")) + "k: v"; err != nil || string(got) != want {
			t.Errorf("got %q, error %v, want %q", got, err, want)
		}
	}
}
