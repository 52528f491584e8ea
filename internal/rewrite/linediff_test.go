package rewrite

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestUnified(t *testing.T) {
	for _, test := range []struct{ name, before, after, want string }{
		{"one line", "a\nb\nc\nd\ne\nf\ng\nh\n", "a\nb\nc\nd\nX\nf\ng\nh\n", "@@ -2,7 +2,7 @@\n b\n c\n d\n-e\n+X\n f\n g\n h\n"},
		{"the same lines around", "x\n-\nx\n-\nx\n", "y\n-\ny\n-\ny\n", "@@ -1,5 +1,5 @@\n-x\n+y\n -\n-x\n+y\n -\n-x\n+y\n"},
		{"two places", "1\n2\n3\n4\n5\n6\n7\n8\n9\n", "0\n1\n2\n3\n4\n5\n6\n7\n8\n", "@@ -1,3 +1,4 @@\n+0\n 1\n 2\n 3\n@@ -6,4 +7,3 @@\n 6\n 7\n 8\n-9\n"},
		{"from nothing", "", "a\n", "@@ -0,0 +1,1 @@\n+a\n"},
		{"no line break at the end", "a\nb", "a\nc", "@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+c\n\\ No newline at end of file\n"},
		{"nothing", "a\n", "a\n", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			want := "--- before: x\n+++ after: x\n" + test.want
			if d := cmp.Diff(want, unified("x", []byte(test.before), []byte(test.after))); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

// Any two texts: the lines without + are the one, those without - the other, and
// no line of the longest common sequence is lost.
func TestDiffLinesOfAnyTexts(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		before, after := randomLines(random), randomLines(random)
		var was, is []string
		common := 0
		for _, l := range diffLines(before, after) {
			if l.sign != '+' {
				was = append(was, l.text)
			}
			if l.sign != '-' {
				is = append(is, l.text)
			}
			if l.sign == ' ' {
				common++
			}
		}
		if d := cmp.Diff([]string{strings.Join(before, ""), strings.Join(after, "")}, []string{strings.Join(was, ""), strings.Join(is, "")}); d != "" {
			t.Fatalf("(-want +got):\n%s", d)
		}
		if want := longestCommon(before, after); common != want {
			t.Fatalf("%q to %q: %d lines stay, want %d", before, after, common, want)
		}
	}
}

func randomLines(random *rand.Rand) []string {
	lines := make([]string, random.IntN(9))
	for i := range lines {
		lines[i] = string(rune('a' + random.IntN(3)))
	}
	return lines
}

func longestCommon(a, b []string) int {
	switch {
	case len(a) == 0 || len(b) == 0:
		return 0
	case a[0] == b[0]:
		return 1 + longestCommon(a[1:], b[1:])
	}
	return max(longestCommon(a[1:], b), longestCommon(a, b[1:]))
}
