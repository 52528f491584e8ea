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

// hostileValues could end a string, a map, a regular expression or a line of YAML early.
var hostileValues = []string{
	"", `"`, `\`, `\"`, `"}}}`, `" in object || true || "`, "'", "`", "\n", "\r\n", "\t", "\x00", "\x7f", "${x}", "{{x}}",
	`\u0022`, `\x22`, "é", "\u2028", "\U0001f600", "#", "---", ": ", "*", "?optional", `r"x"`, `"""`, strings.Repeat("x", 4096),
}

func TestLiteralsKeepEveryValue(t *testing.T) {
	for _, value := range hostileValues {
		checkLiteral(t, value)
	}
}

func FuzzLiteral(f *testing.F) {
	for _, value := range hostileValues {
		f.Add(value)
	}
	f.Fuzz(checkLiteral)
}

// checkLiteral reads a literal and checks that it has the value and ends where it should.
func checkLiteral(t *testing.T, value string) {
	if !utf8.ValidString(value) {
		t.Skip("a config is UTF-8")
	}
	skeleton, found := lex(t, literal(value)+" + "+literal("end"))
	if diff := cmp.Diff([]string{value, "end"}, found); diff != "" || skeleton != "§ + §" {
		t.Errorf("%s is read as %q (-want +got):\n%s", literal(value), skeleton, diff)
	}
}

// lex returns a CEL expression with § in place of each string literal, and the values of
// the literals. It knows the escapes that CEL and JSON share, and \U with eight digits.
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
			t.Fatalf("%q is not a literal: %v", rest[:end], err)
		}
		b.WriteString("§")
		found, expression = append(found, text), rest[end+1:]
	}
	return b.String(), found
}

// TestValuesStayInTheirLiterals puts each value at every place of a config's values. It
// bypasses the validation, which refuses most of them. The rest of the expressions must
// not change.
func TestValuesStayInTheirLiterals(t *testing.T) {
	plain := expressions(t, "plain")
	for _, value := range hostileValues {
		if diff := cmp.Diff(plain, expressions(t, value)); diff != "" {
			t.Errorf("%q changes the expressions (-plain +hostile):\n%s", value, diff)
		}
	}
}

// expressions returns the expressions of the policies for a component whose settings all
// have the value. Its literals are replaced.
func expressions(t *testing.T, value string) []string {
	c := desired.Component{Component: identity.Component{Name: "x", ServiceAccount: value, PodLabels: map[string]string{value: value}},
		Annotations: map[string]string{"a" + value: value}}
	var all []string
	for _, p := range []admissionSpec{
		serviceAccountPolicy(c, scope{condition: "request.namespace in " + literals([]string{value})}),
		podPolicy(c, scope{label: identity.ControlPlaneLabel}),
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

// FuzzPatternsAdmitTheSame checks that the regular expression of a pattern and IAM's
// wildcards admit the same namespaces.
func FuzzPatternsAdmitTheSame(f *testing.F) {
	f.Add("mxp-*-system", "mxp-a-system")
	f.Add("mxp-*-system", "xmxp-a-system")
	f.Add("a?b", "a.b")
	f.Add("a*", "a\nb")
	f.Fuzz(func(t *testing.T, match, namespace string) {
		m, err := identity.ParseMatch(match)
		if err != nil || m == identity.MatchUUID || identity.ValidateNamespace(namespace) != nil {
			t.Skip("not a pattern, or not a namespace")
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

func TestUUIDPatternAdmitsOnlyUUIDs(t *testing.T) {
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
			t.Errorf("%s: admitted is %t, want %t", namespace, got, want)
		}
		if got := (desired.Subjects{Match: identity.MatchUUID}).Admits(namespace); want && !got {
			t.Errorf("the admission policy admits %s, but the trust policy does not", namespace)
		}
	}
}
