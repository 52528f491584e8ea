package export

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/identity"
)

// hostile are values that would break out of a string, a map, a regular expression
// or a line of YAML if they could.
var hostile = []string{
	"", `"`, `\`, `\"`, `"}}}`, `" in object || true || "`, "'", "`", "\n", "\r\n", "\t", "\x00", "\x7f", "${x}", "{{x}}",
	`\u0022`, `\x22`, "é", "\u2028", "\U0001f600", "#", "---", ": ", "*", "?optional", `r"x"`, `"""`, strings.Repeat("x", 4096),
}

func TestLiteral(t *testing.T) {
	for _, value := range hostile {
		checkLiteral(t, value)
	}
}

func FuzzLiteral(f *testing.F) {
	for _, value := range hostile {
		f.Add(value)
	}
	f.Fuzz(checkLiteral)
}

// checkLiteral reads a literal back and looks for anything that ends it early.
func checkLiteral(t *testing.T, value string) {
	if !utf8.ValidString(value) {
		t.Skip("a config is UTF-8")
	}
	skeleton, found := lex(t, literal(value)+" + "+literal("end"))
	if diff := cmp.Diff([]string{value, "end"}, found); diff != "" || skeleton != "§ + §" {
		t.Errorf("%s leaves %q (-want +got):\n%s", literal(value), skeleton, diff)
	}
}

// lex takes the string literals out of a CEL expression: what is left, and what
// they say. It knows the escapes that the CEL language definition has in common
// with JSON and the eight-digit one.
func lex(t *testing.T, expression string) (skeleton string, found []string) {
	t.Helper()
	var b strings.Builder
	for expression != "" {
		before, rest, quoted := strings.Cut(expression, `"`)
		b.WriteString(before)
		if !quoted {
			break
		}
		end := 0
		for end < len(rest) && rest[end] != '"' {
			if rest[end] == '\\' {
				end++
			}
			if rest[end] < ' ' || rest[end] > '~' {
				t.Fatalf("a literal contains the byte %#x", rest[end])
			}
			end++
		}
		text, err := strconv.Unquote(`"` + rest[:end] + `"`)
		if err != nil {
			t.Fatalf("%q is no literal: %v", rest[:end], err)
		}
		b.WriteString("§")
		found, expression = append(found, text), rest[end+1:]
	}
	return b.String(), found
}

// TestNothingBreaksOut puts each value wherever a config's values go, past the
// checks that refuse most of them, and compares what is left of the expressions.
func TestNothingBreaksOut(t *testing.T) {
	shape := expressions(t, "plain")
	for _, value := range hostile {
		if diff := cmp.Diff(shape, expressions(t, value)); diff != "" {
			t.Errorf("%q changes the expressions (-plain +hostile):\n%s", value, diff)
		}
	}
}

// expressions are those of the policies for a component made of the value,
// without their literals.
func expressions(t *testing.T, value string) []string {
	c := desired.Component{Component: identity.Component{Name: "x", ServiceAccount: value, PodLabels: map[string]string{value: value}},
		Annotations: map[string]string{"a" + value: value}}
	var all []string
	for _, p := range []admissionSpec{
		serviceAccountPolicy(c, scope{condition: "request.namespace in " + literals([]string{value})}),
		podPolicy(c, scope{label: NamespaceLabel}),
	} {
		for _, condition := range p.MatchConditions {
			skeleton, _ := lex(t, condition.Expression)
			all = append(all, skeleton)
		}
		skeleton, _ := lex(t, p.Mutations[0].ApplyConfiguration["expression"])
		all = append(all, skeleton)
	}
	return all
}

// FuzzPattern compares the regular expression with IAM's wildcards: in a
// namespace they admit the same.
func FuzzPattern(f *testing.F) {
	f.Add("mxp-*-system", "mxp-a-system")
	f.Add("mxp-*-system", "xmxp-a-system")
	f.Add("a?b", "a.b")
	f.Add("a*", "a\nb")
	f.Fuzz(func(t *testing.T, match, namespace string) {
		m, err := identity.ParseMatch(match)
		if err != nil || m == identity.MatchUUID || identity.ValidateNamespace(namespace) != nil {
			t.Skip("no pattern, or no namespace")
		}
		re, err := regexp.Compile(m.Regexp())
		if err != nil {
			t.Fatalf("%q: %v", m, err)
		}
		if got, want := re.MatchString(namespace), (desired.Subjects{Match: m}).Admits(namespace); got != want {
			t.Errorf("%q admits %q: %t in the admission policy, %t in the trust policy", m, namespace, got, want)
		}
	})
}

func TestUUIDPattern(t *testing.T) {
	re := regexp.MustCompile(identity.MatchUUID.Regexp())
	for namespace, want := range map[string]bool{
		"mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system":  true,
		"mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b06-system":   false,
		"mxp-zzzzzzzz-zzzz-zzzz-zzzz-zzzzzzzzzzzz-system":  false,
		"xmxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system": false,
		"mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-systemx": false,
		"kube-system": false,
	} {
		if got := re.MatchString(namespace); got != want {
			t.Errorf("%s: %t", namespace, got)
		}
		if got := (desired.Subjects{Match: identity.MatchUUID}).Admits(namespace); want && !got {
			t.Errorf("%s is in the admission policy and not in the trust policy", namespace)
		}
	}
}
