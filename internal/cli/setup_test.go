package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"spaces-identity.dev/internal/cli"
	"spaces-identity.dev/internal/exit"
)

// setUpPlugin runs the command with the variables that Helm sets for a hook.
func setUpPlugin(t *testing.T, variables map[string]string) (status exit.Status, out, errs string) {
	t.Helper()
	var stdout, stderr strings.Builder
	env := cli.Env{In: strings.NewReader(""), Out: &stdout, Err: &stderr, Terminal: func(any) bool { return false },
		Getenv: func(name string) string { return variables[name] }}
	status = cli.Run(t.Context(), env, []string{"set-up-plugin"})
	return status, stdout.String(), stderr.String()
}

func TestSetUpPluginNeedsHelm(t *testing.T) {
	status, _, errs := setUpPlugin(t, nil)
	if status != exit.BadUsage || !strings.Contains(errs, "HELM_PLUGIN_DIR is not set") {
		t.Errorf("exit status %d:\n%s", status, errs)
	}
}

// TestSetUpPluginReplacesThatOfAnEarlierVersion installs over a second plugin that has
// other files.
func TestSetUpPluginReplacesThatOfAnEarlierVersion(t *testing.T) {
	plugins := t.TempDir()
	second := filepath.Join(plugins, "spaces-identity-post-renderer")
	if err := os.MkdirAll(filepath.Join(second, "old"), 0o755); err != nil {
		t.Fatal(err)
	}
	status, out, errs := setUpPlugin(t, map[string]string{"HELM_PLUGIN_DIR": filepath.Join(plugins, "spaces-identity")})
	if status != exit.Done || !strings.Contains(out, "with a second plugin for --post-renderer") {
		t.Errorf("exit status %d:\n%s%s", status, out, errs)
	}
	if _, err := os.Stat(filepath.Join(second, "old")); err == nil {
		t.Error("a file of the earlier version is still there")
	}
	for _, file := range []string{"plugin.yaml", "spaces-identity"} {
		if _, err := os.Stat(filepath.Join(second, file)); err != nil {
			t.Error(err)
		}
	}
}
