package cli

import (
	"github.com/spf13/cobra"

	"spaces-identity.dev/internal/config"
	"spaces-identity.dev/internal/rewrite"
)

// FnOp makes the edits as a KRM function. Package live runs it.
type FnOp struct {
	Settings config.Flags
	Rewrite  RewriteFlags
}

func (p *parser) fnCommand() *cobra.Command {
	op := FnOp{Settings: p.settings}
	cmd := &cobra.Command{
		Use:   "fn",
		Short: "Edit manifests as a KRM function, for kustomize and kpt",
		Long: `fn reads a ResourceList from standard input and writes it with the edits that
post-render would make. The functionConfig of the list is the config: the same
document as spaces-identity.yaml. If the list has none, fn reads the config as
other commands do. Flags and environment variables win over both.

Warnings and errors are results of the list, and an error is exit status 1 or 2.
fn writes no artifacts, and runs no programs that the config names under then.`,
		Example: `  kustomize build --enable-alpha-plugins --enable-exec
  kpt fn eval --exec "spaces-identity fn" --fn-config spaces-identity.yaml`,
	}
	op.Rewrite.register(cmd)
	return parsed(p, cmd, &op, func([]string) error { return p.completeRewrite(cmd) })
}

// Options returns the choices of the flags.
func (op FnOp) Options() rewrite.Options { return op.Rewrite.options() }
