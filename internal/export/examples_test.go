package export_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/config"
	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/export"
)

// examples is the directory of the files that a user can look at. Package main compares them
// with what the program writes.
const examples = "../../examples/export"

// TestExamplesHaveTheDesiredState reads each file as its tool would, and compares the account
// with the config of the examples.
func TestExamplesHaveTheDesiredState(t *testing.T) {
	spec, err := config.Read(filepath.Join(examples, "spaces-identity.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	roles, err := desired.Of(spec).Roles()
	if err != nil {
		t.Fatal(err)
	}
	for _, form := range export.Forms() {
		t.Run(form, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join(examples, formOf(t, form).File))
			if err != nil {
				t.Fatal(err)
			}
			got := readers[form](t, text)
			if d := cmp.Diff(accountOf(roles), got, ignoreOrder()...); d != "" {
				t.Errorf("differs (-want +got):\n%s", d)
			}
			if len(got.Providers) == 0 || len(got.Policies) == 0 || len(got.Attached) == 0 || len(got.Associations) == 0 {
				t.Errorf("the example does not show every kind: %+v", got)
			}
		})
	}
}

func TestExampleScriptPassesShellcheck(t *testing.T) {
	if _, err := exec.LookPath("shellcheck"); err != nil {
		t.Skip("shellcheck is not installed")
	}
	out, err := exec.CommandContext(t.Context(), "shellcheck", "--severity=style", filepath.Join(examples, formOf(t, "aws-cli").File)).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
