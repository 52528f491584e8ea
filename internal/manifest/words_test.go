package manifest_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	yaml3 "go.yaml.in/yaml/v3"
	yaml11 "gopkg.in/yaml.v2"
	"sigs.k8s.io/yaml"

	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/manifest"
)

// trickyWords are strings that a YAML decoder may take for something else.
var trickyWords = []string{
	"y", "Y", "n", "N", "yes", "No", "on", "OFF", "true", "False", "null", "NULL", "~", "", " ",
	"0123", "0o17", "0x1F", "0b11", "1e3", "1.", ".5", "-1", "+1", "1_000", "12:30:45", "190:20:30", "2001-12-14", "2001-12-14t21:59:43.10-05:00",
	".inf", "-.INF", ".NaN", "=", "<<", "-", "--", "---", "...", "- a", "? a", ": a", "?", ":", "a:", "a: b", "a:b", "a #b", "#b", "a#b",
	"*a", "&a", "!a", "!!int 1", "%a", "@a", "`a", "|", ">", "|-", ">+2", "'a", `"a`, "''", `""`, "it's", `say "a"`, `a\b`, `\`, `\n`, `a\`,
	"{}", "[]", "{a", "[a", "}", "]", ",", "a, b", "{{ .Values.a }}",
	" a", "a ", "a  b", "\ta", "a\t", "a\tb", "a\nb", "a\n", "\n", "\na", "a\n\nb\n", "a\r\nb", "a\rb", "\r",
	"\u0085", "a\u0085b", "\u2028", "a\u2029b", "\ufeffa", "\u00a0", "a\u200bb", "\u0000", "\u0007", "\u001b[1m", "\u007f", "\u0080", "\ufffd", "\ufffe", "\uffff",
	"é", "日本", "😀", "👩‍👩‍👧‍👦", "\U0010ffff",
	"arn:aws:iam::123456789012:role/a+b=c,d.e@f_g-h", strings.Repeat("a", 63), strings.Repeat("1", 63), strings.Repeat("日", 63), strings.Repeat("long text ", 400),
	"eks.amazonaws.com/role-arn", "1/2", "0.0.0.0/0", "1.2.3", "v1", "e1", "1e", "infinity", "nan", "0x", "1,000", "1 000", "12e03", "-0", "00", "08", "0.1e+2",
}

// documentForm is a document. old is a line for each value that it already has.
type documentForm struct{ name, text, old string }

// documentForms are documents with a mapping at m, in every form. %s is the place of the
// keys that they already have.
var documentForms = []documentForm{
	{"block", "m:\n  a: b\n", ""},
	{"block, nothing yet", "m:\n", ""},
	{"flow", "m: {a: b}\n", ""},
	{"JSON", `{"m":{"a":"b"}}`, ""},
	{"CRLF", "m:\r\n  a: b\r\n", ""},
	{"plain before", "m:\n%s", "  k%d: old\n"},
	{"number before", "m:\n%s", "  k%d: 12 # comment\n"},
	{"nothing before", "m:\n%s", "  k%d:\n"},
	{"single quotes before", "m:\n%s", "  k%d: 'old'\n"},
	{"double quotes before", "m:\n%s", "  k%d: \"old\"\n"},
	{"literal before", "m:\n%s", "  k%d: |\n    old\n\n"},
	{"folded before", "m:\n%s", "  k%d: >-\n    old\n    text\n"},
	{"flow before", "m: {%s}\n", "k%d: old, "},
	{"JSON before", "{\"m\": {%s\"a\": \"b\"}}\n", "\"k%d\": \"old\", "},
	{"in a literal", "s: |\n  # head\n  m:\n    a: b\n", ""},
	{"in double quotes", "s: \"m:\\n  a: b\\n\"\n", ""},
	{"in single quotes", "s: 'm: {a: b}'\n", ""},
	{"in a folded text", "s: >\n  {\"m\":\n  {\"a\": \"b\"}}\n", ""},
}

func TestEveryDecoderReadsTheValueThatWasSet(t *testing.T) {
	for _, form := range documentForms {
		t.Run(form.name, func(t *testing.T) {
			doc, sets, want := form.document(), []manifest.Set(nil), map[string]any{}
			for i, word := range trickyWords {
				key := fmt.Sprintf("k%d", i)
				sets = append(sets, manifest.Set{Path: form.path(key), Value: word})
				want[key] = word
			}
			patched, err := manifest.Patch([]byte(doc), sets)
			if err != nil {
				t.Fatal(err)
			}
			checkDecoders(t, patched, want)
		})
	}
}

func TestEveryDecoderReadsTheKeyThatWasSet(t *testing.T) {
	for _, form := range documentForms {
		if form.old != "" {
			continue
		}
		t.Run(form.name, func(t *testing.T) {
			var sets []manifest.Set
			want := map[string]any{}
			for _, word := range trickyWords {
				if len(word) > 1024 {
					continue // too long for a key in YAML
				}
				sets = append(sets, manifest.Set{Path: form.path(word), Value: "v"})
				want[word] = "v"
			}
			patched, err := manifest.Patch([]byte(form.text), sets)
			if err != nil {
				t.Fatal(err)
			}
			checkDecoders(t, patched, want)
		})
	}
}

// TestPlainWordsAreStringsIfEveryDecoderAgrees makes words of the characters of numbers,
// dates and special words. IsString must not say more than the decoders, and must say it
// of the words that look like a number only to a person.
func TestPlainWordsAreStringsIfEveryDecoderAgrees(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	words := append(slices.Clone(trickyWords), "data", "beta", "x", "7b3f9", "1.2.3", "v1", "2a", "e3", "0b2c", "_1", "1e3x")
	for range 20000 {
		var word strings.Builder
		for range 1 + random.IntN(7) {
			word.WriteByte("0123456789+-_.:~=<xobacdefintzpTEXONY"[random.IntN(37)])
		}
		words = append(words, word.String())
	}
	for _, word := range words {
		root, err := manifest.Parse([]byte("k: " + word + "\n"))
		if err != nil || root.Field("k").Kind != manifest.Scalar || root.Field("k").Value != word || root.Field("k").Style != manifest.Plain {
			continue // not a plain scalar
		}
		isString := root.Field("k").IsString()
		for name, decode := range map[string]func([]byte, any) error{
			"go.yaml.in/yaml/v3": func(b []byte, v any) error { return yaml3.Unmarshal(b, v) },
			"gopkg.in/yaml.v2":   func(b []byte, v any) error { return yaml11.Unmarshal(b, v) },
			"sigs.k8s.io/yaml":   func(b []byte, v any) error { return yaml.Unmarshal(b, v) },
		} {
			var read map[string]any
			if err := decode([]byte("k: "+word+"\n"), &read); err != nil {
				continue
			}
			if _, ok := read["k"].(string); isString && !ok {
				t.Errorf("IsString is true for %q, but %s reads %T", word, name, read["k"])
			}
		}
	}
	for _, word := range []string{"data", "beta", "x", "7b3f9", "1.2.3", "2a", "e3", "face", "0b2c"} {
		if root, _ := manifest.Parse([]byte("k: " + word + "\n")); !root.Field("k").IsString() {
			t.Errorf("IsString is false for %q", word)
		}
	}
}

// document returns the form's text with an old value for each word.
func (f documentForm) document() string {
	if f.old == "" {
		return f.text
	}
	var lines strings.Builder
	for i := range trickyWords {
		fmt.Fprintf(&lines, f.old, i)
	}
	return fmt.Sprintf(f.text, lines.String())
}

// path returns the path of a key in the form.
func (f documentForm) path(key string) identity.Path {
	path := identity.Path{}
	if strings.HasPrefix(f.text, "s:") {
		path = path.Field("s").Inside(identity.Into{})
	}
	return path.Field("m", key)
}

// checkDecoders checks what each decoder reads at m, in the document itself or in the one
// inside the string s. It ignores the key a, which the forms already have.
func checkDecoders(t *testing.T, doc []byte, want map[string]any) {
	t.Helper()
	decoders := map[string]func([]byte, any) error{
		"go.yaml.in/yaml/v3":          func(b []byte, v any) error { return yaml3.Unmarshal(b, v) },
		"gopkg.in/yaml.v2, YAML 1.1":  func(b []byte, v any) error { return yaml11.Unmarshal(b, v) },
		"sigs.k8s.io/yaml, kubectl's": func(b []byte, v any) error { return yaml.Unmarshal(b, v) },
	}
	maps.Copy(decoders, helmDecoders(t))
	for name, decode := range decoders {
		var got struct {
			M map[string]any `json:"m"`
			S string         `json:"s"`
		}
		err := decode(doc, &got)
		if err == nil && got.S != "" {
			err = decode([]byte(got.S), &got)
		}
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, doc)
			continue
		}
		delete(got.M, "a")
		if diff := cmp.Diff(want, got.M); diff != "" {
			t.Errorf("%s: -want +read:\n%s", name, diff)
		}
	}
}

// helmDecoders returns decoders that run the Helm binaries of "make test".
func helmDecoders(t *testing.T) map[string]func([]byte, any) error {
	t.Helper()
	found := map[string]func([]byte, any) error{}
	for _, name := range []string{"HELM3", "HELM4"} {
		path := os.Getenv("SPACES_IDENTITY_" + name)
		if path == "" {
			t.Logf("%s is not set, so this Helm is not tested: run make test", name)
			continue
		}
		found[name] = func(doc []byte, into any) error { return decodeByHelm(t, path, doc, into) }
	}
	return found
}

// decodeByHelm lets a real Helm decode a document like a manifest. Helm prints the result
// as JSON.
func decodeByHelm(t *testing.T, helm string, doc []byte, into any) error {
	t.Helper()
	chart := t.TempDir()
	for name, content := range map[string]string{
		"Chart.yaml":            "apiVersion: v2\nname: words\nversion: 1.0.0\n",
		"doc.yaml":              string(doc),
		"templates/config.yaml": "read: {{ .Files.Get \"doc.yaml\" | fromYaml | toJson | b64enc }}\n",
	} {
		file := filepath.Join(chart, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), helm, "template", "words", chart)
	cmd.Env = append(os.Environ(), "HELM_CACHE_HOME="+chart, "HELM_CONFIG_HOME="+chart, "HELM_DATA_HOME="+chart)
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("helm template: %w", err)
	}
	_, encoded, ok := strings.Cut(string(out), "read: ")
	if !ok {
		return fmt.Errorf("helm template wrote %q", out)
	}
	read, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
	if err != nil {
		return err
	}
	return json.Unmarshal(read, into)
}
