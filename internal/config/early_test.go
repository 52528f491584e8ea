package config_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/spf13/pflag"

	"spaces-identity.dev/internal/config"
)

// gopkg.in/yaml.v3 3.0.1 panics when it decodes this file into a struct. Its
// successor go.yaml.in/yaml/v3 does not, which is one reason to use the successor.
func TestArtifactsDirIsReadFromAFileWithUnsupportedKeys(t *testing.T) {
	file := filepath.Join(t.TempDir(), "spaces-identity.yaml")
	if err := os.WriteFile(file, []byte("? {a: b}\n: c\n<<: {d: e}\nartifacts: {dir: out}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var flags config.Flags
	set := pflag.NewFlagSet("test", pflag.ContinueOnError)
	flags.Register(set)
	if err := set.Parse([]string{"--config", file}); err != nil {
		t.Fatal(err)
	}
	if got := flags.ArtifactsDir(func(string) string { return "" }); got != "out" {
		t.Errorf("the directory is %q", got)
	}
}
