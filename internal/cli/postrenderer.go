package cli

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
)

// postRendererPlugin is the name of the plugin that Helm 4 runs as post-renderer.
const postRendererPlugin = "spaces-identity-post-renderer"

func (a *app) postRendererCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "post-renderer",
		Short:   "Print what to give to --post-renderer in the Helm that runs this",
		Example: "  PR=$(helm spaces-identity post-renderer) && helm upgrade --install spaces CHART --post-renderer \"$PR\"",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			name, err := a.postRenderer()
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(a.Out, name)
			return err
		},
	}
}

// postRenderer is a path for Helm 3, which takes programs, and a plugin's name
// for Helm 4. The install hook sets that plugin up beside this one under Helm 4
// only; in a directory that has it Helm 3 runs no plugin.
func (a *app) postRenderer() (string, error) {
	if dir := a.Env("HELM_PLUGIN_DIR"); dir != "" {
		companion := filepath.Join(filepath.Dir(dir), postRendererPlugin)
		if _, err := os.Stat(companion); err == nil {
			return postRendererPlugin, nil
		}
	}
	path, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("finding the path of this program: %w", err)
	}
	return path, nil
}
