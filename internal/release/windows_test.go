package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestWindowsPluginNeedsNoShell checks the manifest that Helm reads on Windows.
func TestWindowsPluginNeedsNoShell(t *testing.T) {
	path := filepath.Join(t.TempDir(), "plugin.tgz")
	writeWindowsPlugin(t, path)
	manifest := string(fileOf(t, path, "plugin.yaml"))
	for _, want := range []string{"- os: windows\n  command: $HELM_PLUGIN_DIR/spaces-identity/bin/spaces-identity.exe\n", "os: windows\n    command: $HELM_PLUGIN_DIR/spaces-identity/bin/spaces-identity.exe\n"} {
		if !strings.Contains(manifest, want) {
			t.Errorf("plugin.yaml lacks %q:\n%s", want, manifest)
		}
	}
	if strings.Contains(manifest, "\nhooks:") || strings.Contains(manifest, "install.sh") {
		t.Errorf("plugin.yaml has hooks for a shell:\n%s", manifest)
	}
}

// TestWindowsPluginIsRefusedElsewhere installs it with both Helms on this machine. The
// program in it is no program.
func TestWindowsPluginIsRefusedElsewhere(t *testing.T) {
	dir := t.TempDir()
	writeWindowsPlugin(t, filepath.Join(dir, "spaces-identity-0.1.0-windows-amd64.tgz"))
	server := serve(dir)
	t.Cleanup(server.Close)
	for _, helm := range []string{"HELM3", "HELM4"} {
		program := os.Getenv("SPACES_IDENTITY_" + helm)
		if program == "" {
			t.Skip("needs the Helms: run make test-release")
		}
		home := t.TempDir()
		cmd := exec.Command(program, "plugin", "install", server.URL+"/spaces-identity-0.1.0-windows-amd64.tgz")
		if helm == "HELM4" {
			cmd.Args = append(cmd.Args, "--verify=false")
		}
		cmd.Env = append(os.Environ(), "HELM_DATA_HOME="+home, "HELM_CACHE_HOME="+t.TempDir(), "HELM_CONFIG_HOME="+home)
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), "this plugin is for Windows") {
			t.Errorf("%s: %v\n%s", helm, err, out)
		}
		if left := filesBelow(t, home); len(left) > 0 {
			t.Errorf("%s left files: %v", helm, left)
		}
	}
}

func writeWindowsPlugin(t *testing.T, path string) {
	t.Helper()
	p := must[project](t)(readProject(repository))
	b := builder{project: p, texts: map[string][]byte{"LICENSE": []byte("x\n")}}
	content := must[[]byte](t)(b.plugin(platform{"windows", "amd64"}, []file{{path: name + ".exe", content: []byte("x"), program: true}}, nil))
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}
