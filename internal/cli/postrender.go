package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"spaces-identity.dev/internal/config"
	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/manifest"
	"spaces-identity.dev/internal/postrender"
	"spaces-identity.dev/internal/rewrite"
)

func (a *app) postRenderCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "post-render",
		Short: "Write the identity into manifests: standard input to standard output, IAM documents beside",
		Example: "  helm template spaces CHART | spaces-identity post-render --role-arn arn:aws:iam::123456789012:role/spaces-backup --artifacts-dir none\n" +
			"  helm upgrade --install spaces CHART --post-renderer spaces-identity",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.postRender(cmd) },
	}
	a.registerPostRender(cmd)
	return cmd
}

const (
	flagOnMissing  = "on-missing"
	flagOnConflict = "on-conflict"
)

func (a *app) registerPostRender(cmd *cobra.Command) {
	cmd.Flags().String(flagOnMissing, string(rewrite.MissingFails), "what to do where a component has no place in the manifests: fail or warn")
	cmd.Flags().String(flagOnConflict, string(rewrite.ConflictReplace), "what to do where another value stands already: replace, keep or fail")
}

// postRender is the main way. A failure that comes before the manifests are read
// goes into the report too.
func (a *app) postRender(cmd *cobra.Command) error {
	return a.render(cmd, "", a.read)
}

// render post-renders what read gives. Where dir is not empty the manifests and
// the artifacts go there.
func (a *app) render(cmd *cobra.Command, dir string, read func(context.Context) ([]byte, error)) error {
	spec, err := a.flags.Resolve(a.Env)
	if err != nil {
		return a.failEarly(dir, err)
	}
	renderer := postrender.Renderer{State: desired.Of(spec), Dir: dir}
	if renderer.Options, err = a.options(cmd); err != nil {
		return renderer.Fail(postrender.Report{}, err)
	}
	stream, err := read(cmd.Context())
	if err != nil {
		return renderer.Fail(postrender.Report{}, err)
	}
	report, err := renderer.Render(cmd.Context(), stream, a.Out)
	if err == nil {
		a.tell(report)
	}
	return err
}

// failEarly reports an error that comes before the config is known: in dir, or
// where that is empty in the artifacts directory of the command line, or in the
// default one.
func (a *app) failEarly(dir string, err error) error {
	spec, _ := identity.New(identity.Settings{ArtifactsDir: a.flags.ArtifactsDir(a.Env)}) // only the directory counts
	return postrender.Renderer{State: desired.Of(spec), Dir: dir}.Fail(postrender.Report{}, err)
}

func (a *app) options(cmd *cobra.Command) (rewrite.Options, error) {
	missing, err := a.choice(cmd, flagOnMissing, string(rewrite.MissingFails), string(rewrite.MissingWarns))
	if err != nil {
		return rewrite.Options{}, err
	}
	conflict, err := a.choice(cmd, flagOnConflict, string(rewrite.ConflictReplace), string(rewrite.ConflictKeep), string(rewrite.ConflictFails))
	return rewrite.Options{OnMissing: rewrite.OnMissing(missing), OnConflict: rewrite.OnConflict(conflict)}, err
}

// choice is the value of a flag, or of its environment variable, that is one of
// a few words.
func (a *app) choice(cmd *cobra.Command, name string, choices ...string) (string, error) {
	flag := cmd.Flags().Lookup(name)
	value, from := flag.Value.String(), "--"+name
	if env := a.Env(config.EnvName(name)); !flag.Changed && env != "" {
		value, from = env, config.EnvName(name)
	}
	if !slices.Contains(choices, value) {
		return "", usagef("%s is %q: it must be %s", from, value, strings.Join(choices, " or "))
	}
	return value, nil
}

// read takes the manifests from standard input.
func (a *app) read(ctx context.Context) ([]byte, error) {
	type input struct {
		stream []byte
		err    error
	}
	done := make(chan input, 1)
	go func() {
		stream, err := manifest.Read(a.In)
		done <- input{stream, err}
	}()
	select {
	case in := <-done:
		if in.err != nil {
			return nil, fmt.Errorf("reading the manifests from standard input: %w", in.err)
		}
		return in.stream, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("stopped while reading the manifests: %w; nothing was written", context.Cause(ctx))
	}
}

// tell says on standard error what was done. Helm shows it only after a failure;
// it is for those who run the program themselves.
func (a *app) tell(report postrender.Report) {
	for _, warning := range report.Warnings {
		a.say("warning: %s\n", warning)
	}
	for _, f := range report.Changes {
		if f.Old != nil && f.Reason != "" {
			a.say("warning: %s %s: another value stood here and was replaced: %s\n", objectOf(f), f.Path, *f.Old)
		}
	}
	for _, f := range report.Left {
		a.say("note: %s %s was left: %s\n", objectOf(f), f.Path, f.Reason)
	}
}
