package manifest

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestQuickParserReadsUsualForms has the forms that Helm and people write. The quick parser
// must read each of them itself, and build the library's tree.
func TestQuickParserReadsUsualForms(t *testing.T) {
	long := strings.Repeat("k", maxQuickKey)
	for name, text := range map[string]string{
		"a mapping":                           "a: b\nc: d\n",
		"no line break at the end":            "a: b",
		"spaces at the end":                   "a: b  \nc:  \n",
		"a marker":                            "---\na: b\n",
		"a marker with a comment":             "--- # c\na: b\n",
		"comments before the marker":          "\n# c\n\n---\na: b\n",
		"comments at the end":                 "a: b\n# c\n\n  # d",
		"a comment after a key":               "a: # c\n  b: c # d\n",
		"a hash in a text":                    "a: b#c\n",
		"a colon in a text":                   "a: b:c\n",
		"nulls":                               "a:\nb:\n  c:\nd: ~\n",
		"a null at the end":                   "a:",
		"a sequence":                          "- a\n- b: c\n  d: e\n-\n- - f\n  - g\n",
		"an item on the next line":            "-\n  a: b\n-   c: d\n    e: f\n",
		"a sequence at the column of its key": "a:\n- b\n- c\nd: e\n",
		"a sequence below its key":            "a:\n  - b\n  - c\nd: e\n",
		"a comment after a dash":              "- # c\n  a\n- b\n",
		"a key of several words":              "a b c: d\n",
		"spaces before the colon":             "a : b\n\"c\" : d\n",
		"a long key":                          long + ": v\n",
		"quoted keys":                         "\"a\": b\n'c': d\n",
		"double quotes":                       `a: "b"` + "\n" + `c: "d # e: f"` + "\n",
		"escapes":                             `a: "\"\\\b\f\n\r\t"` + "\n",
		"code points":                         `a: "\u0041\u00e9\u20ac"` + "\n",
		"single quotes":                       "a: 'b'\nc: 'it''s'\nd: ''\ne: ''''\n",
		"plain text over lines":               "a: b\n  c\n  d\ne: f\n",
		"plain text with empty lines":         "a: b\n\n  c\n\n\n  d\ne: f\n",
		"plain text before a comment line":    "a: b\n  c\n# d\ne: f\n",
		"plain text of an item":               "- a\n  b\n- c\n",
		"first characters":                    "a: /b\nb: .c\nc: _d\nd: ~e\ne: +f\nf: $g\ng: (h\nh: <i\ni: =j\nj: ^k\nk: ;l\nl: -m\nm: -1\nn: --o\n",
		"characters beyond ASCII":             "é: ü\na: 日本\nb: \"😀\"\n",
		"a literal":                           "a: |\n  b\n   c\n\n  d\ne: f\n",
		"a literal without its line break":    "a: |-\n  b\n\n\nc: d\n",
		"a literal with all line breaks":      "a: |+\n  b\n\n\nc: d\n",
		"a literal with an indentation":       "a: |2\n    b\n  c\nd: e\n",
		"a literal with both indicators":      "a: |2-\n    b\nd: |+1\n  e\n\nf: g\n",
		"a literal with a comment":            "a: | # c\n  b\nd: e\n",
		"a literal with empty lines first":    "a: |\n\n\n  b\nc: d\n",
		"a literal with short blank lines":    "a: |\n   b\n \n   c\n",
		"a literal with long blank lines":     "a: |\n  b\n     \n  c\n",
		"a literal in an item":                "- |\n  a\n- b\n",
		"a literal with a # line":             "a: |\n  # b\n  c\n# d\ne: f\n",
		"a tab in a literal":                  "a: |\n  b\tc\n",
		"braces":                              "a: {}\nb: []\nc: {d: e, \"f\": 'g'}\nh: [i, \"j\", 'k', [l], {m: n}]\n",
		"a comma at the end":                  "a: [b, c,]\nd: {e: f,}\n",
		"JSON":                                "{\"a\":{\"b\":[1,2.5,true,null,\"c\"]},\"d\":\"e\"}\n",
		"JSON over lines":                     "{\n  \"a\": [\n    1,\n    2\n  ],\n\n  \"b\": {}\n}\n",
		"braces over lines":                   "a: {\n    b: c,\n    d: e # f\n  }\ng: [h,\n  # i\n  j]\n",
		"JSON with tabs":                      "{\n\t\"a\": [\n\t\t1\n\t]\n}\n",
		"a key in braces without blanks":      "a: {\"b\":c, \"d\" : e}\n",
		"a comment after braces":              "a: {b: c} # d\ne: f\n",
		"a URL in braces":                     "a: [http://b/c, d:e]\n",
	} {
		t.Run(name, func(t *testing.T) {
			if !sameTrees(t, name, []byte(text)) {
				t.Errorf("the quick parser gives up on %q", text)
			}
		})
	}
}

// TestQuickParserReadsEscapesOfJSON has escapes that the library rejects.
func TestQuickParserReadsEscapesOfJSON(t *testing.T) {
	for text, want := range map[string]string{
		`a: "b\/c"`:           "b/c",
		`a: "\ud83d\ude00!"`:  "😀!",
		`a: "\\\ud83d\ude00"`: "\\😀",
	} {
		if root, ok := quickParse(new(treeMemory), []byte(text)); !ok || root.Text("a") != want {
			t.Errorf("%s is read as %+v", text, root.Field("a"))
		}
	}
}

// TestQuickParserGivesUpIfUnsure has texts that the library must read, because they are
// rare, invalid, or read in different ways by different versions of YAML.
func TestQuickParserGivesUpIfUnsure(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":                                "",
		"only comments":                          "# a\n",
		"only a marker":                          "---\n",
		"a scalar":                               "a\n",
		"a directive":                            "%YAML 1.2\n---\na: b\n",
		"content on the line of the marker":      "--- a: b\n",
		"a tag on the line of the marker":        "--- !x\na: b\n",
		"a second marker":                        "a: b\n---\nc: d\n",
		"an end marker":                          "a: b\n...\n",
		"a marker in a sequence":                 "- a\n--- \n- b\n",
		"a marker in braces":                     "{a: b,\n---\nc: d}\n",
		"an end marker in braces":                "{a: b,\n...\nc: d}\n",
		"a carriage return":                      "a: b\r\nc: d\n",
		"a control character":                    "a: \"b\x01\"\n",
		"delete":                                 "a: \"b\x7f\"\n",
		"bytes that are not UTF-8":               "a: \"\xff\"\n",
		"a byte order mark":                      "\ufeffa: b\n",
		"a byte order mark inside":               "a: \"b\ufeff\"\n",
		"NEL":                                    "a: \"b\u0085\"\n",
		"a line separator":                       "a: \"b\u2028\"\n",
		"a paragraph separator":                  "a: \"b\u2029\"\n",
		"the last code points of the plane":      "a: \"b\uffff\"\n",
		"the replacement character":              "a: \"\\ufffd\"\n",
		"half of a pair of surrogates":           "a: \"\\ud83d\"\n",
		"two first halves":                       "a: \"\\ud83d\\ud83d\"\n",
		"a first half before another escape":     "a: \"\\ud83d\\n\"\n",
		"an escape of YAML alone":                "a: \"\\x41\"\n",
		"a short escape":                         "a: \"\\u12\"\n",
		"an escape without digits":               "a: \"\\u12g4\"\n",
		"a backslash at the end":                 "a: \"b\\",
		"an open double quote":                   "a: \"b\n",
		"an open double quote at the end":        "a: \"b\\n",
		"an open single quote":                   "a: 'b\nc: d'\n",
		"an open single quote at the end":        "a: 'b",
		"text after quotes":                      "a: \"b\" c\n",
		"a comment right after quotes":           "a: \"b\"#c\n",
		"an anchor":                              "a: &b c\n",
		"an alias":                               "a: *b\n",
		"a tag":                                  "a: !!str b\n",
		"a folded scalar":                        "a: >\n  b\n",
		"a complex key":                          "? a\n: b\n",
		"a comma first":                          "a: ,b\n",
		"a percent first":                        "a: %b\n",
		"an at sign first":                       "a: @b\n",
		"a dash before a space in a value":       "a: - b\n",
		"a mapping in a value":                   "a: b: c\n",
		"a mapping of quotes in a value":         "a: \"b\": c\n",
		"a tab before a value":                   "a:\tb\n",
		"a tab after a value":                    "a: b\t\nc: d\n",
		"a tab at the start of a line":           "a:\n\tb: c\n",
		"a tab after a dash":                     "-\ta\n",
		"a tab in the next line of a text":       "a: b\n  c\td\n",
		"a tab before the next line of a text":   "a: b\n  \tc\n",
		"a colon in the next line of a text":     "a: b\n  c: d\n",
		"a colon at its end":                     "a: b\n  c:\n",
		"a comment in the next line of a text":   "a: b\n  c # d\n",
		"a text over lines at the root":          "a\nb\n",
		"a key without a colon":                  "a: b\nc\n",
		"a key without a blank after the colon":  "a: b\n\"c\":d\n",
		"a long key":                             strings.Repeat("k", maxQuickKey+1) + ": v\n",
		"a long second key":                      "a: b\n" + strings.Repeat("k", maxQuickKey+1) + ": v\n",
		"a long key in braces":                   "{" + strings.Repeat("k", maxQuickKey+1) + ": v}\n",
		"a key indented more":                    "a: b\n  c: d\n",
		"a key indented less":                    "  a: b\nc: d\n",
		"an item indented more":                  "- a: b\n    c: d\n",
		"an item indented less":                  "a:\n    - b\n  - c\n",
		"a mapping after a sequence":             "- a\nb: c\n",
		"a sequence after a mapping":             "a: b\n- c\n",
		"content after braces":                   "a: {b: c} d\n",
		"content after brackets at the root":     "[a]\nb\n",
		"open braces":                            "a: {b: c\n",
		"open braces before a key":               "a: {b: c,\nd: e}\n",
		"braces that close at the root column":   "a: {\n  b: c\n}\n",
		"the wrong bracket":                      "a: [b}\n",
		"no comma":                               "a: [\"b\" \"c\"]\n",
		"an empty item":                          "a: [b, , c]\n",
		"a comma first in brackets":              "a: [, b]\n",
		"a key without a value in braces":        "a: {b}\n",
		"a key with an empty value in braces":    "a: {b: , c: d}\n",
		"an empty value at the end of braces":    "a: {b: }\n",
		"a mapping without braces":               "a: [b: c]\n",
		"a plain key without a blank in braces":  "a: {b:[c]}\n",
		"a tab in braces below a key":            "a: {\tb: c}\n",
		"a comment right after a comma":          "a: [b,#c\n  d]\n",
		"a comment at the end of open braces":    "a: [b, #c",
		"a question mark first in braces":        "a: {? b: c}\n",
		"text beyond ASCII first in braces":      "a: {é: c}\n",
		"a dash at the end of open brackets":     "a: [-",
		"a literal without text":                 "a: |\nb: c\n",
		"a literal at the end of the text":       "a: |\n  b",
		"a literal that is not indented":         "a: |\nb\n",
		"a literal with a blank line too long":   "a: |\n     \n  b\n",
		"a literal with two indentations":        "a: |22\n   b\n",
		"a literal with two chompings":           "a: |+-\n  b\n",
		"a literal with an indentation of 0":     "a: |0\n  b\n",
		"a literal with text after it":           "a: |b\n  c\n",
		"a literal with a comment without blank": "a: |# c\n  b\n",
		"a literal with a tab first":             "a: |\n\tb\n",
		"a literal header at the end":            "a: |",
	} {
		t.Run(name, func(t *testing.T) {
			if root, ok := quickParse(new(treeMemory), []byte(text)); ok {
				t.Errorf("the quick parser reads %q as %s", text, flowText(root))
			}
		})
	}
}

// TestQuickParserLimitsNesting gives up at the same depth as the library's limit.
func TestQuickParserLimitsNesting(t *testing.T) {
	for name, text := range map[string]func(n int) string{
		"brackets": func(n int) string { return "a: " + strings.Repeat("[", n) + strings.Repeat("]", n) + "\n" },
		"dashes":   func(n int) string { return strings.Repeat("- ", n) + "a\n" },
	} {
		if _, ok := quickParse(new(treeMemory), []byte(text(maxDepth/2))); !ok {
			t.Errorf("%s: half of the depth is too deep", name)
		}
		if _, ok := quickParse(new(treeMemory), []byte(text(maxDepth+1))); ok {
			t.Errorf("%s: more than the depth is accepted", name)
		}
	}
}

func TestLinesOfEachKind(t *testing.T) {
	text := "\ufeffa\nbé\r\nc\rd\n"
	lines := NewLines([]byte(text))
	for at, want := range map[int][2]int{
		-1: {1, 1}, 0: {1, 1}, 3: {1, 1}, 4: {1, 2}, 5: {2, 1}, 6: {2, 2}, 8: {2, 3}, 9: {2, 4},
		10: {3, 1}, 11: {3, 2}, 12: {4, 1}, 13: {4, 2}, 14: {5, 1}, 99: {5, 1},
	} {
		line, column := lines.Position(at)
		if line != want[0] || column != want[1] || lines.Line(at) != want[0] {
			t.Errorf("offset %d: line %d, column %d, want %v", at, line, column, want)
		}
	}
	for text, want := range map[string]int{"": 0, "a": 0, "a\n": 1, "a\r\nb\r\n": 2, "a\rb": 1, "\r\r\n\n": 3, "\n\r": 2} {
		if got := Breaks([]byte(text)); got != want {
			t.Errorf("%q has %d line breaks, want %d", text, got, want)
		}
	}
}

func TestSyntaxErrorsSayWhereAndWhat(t *testing.T) {
	for name, tt := range map[string]struct {
		text string
		at   int
		want string
	}{
		"not UTF-8":            {"é: \xff", 4, "this is not valid YAML: the text is not valid UTF-8"},
		"not UTF-8 at first":   {"\xff", 0, "this is not valid YAML: the text is not valid UTF-8"},
		"half a character":     {"a: \"é\xc3", 6, "this is not valid YAML: the text is not valid UTF-8"},
		"two values of JSON":   {"{\"a\": 1}\n\n{\"b\": 2}\n", 10, "this is not valid YAML: another JSON value begins without a line --- before it"},
		"two lists of JSON":    {"[1]\n[2]\n", 4, "this is not valid YAML: another JSON value begins without a line --- before it"},
		"an unknown anchor":    {"a: b\nc: *secret\n", 9, "this is not valid YAML: unknown anchor is referenced"},
		"a mapping in a value": {"a: b: c\n", 4, "this is not valid YAML: mapping values are not allowed in this context"},
		"too many levels":      {strings.Repeat("[", maxDepth+1) + strings.Repeat("]", maxDepth+1), maxDepth, tooDeep},
	} {
		_, err := Parse([]byte(tt.text))
		syntax, ok := errors.AsType[*SyntaxError](err)
		if !ok || syntax.Offset != tt.at || err.Error() != tt.want {
			t.Errorf("%s: %#v, want %d: %s", name, err, tt.at, tt.want)
		}
	}
}

// TestNodesFollowAliases checks the questions that other packages ask of a value.
func TestNodesFollowAliases(t *testing.T) {
	root, err := Parse([]byte(`
m: &m {a: 1, b: {c: d}, n: ~, l: [x, y], a: 2}
alias: *m
merged: {<<: *m, own: o}
t: [true, "true", yes, On, y, Y, !!bool "true", !!str true, no, 1, ~]
`))
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"m", "alias", "merged"} {
		n := root.Get(key)
		got := []any{n.IsMapping(), n.Text("a"), n.Text("b", "c"), n.Text("n"), n.Text("b"), n.Text("z"), len(n.Field("l").Items()),
			n.Get("l").Item(1).Value, n.Get("l").Item(2) == nil, n.Get("a").Items() == nil, n.Get("b", "z") == nil, n.Get("l", "z") == nil}
		want := []any{true, "2", "d", "", "", "", 2, "y", true, true, true, true}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", key, diff)
		}
	}
	var is []bool
	for _, item := range root.Get("t").Items() {
		is = append(is, item.IsTrue())
	}
	if diff := cmp.Diff([]bool{true, false, true, true, true, true, true, false, false, false, false}, is); diff != "" {
		t.Errorf("true (-want +got):\n%s", diff)
	}
	if root.Get("t").IsMapping() || root.Get("z").IsMapping() || root.Get("z").IsTrue() || root.Get("t").IsTrue() {
		t.Error("a list, or nothing, is a mapping or true")
	}
	if twice := root.Get("m").RepeatedKey("a"); twice == nil || twice.Start() != strings.LastIndex("\nm: &m {a: 1, b: {c: d}, n: ~, l: [x, y], a", "a") {
		t.Errorf("the second key is %+v", twice)
	}
	for _, n := range []*Node{root.Get("z"), root.Get("t"), root.Get("m", "b")} {
		if n.RepeatedKey("a") != nil {
			t.Error("there is no second key")
		}
	}
	var own, all []string
	for key := range root.Get("merged").Fields {
		own = append(own, key.Value)
		if key.Value == "own" {
			break
		}
	}
	for key, value := range root.Get("merged").AllFields {
		all = append(all, key.Value+value.Value)
	}
	for range root.Get("t").Fields {
		t.Error("a list has fields")
	}
	for range root.Get("t").AllFields {
		t.Error("a list has fields")
	}
	if diff := cmp.Diff([][]string{{"<<", "own"}, {"owno", "a1", "b", "n~", "l"}}, [][]string{own, all}); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
}

func TestSplitAtMarkersAlone(t *testing.T) {
	for name, tt := range map[string]struct {
		stream string
		want   []string
	}{
		"nothing":                        {"", []string{""}},
		"one":                            {"a", []string{"a"}},
		"a marker first":                 {"---\na\n", []string{"---\na\n"}},
		"comments and directives first":  {"# c\n%YAML 1.2\n\n---\na\n---\nb", []string{"# c\n%YAML 1.2\n\n---\na\n", "---\nb"}},
		"a mark first":                   {"\ufeff---\na\n---\nb\n", []string{"\ufeff---\na\n", "---\nb\n"}},
		"a mark and a comment first":     {"\ufeff# c\n---\na\n", []string{"\ufeff# c\n---\na\n"}},
		"empty documents":                {"---\n---\n---", []string{"---\n", "---\n", "---"}},
		"no marker":                      {"a: ---\n ---\n----\n---a\n....\n", []string{"a: ---\n ---\n----\n---a\n....\n"}},
		"a tab, a CR and a space":        {"a\n---\tb\n---\rc\n--- d\n", []string{"a\n", "---\tb\n", "---\rc\n", "--- d\n"}},
		"an end":                         {"a\n...\nb\n", []string{"a\n...\n", "b\n"}},
		"an end with a comment":          {"a\n... # c\n---\nb\n", []string{"a\n... # c\n", "---\nb\n"}},
		"two ends":                       {"a\n...\n...\nb\n", []string{"a\n...\n", "...\nb\n"}},
		"an end first":                   {"...\na\n", []string{"...\n", "a\n"}},
		"an end after blank lines":       {"a\n...\n\n...\n# b\n", []string{"a\n...\n", "\n...\n# b\n"}},
		"an end after a marker":          {"a\n---\n...\nb\n", []string{"a\n", "---\n...\n", "b\n"}},
		"an end after a comment":         {"a\n...\n# c\n...\nb\n", []string{"a\n...\n", "# c\n...\n", "b\n"}},
		"an end at the end":              {"a\n...", []string{"a\n..."}},
		"a marker right after the other": {"a\n---\n--- # b\n", []string{"a\n", "---\n", "--- # b\n"}},
	} {
		var got []string
		for doc := range Split([]byte(tt.stream)) {
			got = append(got, tt.stream[doc.Start:doc.End])
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		for range Split([]byte(tt.stream)) {
			break // a reader may stop at the first document
		}
	}
}
