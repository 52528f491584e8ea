package plugin_test

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// helm is a Helm program that the plugin must work with.
type helm struct {
	name string // helm3 or helm4
	path string
}

// TestScripts runs each script once with Helm 3 and once with Helm 4. In a script, helm is
// the Helm under test, and helm3 and helm4 are always available. Lines with the condition
// [helm3] or [helm4] run only for that Helm.
func TestScripts(t *testing.T) {
	helms := findHelms(t)
	dependOnFiles(t)
	for _, h := range helms {
		t.Run(h.name, func(t *testing.T) {
			testscript.Run(t, testscript.Params{
				Dir:                "testdata/script",
				RequireUniqueNames: true,
				Setup:              func(env *testscript.Env) error { return setUp(env, h, helms) },
				Condition:          func(name string) (bool, error) { return h.is(name) },
			})
		})
	}
}

func (h helm) is(name string) (bool, error) {
	if name != "helm3" && name != "helm4" {
		return false, fmt.Errorf("unknown condition %q", name)
	}
	return h.name == name, nil
}

// setUp gives a script its own Helm directories, and puts the Helms on its PATH. The plugin
// is installed from the repository.
func setUp(env *testscript.Env, under helm, all []helm) error {
	bin := filepath.Join(env.WorkDir, "bin")
	if err := os.Mkdir(bin, 0o755); err != nil {
		return err
	}
	for _, h := range append(all, helm{"helm", under.path}) {
		if err := os.Symlink(h.path, filepath.Join(bin, h.name)); err != nil {
			return err
		}
	}
	env.Setenv("PATH", bin+string(os.PathListSeparator)+env.Getenv("PATH"))
	for _, v := range helmHome(env.WorkDir) {
		name, value, _ := strings.Cut(v, "=")
		env.Setenv(name, value)
	}
	env.Setenv("REPOSITORY", repository())
	env.Setenv("CHART", filepath.Join(repository(), "testdata", "chart"))
	return keepGoCaches(env)
}

// helmHome returns the environment variables with which Helm uses its own directories.
func helmHome(dir string) []string {
	return []string{
		"HELM_DATA_HOME=" + filepath.Join(dir, "helm", "data"),
		"HELM_CONFIG_HOME=" + filepath.Join(dir, "helm", "config"),
		"HELM_CACHE_HOME=" + filepath.Join(dir, "helm", "cache"),
	}
}

// keepGoCaches lets the install hook build with the Go caches of the user.
func keepGoCaches(env *testscript.Env) error {
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPROXY", "GOTOOLCHAIN"} {
		value, err := exec.Command("go", "env", name).Output()
		if err != nil {
			return fmt.Errorf("go env %s: %w", name, err)
		}
		env.Setenv(name, strings.TrimSpace(string(value)))
	}
	return nil
}

// findHelms returns the Helms that the Makefile built. If it did not set their paths, the
// test is skipped.
func findHelms(t *testing.T) []helm {
	t.Helper()
	var helms []helm
	for _, name := range []string{"helm3", "helm4"} {
		path := os.Getenv("SPACES_IDENTITY_" + strings.ToUpper(name))
		if path == "" {
			t.Skip("needs the Helms: run make test")
		}
		if _, err := os.Stat(path); err != nil {
			t.Fatalf("%s is missing; make helm builds it: %v", name, err)
		}
		helms = append(helms, helm{name, path})
	}
	if _, err := os.Stat(binary()); err != nil {
		t.Fatalf("the program is missing; make build builds it: %v", err)
	}
	return helms
}

// dependOnFiles reads the metadata of files that only other processes read. If one of them
// changes, go test then does not use its cached result.
func dependOnFiles(t *testing.T) {
	t.Helper()
	for _, root := range []string{"plugin.yaml", "plugin.complete", "internal/plugin", "testdata/chart", "examples"} {
		err := filepath.WalkDir(filepath.Join(repository(), root), func(path string, _ fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			_, err = os.Stat(path)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func repository() string {
	root, err := filepath.Abs("../..")
	if err != nil {
		panic(err)
	}
	return root
}

func binary() string {
	return filepath.Join(repository(), "bin", "spaces-identity")
}
