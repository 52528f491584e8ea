package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"spaces-identity.dev/internal/exit"
	"spaces-identity.dev/internal/lazyregexp"
	"spaces-identity.dev/internal/output"
	"spaces-identity.dev/internal/plugin"
)

// installVariables are variables of the install hook, in the form of flags:
// SPACES_IDENTITY_BUILD and SPACES_IDENTITY_MIRROR.
var installVariables = []string{"build", "mirror"}

// SetUpPluginOp ends the installation as a Helm plugin: under Helm 4 it adds the
// second plugin. The install hook runs it. On Windows it is the install hook.
type SetUpPluginOp struct{}

func (p *parser) setUpPluginCommand() *cobra.Command {
	return parsed(p, &cobra.Command{
		Use:    "set-up-plugin",
		Short:  "Set up the plugin for --post-renderer, as helm plugin install does",
		Hidden: true, Annotations: readsNoSettings,
	}, &SetUpPluginOp{}, nil)
}

// Run asks which Helm installs the plugin.
func (SetUpPluginOp) Run(ctx context.Context, env *Env) error {
	dir := env.Getenv("HELM_PLUGIN_DIR")
	if dir == "" {
		return exit.Usage(output.Hint(errors.New("HELM_PLUGIN_DIR is not set"), "`helm plugin install` runs this command"))
	}
	if env.isHelm(ctx, "v3") {
		return env.setUpForHelm3(dir)
	}
	return env.setUpForHelm4(dir)
}

// isHelm reports whether HELM_BIN is a Helm of this major version, such as v3. Helm 3 sets
// HELM_BIN for a hook and for a command, Helm 4 only for a command. But the user may have
// exported it, so that Helm is asked for its version.
func (env *Env) isHelm(ctx context.Context, major string) bool {
	helm := env.Getenv("HELM_BIN")
	if helm == "" {
		return false
	}
	version, err := exec.CommandContext(ctx, helm, "version", "--template", "{{.Version}}").Output()
	return err == nil && strings.HasPrefix(string(version), major+".")
}

// postRendererType matches the line of plugin.yaml that Helm 3 cannot read.
var postRendererType = lazyregexp.New(`(?m)^type: *postrenderer/v1`)

func (env *Env) setUpForHelm3(dir string) error {
	manifests, err := filepath.Glob(filepath.Join(filepath.Dir(dir), "*", "plugin.yaml"))
	if err != nil {
		return err
	}
	for _, path := range manifests {
		text, err := os.ReadFile(path)
		if err != nil || !postRendererType.Get().Match(text) {
			continue
		}
		return output.Hint(fmt.Errorf("%s has the plugin %s of Helm 4, so that Helm 3 loads no plugins from it", filepath.Dir(dir), filepath.Base(filepath.Dir(path))),
			"give Helm 3 alone another directory: `export HELM_PLUGINS=$HOME/.local/share/helm3/plugins`")
	}
	path, err := invokedAs()
	if err != nil {
		return err
	}
	return env.write(fmt.Appendf(nil, "%s: installed; --post-renderer takes the path %s\n", programName, path))
}

const installedForHelm4 = `spaces-identity: installed, with a second plugin for --post-renderer ` + postRendererPlugin + `
Helm 3 cannot read a plugin of that type: if it finds one in its plugin directory,
it loads no plugins at all. If you also run Helm 3, set this for Helm 3 alone:
  export HELM_PLUGINS=$HOME/.local/share/helm3/plugins
`

func (env *Env) setUpForHelm4(dir string) error {
	if err := setUpPostRenderer(dir); err != nil {
		return fmt.Errorf("adding the plugin for --post-renderer: %w", err)
	}
	message := installedForHelm4
	// Helm 4 installs a local directory into its data directory even if HELM_PLUGINS
	// names another one. But it looks for plugins only in HELM_PLUGINS.
	if plugins := env.Getenv("HELM_PLUGINS"); plugins != "" {
		if _, err := os.Lstat(filepath.Join(plugins, filepath.Base(dir))); errors.Is(err, fs.ErrNotExist) {
			message += fmt.Sprintf(`spaces-identity: warning: Helm 4 installed this into %s
but looks for plugins in HELM_PLUGINS (%s). Unset HELM_PLUGINS for Helm 4.
To move the directory, set HELM_DATA_HOME: Helm 4 uses it for both.
`, filepath.Dir(dir), plugins)
		}
	}
	return env.write([]byte(message))
}

// setUpPostRenderer writes the second plugin beside the first one, and replaces that of an
// earlier version. It links to the program. Windows allows links to administrators only,
// so that the program is copied if the link fails.
func setUpPostRenderer(dir string) error {
	second := filepath.Join(filepath.Dir(dir), postRendererPlugin)
	if err := os.RemoveAll(second); err != nil {
		return err
	}
	if err := os.Mkdir(second, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(second, "plugin.yaml"), plugin.PostRenderer, 0o644); err != nil {
		return err
	}
	program, err := invokedAs()
	if err != nil {
		return err
	}
	link := filepath.Join(second, programName+programSuffix)
	if target, err := filepath.Rel(second, program); err == nil && os.Symlink(target, link) == nil {
		return nil
	}
	content, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	return os.WriteFile(link, content, 0o755)
}

// invokedAs returns the path under which Helm started this program. It keeps links: a
// plugin that was installed from a local directory is one.
func invokedAs() (string, error) {
	if filepath.IsAbs(os.Args[0]) {
		return os.Args[0], nil
	}
	path, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("finding the path of this program: %w", err)
	}
	return path, nil
}
