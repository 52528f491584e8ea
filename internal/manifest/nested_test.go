package manifest_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/manifest"
)

func TestPatchChangesADocumentInAString(t *testing.T) {
	inString := func(into identity.Into, keys ...string) []manifest.Set {
		path := identity.Path{}.Field("data", "v").Inside(into).Field(keys...)
		return []manifest.Set{{Path: path, Value: "w"}}
	}
	yaml := identity.Into{}
	for _, test := range []struct {
		name     string
		in, want string
		sets     []manifest.Set
	}{
		{
			name: "literal",
			in:   "data:\n  v: |\n    # head\n    a:\n      b: c\n\n    d: e\n  z: 1\n",
			want: "data:\n  v: |\n    # head\n    a:\n      k: w\n      b: c\n\n    d: e\n  z: 1\n",
			sets: inString(yaml, "a", "k"),
		},
		{
			name: "literal with its own indentation, a null at its end, no line break",
			in:   "data:\n  v: |2-\n      a:\n",
			want: "data:\n  v: |2-\n      a:\n        k: w\n",
			sets: inString(yaml, "a", "k"),
		},
		{
			name: "the second document of a literal, CRLF",
			in:   "data:\r\n  v: |+\r\n    x: y\r\n    ---\r\n    a: {b: c}\r\n\r\nz: 1\r\n",
			want: "data:\r\n  v: |+\r\n    x: y\r\n    ---\r\n    a: {\"k\": \"w\", b: c}\r\n\r\nz: 1\r\n",
			sets: inString(identity.Into{Document: 1}, "a", "k"),
		},
		{
			name: "double quotes with escapes and an escaped line break",
			in:   "data:\n  v: \"a:\\n  b: \\u0063\\\n    d\\ne: f\\n\"\n",
			want: "data:\n  v: \"a:\\n  k: w\\n  b: \\u0063\\\n    d\\ne: f\\n\"\n",
			sets: inString(yaml, "a", "k"),
		},
		{
			name: "double quotes with a pair of surrogates",
			in:   `{"data":{"v":"a: {b: \ud83d\ude00}"}}`,
			want: `{"data":{"v":"a: {\"k\": \"w\", b: \ud83d\ude00}"}}`,
			sets: inString(yaml, "a", "k"),
		},
		{
			name: "JSON in double quotes",
			in:   `{"data":{"v":"{\"a\":{\"b\":\"c\"}}"}}`,
			want: `{"data":{"v":"{\"a\":{\"k\":\"w\",\"b\":\"c\"}}"}}`,
			sets: inString(yaml, "a", "k"),
		},
		{
			name: "JSON in single quotes",
			in:   "data: {v: '{\"a\": {\"b\": \"it''s\"}}'}\n",
			want: "data: {v: '{\"a\": {\"k\": \"w\", \"b\": \"it''s\"}}'}\n",
			sets: inString(yaml, "a", "k"),
		},
		{
			name: "lines in single quotes become a string in double quotes",
			in:   "data:\n  v: 'a:\n\n    b: c'\n",
			want: "data:\n  v: \"a:\\n  k: w\\nb: c\"\n",
			sets: inString(yaml, "a", "k"),
		},
		{
			name: "an argument",
			in:   "data:\n  v: --values={\"a\":{\"b\":\"c\"}}\n",
			want: "data:\n  v: --values={\"a\":{\"k\":\"w\",\"b\":\"c\"}}\n",
			sets: inString(identity.Into{Skip: len("--values=")}, "a", "k"),
		},
		{
			name: "folded, within a line",
			in:   "data:\n  v: >\n    {\"a\":\n    {\"b\": \"c\"}}\n  z: 1\n",
			want: "data:\n  v: >\n    {\"a\":\n    {\"k\": \"w\", \"b\": \"c\"}}\n  z: 1\n",
			sets: inString(yaml, "a", "k"),
		},
		{
			name: "folded, with a line more",
			in:   "data:\n  v: >-\n    a:\n      b: c\n      d: e\n\n    f: g\n\n  z: 1\n",
			want: "data:\n  v: |-\n    a:\n      k: w\n      b: c\n      d: e\n\n    f: g\n\n  z: 1\n",
			sets: inString(yaml, "a", "k"),
		},
		{
			name: "an anchor that two places in a string share",
			in:   "data:\n  v: |\n    x: &s\n      b: c\n    a: *s\n",
			want: "data:\n  v: |\n    x: &s\n      b: c\n    a: {\"k\": \"w\", \"b\": \"c\"}\n",
			sets: inString(yaml, "a", "k"),
		},
		{
			name: "null in compact JSON",
			in:   `{"data":{"v":"{\"a\":null}"}}`,
			want: `{"data":{"v":"{\"a\":{\"k\":\"w\"}}"}}`,
			sets: inString(yaml, "a", "k"),
		},
		{
			name: "base64",
			in:   "data:\n  v: YToKICBiOiBjCg==\n",
			want: "data:\n  v: YToKICBrOiB3CiAgYjogYwo=\n",
			sets: inString(identity.Into{Base64: true}, "a", "k"),
		},
		{
			name: "base64 in lines",
			in:   "data:\n  v: |\n    YToKICBi\n    OiBjCg==\n",
			want: "data:\n  v: |\n    YToKICBr\n    OiB3CiAg\n    YjogYwo=\n",
			sets: inString(identity.Into{Base64: true}, "a", "k"),
		},
		{
			name: "a string in a string in base64",
			in:   "data:\n  v: eDogfAogIGE6IHtiOiBjfQo=\n", // x: |\n  a: {b: c}\n
			want: "data:\n  v: eDogfAogIGE6IHsiayI6ICJ3IiwgYjogY30K\n",
			sets: []manifest.Set{{Value: "w", Path: identity.Path{}.Field("data", "v").
				Inside(identity.Into{Base64: true}).Field("x").Inside(yaml).Field("a", "k")}},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := manifest.Patch([]byte(test.in), test.sets)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.SplitAfter(test.want, "\n"), strings.SplitAfter(string(got), "\n")); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
