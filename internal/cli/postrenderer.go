package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
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
// one under Helm 4 only, because Helm 3 loads no plugin from a directory with it.
func (PostRendererOp) Run(_ context.Context, env *Env) error {
	if dir := env.Getenv("HELM_PLUGIN_DIR"); dir != "" {
		if _, err := os.Stat(filepath.Join(filepath.Dir(dir), postRendererPlugin)); err == nil {
			return env.write([]byte(postRendererPlugin + "\n"))
		}
	}
	path, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding the path of this program: %w", err)
	}
	return env.write([]byte(path + "\n"))
}
