package manifest

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"

	"spaces-identity.dev/internal/identity"
)

// wrapping writes a text as a value of a ConfigMap or a Secret, in one style. It is not ok
// if the style does not allow the text.
type wrapping struct {
	name  string
	write func(text string) (yaml string, ok bool)
	exact bool // it reads back as the text
}

var wrappings = []wrapping{
	{"literal", func(s string) (string, bool) { return literal("|"+chomping(s), s, "    ") }, true},
	{"literal clip", func(s string) (string, bool) { return literal("|", s, "    ") }, false},
	{"literal strip", func(s string) (string, bool) { return literal("|-", s, "    ") }, false},
	{"literal keep", func(s string) (string, bool) { return literal("|+", s, "    ") }, false},
	{"literal, indicator 1", func(s string) (string, bool) { return literal("|1"+chomping(s), s, "   ") }, true},
	{"literal, indicator 4", func(s string) (string, bool) { return literal("|"+chomping(s)+"4 # c", s, "      ") }, true},
	{"literal, indicator 9", func(s string) (string, bool) { return literal("|9"+chomping(s), s, strings.Repeat(" ", 11)) }, true},
	{"folded clip", func(s string) (string, bool) { return literal(">", s, "    ") }, false},
	{"folded strip", func(s string) (string, bool) { return literal(">-2", s, "    ") }, false},
	{"folded keep", func(s string) (string, bool) { return literal(">+", s, "    ") }, false},
	{"double quotes", func(s string) (string, bool) { return quoted(s), true }, true},
	{"double quotes, anchored and tagged", func(s string) (string, bool) { return "!!str &it " + quoted(s) + "\n  again: *it", true }, true},
	{"double quotes over lines", overLines, true},
	{"single quotes", inSingleQuotes, true},
	{"plain", plainText, true},
	{"flow", func(s string) (string, bool) { return "{ a: [ " + quoted(s) + ",], }", true }, false},
	{"base64", func(s string) (string, bool) { return base64.StdEncoding.EncodeToString([]byte(s)), s != "" }, false},
}

// chomping returns the indicator that keeps the line breaks at the end of a text.
func chomping(s string) string {
	switch {
	case !strings.HasSuffix(s, "\n"):
		return "-"
	case strings.HasSuffix(s, "\n\n") || s == "\n":
		return "+"
	}
	return ""
}

// literal writes a block scalar. A text that begins with white space needs an indentation
// indicator. A block scalar cannot contain characters that are not printable.
func literal(header, s, indent string) (string, bool) {
	first := strings.TrimLeft(s, "\n")
	if !strings.ContainsAny(header, "123456789") && (first == "" || first[0] == ' ' || first[0] == '\t' || first != s) {
		return "", false
	}
	if strings.ContainsFunc(s, func(r rune) bool { return r == '\r' || r != '\n' && r != '\t' && !isShown(r) }) || strings.Trim(s, " \t\n") == "" {
		return "", false
	}
	text := header + "\n"
	for line := range strings.Lines(s) {
		text += indent + line
	}
	return strings.TrimSuffix(text, "\n"), true
}

// overLines writes a text in double quotes, with each of its lines on a separate line.
func overLines(s string) (string, bool) {
	text := quoted(s)
	text = strings.ReplaceAll(text, `\n`, "\\n\\\n    ")
	return strings.ReplaceAll(text, "\n     ", "\n    \\ "), !strings.Contains(s, `\`)
}

func inSingleQuotes(s string) (string, bool) {
	text := strings.ReplaceAll(s, "'", "''")
	blanks := strings.Contains(s, " \n") || strings.Contains(s, "\n ") || strings.Contains(s, "\t\n") || strings.Contains(s, "\n\t")
	text = strings.ReplaceAll(text, "\n", "\n\n    ")
	return "'" + text + "'", !blanks && !strings.Contains(s, "\n\n") && isPrintable(strings.ReplaceAll(strings.ReplaceAll(s, "\n", ""), "\t", ""))
}

func plainText(s string) (string, bool) {
	body := strings.TrimSuffix(s, "\n")
	return body, s == body && isPlainSafe(s)
}

// wrapped writes a document that has a text between two places to edit.
func wrapped(kind, annotations, value, last string) string {
	return "kind: " + kind + "\nmetadata:\n  annotations:\n" + annotations + "    b: c\ndata:\n  it: " + value + "\n  last: " + last + " # kept\n"
}

// checkWrapped writes a text as a value in each style, edits the document before and after
// it, and compares every byte. It returns the number of styles that allow the text.
func checkWrapped(t *testing.T, text string) (written int) {
	t.Helper()
	for _, w := range wrappings {
		value, ok := w.write(text)
		if !ok {
			continue
		}
		written++
		kind := "ConfigMap"
		if w.name == "base64" {
			kind = "Secret"
		}
		in := wrapped(kind, "", value, "old")
		want := wrapped(kind, "    k: \"on\"\n", value, "new")
		got, err := Patch([]byte(in), []Set{
			{Path: identity.Path{}.Field("metadata", "annotations", "k"), Value: "on"},
			{Path: identity.Path{}.Field("data", "last"), Value: "new"},
		})
		if err != nil {
			t.Errorf("%s: %v\n%s", w.name, err, in)
			continue
		}
		if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Errorf("%s: -want +got:\n%s", w.name, diff)
		}
		checkRead(t, w, text, in, string(got))
	}
	return written
}

// checkRead compares what another decoder reads before and after the edits.
func checkRead(t *testing.T, w wrapping, text, in, out string) {
	t.Helper()
	type document struct{ Data map[string]any }
	var before, after document
	if err := yaml.Unmarshal([]byte(in), &before); err != nil {
		t.Fatalf("%s: %v\n%s", w.name, err, in)
	}
	if err := yaml.Unmarshal([]byte(out), &after); err != nil {
		t.Fatalf("%s: %v\n%s", w.name, err, out)
	}
	before.Data["last"] = "new"
	if w.exact {
		before.Data["it"] = text
	}
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("%s: -want +read:\n%s\nof:\n%s", w.name, diff, out)
	}
}
