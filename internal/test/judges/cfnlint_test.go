package judges

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// cfnLintVariable is the environment variable with the path of cfn-lint, AWS's linter of
// CloudFormation templates. It works without a network.
const cfnLintVariable = "SPACES_IDENTITY_CFN_LINT"

// cfnLint returns what the linter prints about templates, and whether it accepts them.
func cfnLint(t *testing.T, files ...string) (string, bool) {
	t.Helper()
	program := os.Getenv(cfnLintVariable)
	if program == "" {
		t.Skip("it needs cfn-lint: run make judge-cfn-lint")
	}
	out, err := exec.CommandContext(t.Context(), program, append([]string{"--regions", "us-west-2", "eu-central-1", "--"}, files...)...).CombinedOutput()
	return string(out), err == nil
}

// TestTemplatesPassTheLinterOfCloudFormation lints the golden files and the example. Other
// tests compare them with what the program writes.
func TestTemplatesPassTheLinterOfCloudFormation(t *testing.T) {
	files, err := filepath.Glob("../../export/testdata/cloudformation/*.yaml")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d templates: %v", len(files), err)
	}
	files = append(files, "../../../examples/export/spaces-identity.cloudformation.yaml")
	if out, ok := cfnLint(t, files...); !ok || out != "" {
		t.Errorf("cfn-lint found:\n%s", out)
	}
}

// TestLinterOfCloudFormationFindsMistakes breaks a template in ways that the linter must see.
func TestLinterOfCloudFormationFindsMistakes(t *testing.T) {
	template, err := os.ReadFile("../../export/testdata/cloudformation/many.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{
		"- Arn\n":        "- Name\n",
		"Namespace: ":    "NameSpace: ",
		"Ref: Role":      "Ref: Rule",
		"RoleName:\n":    "RollName:\n",
		"Retain\n":       "Keep\n",
		"Fn::Equals":     "Fn::Equal",
		"Url: ":          "URL: ",
		"ServiceAccount": "Account",
	} {
		broken := filepath.Join(t.TempDir(), "broken.yaml")
		if err := os.WriteFile(broken, []byte(strings.Replace(string(template), from, to, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, ok := cfnLint(t, broken); ok || out == "" {
			t.Errorf("the linter accepts %q in place of %q: %s", to, from, out)
		}
	}
}
