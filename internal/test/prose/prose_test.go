package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// vale returns the linter that make lint built, and makes the root of the
// repository the working directory, where its settings are.
func vale(t *testing.T) string {
	t.Helper()
	program := os.Getenv("SPACES_IDENTITY_VALE")
	if program == "" {
		t.Skip("SPACES_IDENTITY_VALE names no program: make lint sets it")
	}
	t.Chdir("../../..")
	return program
}

var long = "It goes on " + strings.Repeat("and on ", 12) + "with `code` in it."

func TestEveryRuleFindsItsPhrase(t *testing.T) {
	program := vale(t)
	bad := map[string][]string{
		"Words":     {"The pods are made anew.", "It is to be had\nelsewhere.", "The config is\nin `code` held to it, and in\nstep."},
		"Glossary":  {"The target state is applied.", "Each carrier is read.", "Each pod gets\nthe stamp."},
		"Where":     {"It fails where there\nis none.", "The role is empty where no role exists.", "Where the list ends, it stops."},
		"Sentences": {long, "- One item.\n- " + long},
	}
	rules, err := filepath.Glob(".vale/SpacesIdentity/*.yml")
	if err != nil || len(rules) != len(bad)+1 { // Count is of another kind
		t.Fatalf("%d rules, %d have a bad sentence: %v", len(rules), len(bad), err)
	}
	texts, want := map[string]string{}, map[string]string{}
	for rule, phrases := range bad {
		for i, phrase := range phrases {
			lines, err := commentLines([]byte("package a\n\n// " + strings.ReplaceAll(phrase, "\n", "\n// ") + "\nvar A int\n"))
			if err != nil {
				t.Fatal(err)
			}
			more := strings.ReplaceAll(strings.TrimPrefix(phrase, "- "), "\n", "\n"+strings.Repeat(" ", 25))
			for from, lines := range map[string][]line{
				"page":    markdownLines(phrase),
				"comment": lines,
				"help":    helpLines("Print.\n\nUsage:\n  a\n\nFlags:\n      --flag   " + more),
			} {
				name := fmt.Sprintf("%s-%d-%s", rule, i, from)
				texts[name], want[name] = plainText(lines), "SpacesIdentity."+rule
			}
		}
	}
	got := checksOf(t, program, texts)
	for name, rule := range want {
		if !slices.Contains(got[name], rule) {
			t.Errorf("%s: got %v, want %s in %q", name, got[name], rule, texts[name])
		}
	}
}

func TestRulesLeavePlainTextAlone(t *testing.T) {
	program := vale(t)
	texts := map[string]string{}
	for i, text := range []string{
		"The host namespaces of all control planes are listed.",
		"SyntaxError says where a policy is not valid.",
		"Two packages are in the directory where only owners can write.",
		"Each step waits. The next step stands for a restart.",
		"See `anew` and `in step`.\n\n    where there is none\n\n```\nanew\n```",
		"Nobody can tell that from the device.",
	} {
		texts[fmt.Sprint(i)] = plainText(markdownLines(text))
	}
	for name, got := range checksOf(t, program, texts) {
		t.Errorf("%q: got %v", texts[name], got)
	}
}

// alertsOf returns what Vale says about texts, each in a file of its name.
func alertsOf(t *testing.T, program string, texts map[string]string) []alert {
	t.Helper()
	dir := t.TempDir()
	for name, text := range texts {
		if err := os.WriteFile(filepath.Join(dir, name+".txt"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	found, err := runVale(program, dir)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// checksOf returns the rules that find something, by the name of the text.
func checksOf(t *testing.T, program string, texts map[string]string) map[string][]string {
	t.Helper()
	checks := map[string][]string{}
	for _, a := range alertsOf(t, program, texts) {
		if a.Severity != "suggestion" {
			checks[a.path] = append(checks[a.path], a.Check)
		}
	}
	return checks
}

func TestSentencesThatBeginAlikeAreAllCounted(t *testing.T) {
	text := "The code of `a` is here. The code of `b` is here.\n- The code of `a` is here.\n\n" + long + " " + long + "\n"
	found := alertsOf(t, vale(t), map[string]string{"a": plainText(markdownLines(text))})
	if count := countSeverities(found); count["suggestion"] != 5 || count["warning"] != 2 {
		t.Errorf("got %v, want 5 sentences, 2 of them long: %+v", count, found)
	}
}

func TestReportFails(t *testing.T) {
	sentence, warning := alert{Severity: "suggestion"}, alert{Severity: "warning", Match: "One two"}
	many := slices.Repeat([]alert{sentence}, 100)
	for name, test := range map[string]struct {
		found []alert
		want  string
	}{
		"nothing found":   {nil, "found no sentence"},
		"an error":        {append(slices.Clone(many), alert{Severity: "error"}), "1 errors"},
		"5 of 100 long":   {append(slices.Clone(many), slices.Repeat([]alert{warning}, 5)...), ""},
		"6 of 100 long":   {append(slices.Clone(many), slices.Repeat([]alert{warning}, 6)...), "too many long sentences"},
		"none of 100 bad": {many, ""},
	} {
		var out bytes.Buffer
		got := ""
		if err := report(&out, test.found); err != nil {
			got = err.Error()
		}
		if (got == "") != (test.want == "") || !strings.HasPrefix(got, test.want) {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}

func TestPlainText(t *testing.T) {
	for markdown, want := range map[string]string{
		"# Title\n\nOne `x.y` and\n[two](url):\n\n    code\n": "Title.\n\nOne Code and two.\n",
		"- a b\n  c\n- d\n\n  e\n":                            "a b c.\n\nd.\n\ne.\n",
		"| a | b |\n|---|---|\n| `x` | c \\| d |\n":           "a. b.\n\nCode. c or d.\n",
		"```\ncode\n```\nText <!-- no -->here?\n":             "\n\n\nText here?\n",
		"***\n": "\n",
	} {
		if got := plainText(markdownLines(markdown)); got != want {
			t.Errorf("%q: got %q, want %q", markdown, got, want)
		}
	}
	lines, err := commentLines([]byte("// Package a is\n// one.\npackage a\n\n//go:generate x\n\n// B is\n//\n//\tcode\n//\n// two.\nvar B int // three\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := plainText(lines), "Package a is one.\n\n\n\n\n\nB is.\n\n\n\ntwo.\nthree.\n"; got != want {
		t.Errorf("comments: got %q, want %q", got, want)
	}
}
