package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/rogpeppe/go-internal/testscript"
)

// TestInstall runs each script once with Helm 3 and once with Helm 4, and with an older
// Helm 3. The scripts install what make dist made, into fresh directories of Helm. PATH has
// neither Go nor make.
func TestInstall(t *testing.T) {
	for _, h := range []struct{ name, is, variable string }{
		{"helm3", "helm3", "SPACES_IDENTITY_HELM3"},
		{"helm3-older", "helm3", "SPACES_IDENTITY_HELM3_OLDER"},
		{"helm4", "helm4", "SPACES_IDENTITY_HELM4"},
	} {
		t.Run(h.name, func(t *testing.T) {
			path := os.Getenv(h.variable)
			if path == "" {
				t.Skip("needs " + h.variable + ": run make test-release")
			}
			testscript.Run(t, testscript.Params{
				Dir:                "testdata/script",
				RequireUniqueNames: true,
				Setup:              func(env *testscript.Env) error { return setUpScript(env, path) },
				Condition:          func(name string) (bool, error) { return name == h.is, nil },
				Cmds: map[string]func(*testscript.TestScript, bool, []string){
					"push": pushPlugin, "tamper": tamper, "sign-with-another-key": signWithAnotherKey,
				},
			})
		})
	}
}

// scriptPrograms are what a user without Go has on PATH.
var scriptPrograms = []string{
	"sh", "sed", "grep", "dirname", "basename", "cp", "ln", "rm", "mv", "mkdir", "uname", "cat", "mktemp", "tar", "gzip",
	"gpgv", "curl", "sha256sum", "git", "env", "ls", "find", "chmod",
}

// setUpScript gives a script two signed releases, a Helm and a clone of the repository
// with the public key. $SERVER serves its directory, and $REGISTRY is an empty registry.
func setUpScript(env *testscript.Env, helm string) error {
	first, err := signedRelease()
	if err != nil {
		return err
	}
	next, err := nextRelease()
	if err != nil {
		return err
	}
	for version, dir := range map[string]string{"v0.1.0": first, "v0.1.1": next} {
		if err := os.CopyFS(filepath.Join(env.WorkDir, version), os.DirFS(dir)); err != nil {
			return err
		}
	}
	source := filepath.Join(env.WorkDir, "source")
	if err := copyRepository(source); err != nil {
		return err
	}
	key, err := os.ReadFile(filepath.Join(first, publicKeyFile))
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(source, "internal", "plugin", "release-key.gpg"), key, 0o644); err != nil {
		return err
	}
	if err := programsOnPath(env, helm); err != nil {
		return err
	}
	server := serve(env.WorkDir)
	images := httptest.NewServer(registry.New(registry.Logger(slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo))))
	env.Defer(server.Close)
	env.Defer(images.Close)
	for name, value := range map[string]string{
		"SERVER": server.URL, "REGISTRY": images.Listener.Addr().String(), "PLATFORM": host.os + "-" + host.arch,
		"OS_ARCH": host.os + "_" + host.arch, "KEYRING": filepath.Join(env.WorkDir, "v0.1.0", publicKeyFile), "CHART": filepath.Join(source, "testdata", "chart"),
		"HELM_DATA_HOME": filepath.Join(env.WorkDir, "helm", "data"), "HELM_CONFIG_HOME": filepath.Join(env.WorkDir, "helm", "config"),
		"HELM_CACHE_HOME": filepath.Join(env.WorkDir, "helm", "cache"), "PLUGINS": filepath.Join(env.WorkDir, "helm", "data", "plugins"),
	} {
		env.Setenv(name, value)
	}
	return nil
}

func programsOnPath(env *testscript.Env, helm string) error {
	bin := filepath.Join(env.WorkDir, "bin")
	if err := os.Mkdir(bin, 0o755); err != nil {
		return err
	}
	links := map[string]string{"helm": helm}
	for _, program := range scriptPrograms {
		path, err := exec.LookPath(program)
		if err != nil {
			return fmt.Errorf("the test needs %s: %w", program, err)
		}
		links[program] = path
	}
	for name, path := range links {
		if err := os.Symlink(path, filepath.Join(bin, name)); err != nil {
			return err
		}
	}
	env.Setenv("PATH", bin)
	return nil
}

// pushPlugin pushes the Helm plugins of a release: push v0.1.0.
func pushPlugin(ts *testscript.TestScript, _ bool, args []string) {
	dir := ts.MkAbs(filepath.Join(args[0], pluginLayout))
	ts.Check(pushLayout(context.Background(), dir, ts.Getenv("REGISTRY")+"/plugin/"+name, io.Discard))
}

// tamper changes one byte in the middle of a file.
func tamper(ts *testscript.TestScript, _ bool, args []string) {
	path := ts.MkAbs(args[0])
	content, err := os.ReadFile(path)
	ts.Check(err)
	content[len(content)/2] ^= 1
	ts.Check(os.WriteFile(path, content, 0o644))
}

// signWithAnotherKey replaces the signature of a Helm plugin of version 0.1.1 by that of a
// key which nobody trusts.
func signWithAnotherKey(ts *testscript.TestScript, _ bool, args []string) {
	path := ts.MkAbs(args[0])
	key, err := newKey(path + ".key")
	ts.Check(err)
	other, err := readSigner(key)
	ts.Check(err)
	content, err := os.ReadFile(path)
	ts.Check(err)
	signature, err := other.provenance(content, filepath.Base(path), "0.1.1")
	ts.Check(err)
	ts.Check(os.WriteFile(path+".prov", signature, 0o644))
}
