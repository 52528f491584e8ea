package cli

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"spaces-identity.dev/internal/output"
	"spaces-identity.dev/internal/postrender"
)

// TemplateOp renders a chart with Helm and post-renders the manifests.
type TemplateOp struct {
	PostRender PostRenderOp
	OutputDir  string   // for the manifests and, unless the user names another one, the artifacts; empty: standard output
	Helm       []string // arguments of helm template
}

const flagOutputDir = "output-dir"

// checkOutputDir returns an error if the flag is given without a directory.
func checkOutputDir(cmd *cobra.Command, dir string) error {
	if cmd.Flags().Changed(flagOutputDir) && dir == "" {
		return output.Hint(errors.New("--output-dir is empty"), "give a value, or leave the flag out")
	}
	return nil
}

func (p *parser) templateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "template RELEASE CHART [helm flags]",
		Short: "Render a chart with Helm and edit the manifests, for CI",
		Long: `template runs "helm template" with every argument that is not a flag of its own,
and post-renders the manifests. It runs $HELM_BIN, or helm on PATH. With
--output-dir the manifests and the artifacts go to that directory; without it
the manifests go to standard output. --artifacts-dir names another directory for
the artifacts.`,
		Example:            "  spaces-identity template spaces CHART --values values.yaml --output-dir out",
		DisableFlagParsing: true,
		ValidArgsFunction:  p.completeTemplate,
	}
	op := TemplateOp{PostRender: PostRenderOp{Settings: p.settings}}
	op.PostRender.Rewrite.register(cmd)
	registerThen(cmd, &op.PostRender.Then)
	cmd.Flags().StringVar(&op.OutputDir, flagOutputDir, "", "the `DIRECTORY` for "+postrender.ManifestsFile+" and the artifacts")
	return parsed(p, cmd, &op, func(args []string) error {
		var own []string
		own, op.Helm = divide(cmd.Flags(), args)
		err := cmd.Flags().Parse(own)
		if op.OutputDir != "" {
			p.settings.KeepArtifactsIn(op.OutputDir, p.env.Getenv) // the report of a failure, too
		}
		if err != nil {
			return p.flagError(cmd, err)
		}
		if help, _ := cmd.Flags().GetBool("help"); help {
			return pflag.ErrHelp
		}
		if err := cmp.Or(checkOutputDir(cmd, op.OutputDir), op.check()); err != nil {
			return err
		}
		return p.completeRewrite(cmd)
	})
}

func (op TemplateOp) check() error {
	if len(op.Helm) == 0 {
		return output.Hint(errors.New("template needs RELEASE and CHART"), "for example: `spaces-identity template spaces CHART --output-dir out`")
	}
	for _, arg := range op.Helm {
		if name, _, _ := strings.Cut(arg, "="); name == "--post-renderer" {
			return output.Hint(errors.New("template is a post-renderer itself"), "leave --post-renderer out")
		}
	}
	return nil
}

// divide splits a command line into the flags of this program and what is
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

// Run renders the chart and post-renders the manifests.
func (op TemplateOp) Run(ctx context.Context, env *Env) error {
	renderer := postrender.Renderer{Dir: op.OutputDir, Namespace: releaseNamespace(op.Helm, env.Getenv("HELM_NAMESPACE"))}
	return op.PostRender.render(ctx, env, renderer, func(ctx context.Context) ([]byte, error) { return op.helmTemplate(ctx, env) })
}

// releaseNamespace returns the namespace that Helm's arguments name, or else the one that
// Helm passes to its plugins. That may be the word default because the user named none,
// so default counts as unknown.
func releaseNamespace(args []string, namespace string) string {
	for i, arg := range args {
		long, isLong := strings.CutPrefix(arg, "--namespace=")
		short, isShort := strings.CutPrefix(arg, "-n")
		switch {
		case isLong:
			namespace = long
		case arg == "--namespace", arg == "-n":
			namespace = strings.Join(args[i+1:min(i+2, len(args))], "")
		case isShort:
			namespace = strings.TrimPrefix(short, "=")
		}
	}
	if namespace == "default" {
		return ""
	}
	return namespace
}

// helmTemplate returns the manifests that Helm renders. Helm's standard error
// goes to the user, apart from the manifests.
func (op TemplateOp) helmTemplate(ctx context.Context, env *Env) ([]byte, error) {
	program := cmp.Or(env.Getenv("HELM_BIN"), "helm")
	var manifests bytes.Buffer
	helm := exec.CommandContext(ctx, program, append([]string{"template"}, op.Helm...)...)
	helm.Stdout, helm.Stderr = &manifests, env.Err
	err := helm.Run()
	if errors.Is(err, exec.ErrNotFound) {
		return nil, output.Hint(fmt.Errorf("there is no %s on PATH", program), "install Helm, or name its program in HELM_BIN")
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("stopped while %s renders the chart: %w", program, context.Cause(ctx))
	}
	if err != nil {
		return nil, output.Hint(fmt.Errorf("%s template: %w", program, err), "look at the error that Helm printed")
	}
	return manifests.Bytes(), nil
}
