package output

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/rewrite"
)

// hostile has control characters of ASCII and of C1, characters that reorder or hide text,
// one above U+FFFF, and a byte that is not UTF-8.
const hostile = "a\x1b[2Jb\x9bc\u009b31md\u202ee\u200bf\u2028g\x7fh\U000e0041i\rj\x00k"

func TestOnlyVisibleCharactersReachATerminal(t *testing.T) {
	result := &rewrite.Result{Findings: []rewrite.Finding{{Outcome: rewrite.Changed, Kind: hostile, Namespace: hostile, Name: hostile,
		Path: identity.Path{}.Field(hostile).String(), Old: new(hostile), New: hostile, Reason: hostile}}, Warnings: []string{hostile}}
	terminal := func(any) bool { return true }
	for _, f := range []Format{Table, Wide, JSON} {
		var out, errs bytes.Buffer
		p := New(&out, &errs, environment("TERM", "xterm"), terminal)
		if err := p.Print(f, InspectView{Result: result}); err != nil {
			t.Fatal(err)
		}
		p.Warn(hostile)
		p.Error(identity.WithHint(hostile, "%s", hostile))
		for _, text := range []string{out.String(), errs.String()} {
			checkVisible(t, text)
		}
		if f == JSON {
			var back struct{ Findings []rewrite.Finding }
			if err := json.Unmarshal(out.Bytes(), &back); err != nil || back.Findings[0].Name != strings.ToValidUTF8(hostile, "\ufffd") {
				t.Errorf("JSON has the name %q, error %v", back.Findings[0].Name, err)
			}
		}
	}
}

// checkVisible checks that a text has no characters beside the visible ones, colours and
// line breaks.
func checkVisible(t *testing.T, text string) {
	t.Helper()
	for _, c := range []Colour{"0", Red, Green, Yellow, Magenta, Cyan} {
		text = strings.ReplaceAll(text, "\x1b["+string(c)+"m", "")
	}
	for i, r := range text {
		if r != '\n' && !strconv.IsPrint(r) {
			t.Fatalf("%q is in %q", r, text[max(0, i-20):min(len(text), i+20)])
		}
	}
}

func TestDiffIsExactUnlessItIsOnATerminal(t *testing.T) {
	spec, problems := identity.New(identity.Settings{Components: []identity.Component{{Name: "mxp-controller", Role: identity.RoleARN{Partition: "aws", Account: "123456789012", Name: "r"}}}})
	if len(problems) > 0 {
		t.Fatal(problems[0])
	}
	stream := "kind: ServiceAccount\nmetadata:\n  # \u202e\u200b\n  name: mxp-controller\n"
	result, err := rewrite.Run([]byte(stream), desired.Of(spec), rewrite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if text := printed(t, Diff, InspectView{Result: result}); !strings.Contains(text, "   # \u202e\u200b\n") {
		t.Errorf("the diff has other bytes than the manifest: %q", text)
	}
	var out bytes.Buffer
	if err := New(&out, &out, environment(), func(any) bool { return true }).Print(Diff, InspectView{Result: result}); err != nil {
		t.Fatal(err)
	}
	checkVisible(t, out.String())
}
