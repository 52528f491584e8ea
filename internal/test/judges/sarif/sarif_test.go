// Package sarif validates the SARIF output with the validator of the format's authors.
// `make judge-sarif` installs the validator and runs the tests.
package sarif

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"spaces-identity.dev/internal/check"
	"spaces-identity.dev/internal/output"
)

// variable is the environment variable with the path of sarif-multitool.
const variable = "SPACES_IDENTITY_SARIF"

// TestValidatorAcceptsTheOutput validates the output for mistakes in files with odd names, in
// arguments, and for no mistake at all.
func TestValidatorAcceptsTheOutput(t *testing.T) {
	text := []byte("backup: {}\ncontrolPlanes: {vector: {pod: {customLabels: {a: true}}}}\n")
	absolute, err := filepath.Abs("values.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for name, in := range map[string]check.Input{
		"nothing":   {},
		"arguments": {Arguments: []check.Argument{{Flag: "--set", Text: "backup.enabled=true"}, {Flag: "--set", Text: "a"}}},
		"files": {Files: []check.File{{Name: "values.yaml", Text: text}, {Name: "a b/%ä#?.yaml", Text: text}, {Name: absolute, Text: text},
			{Name: "standard input", Text: text}, {Name: "../c:d.yaml", Text: text}}},
	} {
		t.Run(name, func(t *testing.T) {
			if said := validated(t, written(t, in)); strings.Contains(said, "error ") || !strings.Contains(said, "Analysis completed") {
				t.Errorf("%s", said)
			}
		})
	}
}

// TestValidatorFindsMistakes checks that the validator would notice a wrong output.
func TestValidatorFindsMistakes(t *testing.T) {
	text := written(t, check.Input{Arguments: []check.Argument{{Flag: "--set", Text: "backup.enabled=true"}}})
	for _, wrong := range [][2]string{{`"version": "2.1.0"`, `"version": "2.2.0"`}, {`"ruleIndex": `, `"ruleIndex": 9`}, {`"results": `, `"result": `}} {
		broken := bytes.ReplaceAll(text, []byte(wrong[0]), []byte(wrong[1]))
		if said := validated(t, broken); bytes.Equal(broken, text) || !strings.Contains(said, "error ") {
			t.Errorf("%s: the validator finds nothing:\n%s", wrong[1], said)
		}
	}
}

func written(t *testing.T, in check.Input) []byte {
	t.Helper()
	var out bytes.Buffer
	printer := output.New(&out, io.Discard, func(string) string { return "" }, func(any) bool { return false })
	if err := printer.Print(output.SARIF, output.CheckView{Report: check.Run(in), Version: "1.2.3"}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// validated returns what the validator says.
func validated(t *testing.T, text []byte) string {
	t.Helper()
	program := os.Getenv(variable)
	if program == "" {
		t.Fatal("run make judge-sarif")
	}
	file := filepath.Join(t.TempDir(), "check.sarif")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	said, err := exec.CommandContext(t.Context(), program, "validate", file).CombinedOutput()
	if err != nil && len(said) == 0 {
		t.Fatal(err)
	}
	return string(said)
}
