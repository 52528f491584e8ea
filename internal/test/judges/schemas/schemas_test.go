// Package schemas_test validates the CI examples with the JSON Schemas that GitLab and
// SchemaStore publish. make judge-schemas installs check-jsonschema, which contains them, and
// runs the tests.
package schemas_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// examples are the CI examples, and mistakes that the schema must find in each.
var examples = map[string]struct {
	schema   string
	mistakes map[string]string
}{
	"gitlab-ci/.gitlab-ci.yml": {"vendor.gitlab-ci", map[string]string{
		"codequality:": "codeQuality:", "resource_group:": "ressource_group:", "when: always": "when: ever", "stages: [": "stages: [1, ", "entrypoint: [\"\"]": "entrypoint: 3",
	}},
	"github-actions/render.yaml": {"vendor.github-workflows", map[string]string{
		"contents: read\n": "contents: reads\n", "runs-on:": "run-on:", "timeout-minutes: 10": "timeout-minutes: soon", "pull_request: #": "pull_requests: #",
	}},
}

// validate returns what the validator prints about a file, and whether it accepts it.
func validate(t *testing.T, schema, file string) (string, bool) {
	t.Helper()
	program := os.Getenv("SPACES_IDENTITY_CHECK_JSONSCHEMA")
	if program == "" {
		t.Skip("it needs check-jsonschema: run make judge-schemas")
	}
	out, err := exec.CommandContext(t.Context(), program, "--builtin-schema", schema, file).CombinedOutput()
	return string(out), err == nil
}

// TestCIExamplesMatchTheirSchemas validates each example, and then with each mistake.
func TestCIExamplesMatchTheirSchemas(t *testing.T) {
	for name, example := range examples {
		file := filepath.Join("../../../../examples", name)
		if out, ok := validate(t, example.schema, file); !ok {
			t.Errorf("%s: %s", name, out)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for from, to := range example.mistakes {
			changed := strings.ReplaceAll(string(text), from, to)
			if changed == string(text) {
				t.Errorf("%s has no %q", name, from)
			}
			broken := filepath.Join(t.TempDir(), "broken.yml")
			if err := os.WriteFile(broken, []byte(changed), 0o600); err != nil {
				t.Fatal(err)
			}
			if out, ok := validate(t, example.schema, broken); ok {
				t.Errorf("%s: the schema accepts %q: %s", name, to, out)
			}
		}
	}
}
