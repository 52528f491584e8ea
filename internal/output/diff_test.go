package output

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/rewrite"
)

func TestUnifiedShowsThreeLinesOfContext(t *testing.T) {
	for _, test := range []struct{ name, before, after, want string }{
		{"one line", "a\nb\nc\nd\ne\nf\ng\nh\n", "a\nb\nc\nd\nX\nf\ng\nh\n", "@@ -2,7 +2,7 @@ x\n b\n c\n d\n-e\n+X\n f\n g\n h\n"},
		{"two places", "1\n2\n3\n4\n5\n6\n7\n8\n9\n", "0\n1\n2\n3\n4\n5\n6\n7\n8\n", "@@ -1,3 +1,4 @@ x\n+0\n 1\n 2\n 3\n@@ -6,4 +7,3 @@ x\n 6\n 7\n 8\n-9\n"},
		{"from nothing", "", "a\n", "@@ -0,0 +1,1 @@ x\n+a\n"},
		{"no line break at the end", "a\nb", "a\nc", "@@ -1,2 +1,2 @@ x\n a\n-b\n\\ No newline at end of file\n+c\n\\ No newline at end of file\n"},
		{"carriage returns", "a\r\nb\r\n", "a\r\nc\r\n", "@@ -1,2 +1,2 @@ x\n a\r\n-b\r\n+c\r\n"},
		{"text like a header", "@@ -1,2 +3,4 @@\n", "--- x\n", "@@ -1,1 +1,1 @@ x\n-@@ -1,2 +3,4 @@\n+--- x\n"},
		{"nothing", "a\n", "a\n", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			want := test.want
			if want != "" {
				want = "--- manifests before\n+++ manifests after\n" + want
			}
			change := rewrite.Change{Parts: []rewrite.ChangePart{{Name: "x", Before: []byte(test.before), After: []byte(test.after)}}, FromLine: 1, ToLine: 1}
			if d := cmp.Diff(want, string(Unified([]rewrite.Change{change}))); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

// TestUnifiedContainsBothTexts reads random diffs: the lines without + are the text
// before, and the lines without - are the text after.
func TestUnifiedContainsBothTexts(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		before, after := randomText(random), randomText(random)
		var was, is strings.Builder
		for line := range strings.Lines(string(Unified([]rewrite.Change{{Parts: []rewrite.ChangePart{{Before: []byte(before), After: []byte(after)}}, FromLine: 1, ToLine: 1}}))) {
			switch {
			case strings.HasPrefix(line, "---"), strings.HasPrefix(line, "+++"), line[0] == '@':
			case line[0] == '-':
				was.WriteString(line[1:])
			case line[0] == '+':
				is.WriteString(line[1:])
			default:
				was.WriteString(line[1:])
				is.WriteString(line[1:])
			}
		}
		if before == after {
			continue
		}
		if d := cmp.Diff([]string{before, after}, []string{was.String(), is.String()}); d != "" {
			t.Fatalf("(-want +got):\n%s", d)
		}
	}
}

// randomText returns so few lines that the context of a change contains all of them.
func randomText(random *rand.Rand) string {
	var b strings.Builder
	for range random.IntN(4) {
		b.WriteString(string(rune('a'+random.IntN(3))) + "\n")
	}
	return b.String()
}

// TestDiffIsAPatchOfTheStream applies the diffs of random streams, as patch does with
// --fuzz=0.
func TestDiffIsAPatchOfTheStream(t *testing.T) {
	spec, problems := identity.New(identity.Settings{Components: []identity.Component{{Name: "mxp-controller", Role: identity.RoleARN{Partition: "aws", Account: "123456789012", Name: "r"}}}})
	if len(problems) > 0 {
		t.Fatal(problems[0])
	}
	random := rand.New(rand.NewPCG(3, 4))
	for range 3000 {
		stream := randomStream(random)
		result, err := rewrite.Run([]byte(stream), desired.Of(spec), rewrite.Options{OnMissing: rewrite.MissingWarns})
		if err != nil {
			t.Fatal(err)
		}
		var after bytes.Buffer
		if _, err := result.WriteTo(&after); err != nil {
			t.Fatal(err)
		}
		text := printed(t, Diff, InspectView{Result: result})
		if d := cmp.Diff(after.String(), applied(t, stream, text)); d != "" {
			t.Fatalf("(-want +patched):\n%s\nof %q with\n%s", d, stream, text)
		}
	}
}

// randomStream returns documents, some of which change, with line breaks and markers of
// several kinds.
func randomStream(random *rand.Rand) string {
	documents := []string{serviceAccountText, strings.TrimPrefix(serviceAccountText, "---\n"), "---\nkind: Foo\n", "---\n", "---\n# a\n# b\n# c\n# d\nkind: Foo\nspec: x\n...\n",
		"---\nkind: ConfigMap\ndata:\n  v: |\n    controlPlanes:\n      mxpController: {}\n"}
	var b strings.Builder
	for range 1 + random.IntN(6) {
		b.WriteString(documents[random.IntN(len(documents))])
		b.WriteString("---\n")
	}
	stream := b.String() + serviceAccountText
	if random.IntN(3) == 0 {
		stream = strings.ReplaceAll(stream, "\n", "\r\n")
	}
	if random.IntN(3) == 0 {
		stream = strings.TrimRight(stream, "\r\n")
	}
	if random.IntN(5) == 0 {
		stream = "\ufeff" + stream
	}
	return stream
}

// applied applies a unified diff without fuzz and without offsets. Like GNU patch it
// requires that a hunk with less context at one side is at that end of the text.
func applied(t *testing.T, text, patch string) string {
	t.Helper()
	old := strings.SplitAfter(text, "\n")
	if old[len(old)-1] == "" {
		old = old[:len(old)-1]
	}
	var out []string
	at := 0
	lines := strings.SplitAfter(strings.ReplaceAll(patch, "\n\\ No newline at end of file\n", "\x00"), "\n")
	for i := range lines {
		var from, fromCount, to, toCount int
		if n, _ := fmt.Sscanf(lines[i], "@@ -%d,%d +%d,%d @@", &from, &fromCount, &to, &toCount); n < 4 {
			continue
		}
		out = append(out, old[at:from-1]...)
		if at = from - 1; to != len(out)+1 {
			t.Fatalf("%q would begin in line %d", lines[i], len(out)+1)
		}
		hunk := lines[i+1:]
		if end := slices.IndexFunc(hunk, func(line string) bool { return line == "" || line[0] == '@' }); end >= 0 {
			hunk = hunk[:end]
		}
		checkContext(t, hunk, from == 1, from-1+fromCount == len(old))
		for _, line := range hunk {
			content := strings.ReplaceAll(line[1:], "\x00", "")
			if line[0] != '+' {
				if at == len(old) || old[at] != content {
					t.Fatalf("line %d is not %q", at+1, content)
				}
				at++
			}
			if line[0] != '-' {
				out = append(out, content)
			}
		}
	}
	return strings.Join(append(out, old[at:]...), "")
}

// checkContext checks that a hunk has three lines of context at both sides, except at the
// ends of the text.
func checkContext(t *testing.T, hunk []string, atStart, atEnd bool) {
	t.Helper()
	isChange := func(line string) bool { return line[0] != ' ' }
	above := slices.IndexFunc(hunk, isChange)
	hunk = slices.Clone(hunk)
	slices.Reverse(hunk)
	below := slices.IndexFunc(hunk, isChange)
	if above < 3 && !atStart || below < 3 && !atEnd {
		t.Fatalf("a hunk has %d lines of context above and %d below", above, below)
	}
}

func TestDiffCountsTheLinesOfTheStream(t *testing.T) {
	stream := "kind: ConfigMap\napiVersion: v1\n" + strings.Repeat(serviceAccountText, 2) + secretText
	role, err := identity.ParseRoleARN(roleARN)
	if err != nil {
		t.Fatal(err)
	}
	var spec identity.Spec
	spec.Components = []identity.Component{{Name: "mxp-controller", ServiceAccount: "mxp-controller", Mode: identity.IRSA, Role: role,
		Values: identity.ValuesPaths{Component: []string{"mxp"}, Annotations: []string{"annotations"}}}}
	result, err := rewrite.Run([]byte(stream), desired.Of(spec), rewrite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	text := printed(t, Diff, InspectView{Result: result})
	golden(t, "inspect.diff", text)
	var after bytes.Buffer
	if _, err := result.WriteTo(&after); err != nil {
		t.Fatal(err)
	}
	golden(t, "inspect.after.yaml", after.String())
	golden(t, "inspect.coloured.diff", printed(t, Diff, InspectView{Result: result}, "CLICOLOR_FORCE", "1"))
}

const serviceAccountText = `---
# Source: spaces/templates/sa.yaml
apiVersion: v1
kind: ServiceAccount
metadata:
  name: mxp-controller
  namespace: upbound-system
`

const secretText = `---
apiVersion: v1
kind: Secret
metadata:
  name: values
stringData:
  token: hidden
  values.yaml: |
    mxp:
      annotations: {}
`
