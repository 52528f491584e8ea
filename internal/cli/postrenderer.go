package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"spaces-identity.dev/internal/output"
)

// postRendererPlugin is the name of the plugin that Helm 4 runs as post-renderer.
const postRendererPlugin = "spaces-identity-post-renderer"

// PostRendererOp prints what Helm takes for --post-renderer.
type PostRendererOp struct{}

func (p *parser) postRendererCommand() *cobra.Command {
	return parsed(p, &cobra.Command{
		Use:   "post-renderer",
		Short: "Print what to pass to Helm's --post-renderer",
		Long: `post-renderer prints the path of this program in Helm 3, and the name of the
post-renderer plugin in Helm 4. Do not write the command inline: both Helms take
an empty --post-renderer for none.`,
		Example: `  PR=$(helm spaces-identity post-renderer) &&
    helm upgrade --install spaces CHART --post-renderer "$PR"`,
		Annotations: readsNoSettings,
	}, &PostRendererOp{}, nil)
}

// Run prints the path or the name. The install hook sets the plugin up beside this
// one under Helm 4 only, because Helm 3 loads no plugin from a directory with it. If Helm 3
// has installed this one, Helm 4 can run it, but has no post-renderer.
func (PostRendererOp) Run(ctx context.Context, env *Env) error {
	if dir := env.Getenv("HELM_PLUGIN_DIR"); dir != "" {
		if _, err := os.Stat(filepath.Join(filepath.Dir(dir), postRendererPlugin)); err == nil {
			return env.write([]byte(postRendererPlugin + "\n"))
		}
		if env.isHelm(ctx, "v4") {
			return output.Hint(fmt.Errorf("%s lacks the plugin %s, which Helm 4 needs", filepath.Dir(dir), postRendererPlugin), helm4Hint(env))
		}
	}
	path, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding the path of this program: %w", err)
	}
	return env.write([]byte(path + "\n"))
}

// helm4Hint returns how to get the plugin for Helm 4. Helm sets HELM_PLUGINS for a command
// even if the user has not set it.
func helm4Hint(env *Env) string {
	if env.Getenv("HELM_PLUGINS") != filepath.Join(env.Getenv("HELM_DATA_HOME"), "plugins") {
		return "unset HELM_PLUGINS for Helm 4, and install the plugin in it"
	}
	return "uninstall the plugin with `helm plugin uninstall " + programName + "`, and install it again in Helm 4"
}
