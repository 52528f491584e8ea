package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"spaces-identity.dev/internal/postrender"
)

func (a *app) templateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "template RELEASE CHART [helm flags]",
		Short: "Render a chart with Helm and post-render it, for CI",
		Long: "template runs `helm template` with what it does not take itself (the Helm of HELM_BIN, else helm on PATH;\n" +
			"HELM_NAMESPACE and the like reach it by the environment) and post-renders what comes out. With --output-dir\n" +
			"the manifests and the artifacts go into that directory together, else the manifests go to standard output.",
		Example:            "  spaces-identity template spaces CHART --namespace upbound-system --values values.yaml --output-dir rendered",
		DisableFlagParsing: true,
		RunE:               a.template,
	}
	a.registerPostRender(cmd)
	cmd.Flags().String("output-dir", "", "directory for "+postrender.ManifestsFile+" and the artifacts")
	return cmd
}

func (a *app) template(cmd *cobra.Command, args []string) error {
	own, helm := divide(cmd.Flags(), args)
	if err := cmd.Flags().Parse(own); err != nil {
		return usageError{err}
	}
	if help, _ := cmd.Flags().GetBool("help"); help {
		return cmd.Help()
	}
	if len(helm) == 0 {
		return usagef("say what to render: template RELEASE CHART [helm flags]")
	}
	for _, arg := range helm {
		if name, _, _ := strings.Cut(arg, "="); name == "--post-renderer" {
			return usagef("template post-renders by itself: leave --post-renderer out")
		}
	}
	dir, err := cmd.Flags().GetString("output-dir")
	if err != nil {
		return err
	}
	return a.render(cmd, dir, func(ctx context.Context) ([]byte, error) { return a.helmTemplate(ctx, helm) })
}

// divide parts a command line into the flags of this program and what is
// Helm's.
func divide(flags *pflag.FlagSet, args []string) (own, helm []string) {
	for i := 0; i < len(args); i++ {
		name, _, joined := strings.Cut(strings.TrimPrefix(args[i], "--"), "=")
		flag := flags.Lookup(name)
		switch {
		case args[i] == "-h":
			own = append(own, args[i])
		case !strings.HasPrefix(args[i], "--") || flag == nil:
			helm = append(helm, args[i])
		case joined || flag.NoOptDefVal != "" || i+1 == len(args):
			own = append(own, args[i])
		default:
			own = append(own, args[i], args[i+1])
			i++
		}
	}
	return own, helm
}

// helmTemplate runs Helm. What it says on standard error goes to the user as it
// comes, apart from the manifests.
func (a *app) helmTemplate(ctx context.Context, args []string) ([]byte, error) {
	program := a.Env("HELM_BIN")
	if program == "" {
		program = "helm"
	}
	var manifests bytes.Buffer
	helm := exec.CommandContext(ctx, program, append([]string{"template"}, args...)...)
	helm.Stdout, helm.Stderr = &manifests, a.Err
	err := helm.Run()
	if errors.Is(err, exec.ErrNotFound) {
		return nil, fmt.Errorf("there is no %s on PATH: install Helm, or name its program in HELM_BIN", program)
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("stopped while %s renders the chart: %w; nothing was written", program, context.Cause(ctx))
	}
	if err != nil {
		return nil, fmt.Errorf("%s template: %w", program, err)
	}
	return manifests.Bytes(), nil
}
