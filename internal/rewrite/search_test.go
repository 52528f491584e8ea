package rewrite

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestNamesAreFoundInEveryForm has texts that may contain the name mxp-controller, and
// others that cannot.
func TestNamesAreFoundInEveryForm(t *testing.T) {
	for text, want := range map[string]bool{
		"":                             false,
		"mxp-controller":               true,
		"a: mxp-controller":            true,
		"a: my-mxp-controllers":        true,
		"mxp-controlle":                false,
		"xp-controller":                false,
		"mxp-xp-controller":            false,
		"mxmxp-controller":             true,
		"x: xxxxxmxp-controller":       true,
		"Mxp-Controller":               false,
		`"mxp\u002dcontroller"`:        true,
		`"mxp\x2dcontroller"`:          true,
		`"mxp\U0000002dcontroller"`:    true,
		`"\u006dxp-controller"`:        true,
		`"mxp\u0041"`:                  false, // A is in no name
		`"mxp\u00"`:                    false,
		`"mxp\u002`:                    false,
		`"mxp\x2`:                      false,
		`"mxp\x2d`:                     true,
		`"\uzzzz\x2d"`:                 true,
		`"mxp\-controller"`:            false,
		`"mxp\ncontroller"`:            false,
		"\"mxp\\\n-controller\"":       true,
		"\"mxp\\\r\n  \\-controller\"": true,
		"\"mxp\\\n\t  -controller\"":   true,
		"\"mxp\\\nq-controller\"":      false,
		"\"a\\\n-controller\"":         false,
		"\\\n-controller":              false,
		"\"mxp\\\n":                    false,
		"\"mxp\\":                      false,
		`\`:                            false,
		"\\n\"mxp\\\n-controller\"":    true,
	} {
		if got := namesOf("mxp-controller").mayBeIn([]byte(text)); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
	if (names{}).mayBeIn([]byte(`\u002d`)) {
		t.Error("no names are in a text")
	}
	if got := namesOf("a", "", "b", "a").count(); got != 2 {
		t.Errorf("%d names of a and b", got)
	}
	if !namesOf("one", "two").mayBeIn([]byte("a two")) {
		t.Error("the second name is not found")
	}
}

// TestManyNamesAreFoundAsWords has more names than are searched one by one.
func TestManyNamesAreFoundAsWords(t *testing.T) {
	all := []string{"mxp-controller", "a name: with others"}
	for len(all) < manyNames {
		all = append(all, fmt.Sprint("name-", len(all)))
	}
	if !namesOf(all...).mayBeIn([]byte("my-mxp-controllers")) {
		t.Error("the largest number of names that are searched one by one is searched as words")
	}
	many := namesOf(append(all, "one-more")...)
	for text, want := range map[string]bool{
		"":                       false,
		"mxp-controller":         true,
		"a: mxp-controller":      true,
		"{mxp-controller: b}":    true,
		"é: name-7\n":            true,
		"a: one-more # b":        true,
		"my-mxp-controllers":     false,
		"mxp-controlle":          false,
		`a: "b\nmxp-controller"`: true,
		`a: "b\\mxp-controller"`: true,
		`"mxp\u002dcontroller"`:  true,
		"a name: with others":    true,
		"a name with others":     false,
		`\`:                      false,
	} {
		if got := many.mayBeIn([]byte(text)); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// TestRarestCharacterBeginsTheSearch checks the order that makes the search fast.
func TestRarestCharacterBeginsTheSearch(t *testing.T) {
	for name, want := range map[string]int{"": 0, "a": 0, "ee": 0, "teak": 3, "kaka": 0, "mxp-controller": 1, "eZ": 1, "jq": 0, "wok": 2, ".w": 1} {
		if got := rarest(name); got != want {
			t.Errorf("%q: %d, want %d", name, got, want)
		}
	}
}

func TestSecretsAreSearchedByTheirKind(t *testing.T) {
	for text, want := range map[string]bool{
		"":                        false,
		"kind: Secret":            true,
		"Secret":                  false,
		"kind: Config\na: Secret": true, // it may be
		"Secret\nkind: Secret":    true,
		"Secret kind":             false,
		"kind" + strings.Repeat(" ", 60) + "Secret": true,
		"kind" + strings.Repeat(" ", 61) + "Secret": false,
	} {
		if got := mayBeSecret([]byte(text)); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// TestSecretsAreHidden has documents with Secrets at unusual places. Every secret value
// begins with "s3cr3t".
func TestSecretsAreHidden(t *testing.T) {
	const encoded = "a2luZDogU2VjcmV0" // kind: Secret
	for name, tt := range map[string]struct{ text, want string }{
		"data":                {"kind: Secret\ndata:\n  a: s3cr3t\n", "kind: Secret\ndata:\n  a: (6 bytes, not shown)\n"},
		"stringData first":    {"stringData: {a: s3cr3t1}\nkind: Secret\ndata: {b: 's3cr3t'}\n", "stringData: {a: (7 bytes, not shown)}\nkind: Secret\ndata: {b: (6 bytes, not shown)}\n"},
		"no mapping":          {"kind: Secret\ndata: s3cr3t\n", "kind: Secret\ndata: (6 bytes, not shown)\n"},
		"a block":             {"kind: Secret\ndata:\n  a: |\n    s3cr3t\n  b: c\n", "kind: Secret\ndata:\n  a: (7 bytes, not shown)\n  b: (1 bytes, not shown)\n"},
		"comments":            {"kind: Secret\n# s3cr3t\ndata: # s3cr3t\n  # s3cr3t\n  a: b # s3cr3t\n# end\n", "kind: Secret\n# s3cr3t\ndata: # (not shown)\n  # (not shown)\n  a: (1 bytes, not shown) # (not shown)\n# end\n"},
		"a hash in a value":   {"kind: Secret\ndata:\n  a: s3cr3t#1\n", "kind: Secret\ndata:\n  a: (8 bytes, not shown)\n"},
		"in a List":           {"kind: List\nitems:\n- kind: Secret\n  data: {a: s3cr3t}\n- kind: ConfigMap\n  data: {a: b}\n", "kind: List\nitems:\n- kind: Secret\n  data: {a: (6 bytes, not shown)}\n- kind: ConfigMap\n  data: {a: b}\n"},
		"in a SecretList":     {"kind: SecretList\nitems:\n- data: {a: s3cr3t}\nother:\n- data: {a: b}\n", "kind: SecretList\nitems:\n- data: {a: (6 bytes, not shown)}\nother:\n- data: {a: b}\n"},
		"a string":            {"kind: ConfigMap\ndata:\n  a: |\n    kind: Secret\n    data: {a: s3cr3t}\n  b: c\n", "kind: ConfigMap\ndata:\n  a: (31 bytes, not shown)\n  b: c\n"},
		"base64":              {"kind: ConfigMap\ndata:\n  a: " + encoded + "\n", "kind: ConfigMap\ndata:\n  a: (16 bytes, not shown)\n"},
		"not YAML":            {"kind: Secret\ndata: {a: s3cr3t\n", "(a document that may contain Secrets)\n"},
		"not YAML, escaped":   {"\"kind\": \"\\u0053ecret\"\ndata: {a: s3cr3t\n", "(a document that may contain Secrets)\n"},
		"not YAML, no Secret": {"kind: [\n", "kind: [\n"},
		"nothing":             {"# kind\n", "# kind\n"},
		"another kind":        {"kind: ConfigMap\ndata: {a: b}\n# c\n", "kind: ConfigMap\ndata: {a: b}\n# c\n"},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, string(withoutSecrets([]byte(tt.text)))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestChangesHaveThreeLinesAround changes some of the documents of a stream, each of which
// has as many lines as its digit says. After a change there is one line more, in case the
// changed document does not end with a line break.
func TestChangesHaveThreeLinesAround(t *testing.T) {
	document := func(number, lines int) string {
		var b strings.Builder
		b.WriteString("---\n")
		for i := range lines - 1 {
			fmt.Fprintf(&b, "k%d.%d: v\n", number, i)
		}
		return b.String()
	}
	for sizes, tt := range map[string]struct {
		changed []int // numbers of documents, which get one line more
		want    string
	}{
		"252":      {[]int{2}, "1,1: 2 5>6 2"},
		"555":      {[]int{2}, "3,3: 3 5>6 4"},
		"5221225":  {[]int{4}, "7,7: 3 1>2 4"},
		"4":        {[]int{1}, "1,1: 0 4>5 0"},
		"432":      {[]int{1, 2, 3}, "1,1: 0 4>5 3>4 2>3 0"},
		"2226222":  {[]int{3, 5}, "2,2: 3 2>3 6 2>3 4"},
		"2227222":  {[]int{3, 5}, "2,2: 3 2>3 4; 11,12: 3 2>3 4"},
		"22292922": {[]int{3, 5, 7}, "2,2: 3 2>3 4; 13,14: 3 2>3 4; 24,26: 3 2>3 2"},
		"222222":   {[]int{1, 4}, "1,1: 0 2>3 2 2 2>3 4"},
	} {
		var stream string
		var patches []patched
		for i, size := range sizes {
			doc := document(i+1, int(size-'0'))
			stream += doc
			for _, n := range tt.changed {
				if n == i+1 {
					p := patched{text: []byte(doc + "new: v\n")}
					p.doc.Number, p.doc.Start, p.doc.End = n, len(stream)-len(doc), len(stream)
					patches = append(patches, p)
				}
			}
		}
		var got []string
		for _, c := range (&Result{stream: []byte(stream), patches: patches}).Changes() {
			text := fmt.Sprintf("%d,%d:", c.FromLine, c.ToLine)
			for _, part := range c.Parts {
				before, after := bytes.Count(part.Before, lineFeed), bytes.Count(part.After, lineFeed)
				text += fmt.Sprintf(" %d", before)
				if before != after {
					text += fmt.Sprintf(">%d", after)
				}
			}
			got = append(got, text)
		}
		if diff := cmp.Diff(tt.want, strings.Join(got, "; ")); diff != "" {
			t.Errorf("%s, changed %v (-want +got):\n%s", sizes, tt.changed, diff)
		}
	}
}

// TestStreamsThatAreNoManifests says what a stream is that has no Kubernetes object.
func TestStreamsThatAreNoManifests(t *testing.T) {
	const (
		text = "the input is plain text, not manifests"
		yaml = "the input is not manifests, because it is not YAML"
		kind = "no document of the input has a kind, so it contains no Kubernetes objects"
	)
	for stream, want := range map[string]string{
		"":                       "",
		"---\n# only comments\n": "",
		"kind: A\n":              "",
		"a: b\n---\nkind: A\n":   "",
		"Error: no chart\n":      kind,
		"no chart\n":             text,
		"no chart\n---\na: b\n":  kind,
		"a: b\n---\nno chart\n":  kind,
		"no chart\n---\nmore\n":  text,
		"a: [\n":                 yaml,
		"a: [\n---\nno chart\n":  yaml,
		"a: [\n---\nkind: A\n":   "",
		"no chart\n---\na: [\n":  text,
		"kind:\n---\n- a\n":      kind,
	} {
		if got := notManifests([]byte(stream)); got != want {
			t.Errorf("%q: %q, want %q", stream, got, want)
		}
	}
}

func TestOtherEncodingsAreErrors(t *testing.T) {
	for stream, want := range map[string]bool{
		"":                 false,
		"kind: A\n":        false,
		"\x00kind":         false,
		"k\x00i\x00":       true,
		"\x00k\x00i":       true,
		"k\x00\x00\x00":    true,
		"\xff\xfek":        true,
		"\xfe\xffk":        true,
		"\xff":             false,
		"12345678\x00\x00": false,
		"1234567\x00\x00":  false,
		"123456\x00\x00":   true,
	} {
		if err := checkEncoding([]byte(stream)); (err != nil) != want {
			t.Errorf("%q: %v", stream, err)
		}
	}
}
