package output

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/rewrite"
)

func TestUnifiedShowsThreeLinesOfContext(t *testing.T) {
	for _, test := range []struct{ name, before, after, want string }{
		{"one line", "a\nb\nc\nd\ne\nf\ng\nh\n", "a\nb\nc\nd\nX\nf\ng\nh\n", "@@ -2,7 +2,7 @@\n b\n c\n d\n-e\n+X\n f\n g\n h\n"},
		{"two places", "1\n2\n3\n4\n5\n6\n7\n8\n9\n", "0\n1\n2\n3\n4\n5\n6\n7\n8\n", "@@ -1,3 +1,4 @@\n+0\n 1\n 2\n 3\n@@ -6,4 +7,3 @@\n 6\n 7\n 8\n-9\n"},
		{"from nothing", "", "a\n", "@@ -0,0 +1,1 @@\n+a\n"},
		{"no line break at the end", "a\nb", "a\nc", "@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+c\n\\ No newline at end of file\n"},
		{"carriage returns", "a\r\nb\r\n", "a\r\nc\r\n", "@@ -1,2 +1,2 @@\n a\r\n-b\r\n+c\r\n"},
		{"text like a header", "@@ -1,2 +3,4 @@\n", "--- x\n", "@@ -1,1 +1,1 @@\n-@@ -1,2 +3,4 @@\n+--- x\n"},
		{"nothing", "a\n", "a\n", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			want := "--- before: x\n+++ after: x\n" + test.want
			change := rewrite.Change{Name: "x", Before: []byte(test.before), After: []byte(test.after), FromLine: 1, ToLine: 1}
			if d := cmp.Diff(want, string(Unified(change))); d != "" {
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
		for line := range strings.Lines(string(Unified(rewrite.Change{Before: []byte(before), After: []byte(after), FromLine: 1, ToLine: 1}))) {
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
