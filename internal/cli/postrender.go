package cli

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"spaces-identity.dev/internal/config"
	"spaces-identity.dev/internal/exit"
	"spaces-identity.dev/internal/interrupt"
	"spaces-identity.dev/internal/manifest"
	"spaces-identity.dev/internal/output"
	"spaces-identity.dev/internal/postrender"
	"spaces-identity.dev/internal/rewrite"
)

// PostRenderOp edits the manifests on standard input.
type PostRenderOp struct {
	Settings config.Flags
	Rewrite  RewriteFlags
	Then     postrender.ThenPolicy
}

// RewriteFlags are those of the commands that edit manifests.
type RewriteFlags struct {
	OnMissing   rewrite.OnMissing
	OnConflict  rewrite.OnConflict
	OnImmutable rewrite.OnImmutable
}

const (
	flagOnMissing   = "on-missing"
	flagOnConflict  = "on-conflict"
	flagOnImmutable = "on-immutable"
	flagThen        = "then"
)

// rewriteFlags are the flags that have an environment variable, but no key in the config.
var rewriteFlags = []string{flagOnMissing, flagOnConflict, flagOnImmutable, flagThen}

func (f *RewriteFlags) register(cmd *cobra.Command) {
	wordFlag(cmd, &f.OnMissing, flagOnMissing, "", "what to `DO` if a component has no place in the manifests", "value",
		rewrite.MissingFails, rewrite.MissingWarns)
	wordFlag(cmd, &f.OnConflict, flagOnConflict, "", "what to `DO` if a place has another value", "value",
		rewrite.ConflictReplace, rewrite.ConflictKeep, rewrite.ConflictFails)
	wordFlag(cmd, &f.OnImmutable, flagOnImmutable, "", "what to `DO` if an upgrade cannot change a place, as in a Job", "value",
		rewrite.ImmutableLeaves, rewrite.ImmutableEdits)
}

// completeRewrite takes the flags that are not given from the environment.
func (p *parser) completeRewrite(cmd *cobra.Command) error {
	for _, name := range rewriteFlags {
		value := p.env.Getenv(config.EnvName(name))
		flag := cmd.Flags().Lookup(name)
		if value == "" || flag == nil || flag.Changed {
			continue
		}
		if err := flag.Value.Set(value); err != nil {
			p.badFlag = true
			return fmt.Errorf("%s: %w", config.EnvName(name), err)
		}
	}
	return nil
}

// registerThen adds the flag of the commands that run other programs.
func registerThen(cmd *cobra.Command, policy *postrender.ThenPolicy) {
	wordFlag(cmd, policy, flagThen, "", "what to `DO` if the config names programs under then", "value", postrender.ThenRuns, postrender.ThenRefuses)
}

func (f RewriteFlags) options() rewrite.Options {
	return rewrite.Options{OnMissing: f.OnMissing, OnConflict: f.OnConflict, OnImmutable: f.OnImmutable}
}

func (p *parser) postRenderCommand() *cobra.Command {
	return p.asPostRender(&cobra.Command{
		Use:   postRender,
		Short: "Edit manifests from standard input and write IAM documents",
		Long: `post-render reads manifests from standard input, writes the edited manifests to
standard output, and writes the IAM documents and a report to the artifacts
directory. If it fails, standard output stays empty and only the report changes.`,
		Example: `  PR=$(helm spaces-identity post-renderer) &&
    helm upgrade --install spaces CHART --post-renderer "$PR"
  helm template spaces CHART | spaces-identity post-render --match uuid`,
	})
}

// asPostRender parses a command into a PostRenderOp.
func (p *parser) asPostRender(cmd *cobra.Command) *cobra.Command {
	op := PostRenderOp{Settings: p.settings}
	op.Rewrite.register(cmd)
	registerThen(cmd, &op.Then)
	return parsed(p, cmd, &op, func([]string) error { return p.completeRewrite(cmd) })
}

// Run post-renders standard input. A ResourceList there is the input of a KRM function:
// kustomize and kpt run the image without arguments.
func (op PostRenderOp) Run(ctx context.Context, env *Env) error {
	stream, err := env.ReadInput(ctx, "manifests")
	if err == nil && isWithoutCommand(env.args) && postrender.IsResourceList(stream) {
		env.In = bytes.NewReader(stream)
		return env.Live(ctx, env, FnOp{op.Settings, op.Rewrite})
	}
	read := func(context.Context) ([]byte, error) { return stream, err }
	return op.render(ctx, env, postrender.Renderer{}, read)
}

func isWithoutCommand(args []string) bool { return len(args) == 0 || strings.HasPrefix(args[0], "-") }

// render post-renders what read returns.
func (op PostRenderOp) render(ctx context.Context, env *Env, renderer postrender.Renderer, read func(context.Context) ([]byte, error)) error {
	state, err := env.State(op.Settings)
	if err != nil {
		return env.failEarly(op.Settings, err)
	}
	renderer.State, renderer.Options, renderer.Then, renderer.Hints = state, op.Rewrite.options(), op.Then, env.HintsOf
	stream, err := read(ctx)
	if ctx.Err() != nil {
		err = fmt.Errorf("%w; no manifests were written", err)
	}
	if err != nil {
		return renderer.Fail(postrender.Report{}, err)
	}
	report, err := renderer.Render(ctx, stream, env.Out)
	if err == nil {
		env.summarise(report)
	}
	return err
}

// ReadInput reads standard input. If a person is to type it, it says so.
func (env *Env) ReadInput(ctx context.Context, what string) ([]byte, error) {
	if env.Terminal(env.In) {
		env.Note("reading the " + what + " from the terminal; press Ctrl-D at the end, or Ctrl-C to stop")
	}
	stream, err := interrupt.Await(ctx, func() ([]byte, error) { return manifest.Read(env.In) })
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("stopped while reading the %s: %w", what, context.Cause(ctx))
	case err != nil:
		return nil, fmt.Errorf("reading the %s from standard input: %w", what, err)
	}
	return stream, nil
}

// readFile reads a file that the command line names. It may be a pipe to which nobody
// writes, such as that of a shell's process substitution, so it stops if the context ends.
func (env *Env) readFile(ctx context.Context, name, what string) ([]byte, error) {
	text, err := interrupt.Await(ctx, func() ([]byte, error) { return os.ReadFile(name) })
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("stopped while reading %s: %w", name, context.Cause(ctx))
	case err != nil:
		return nil, exit.Usagef("reading the %s: %w", what, err)
	}
	return text, nil
}

// summarise says on standard error what was done. Helm shows it only after a
// failure; it is for those who run the program themselves.
func (env *Env) summarise(report postrender.Report) {
	for _, warning := range report.Warnings {
		env.Warn(warning)
	}
	for _, then := range report.Then {
		if then.Stderr != "" {
			env.Note(then.Program + " says:\n" + then.Stderr)
		}
	}
	for _, f := range report.Changes {
		if f.Old != nil && f.Reason != "" {
			env.Warn(fmt.Sprintf("%s: %s: %s", placeOf(f), f.Reason, *f.Old))
		}
	}
	for _, f := range report.Left {
		env.Note(fmt.Sprintf("%s was left: %s", placeOf(f), f.Reason))
	}
}

// placeOf returns the object and the path of a finding. A values file is no object.
func placeOf(f rewrite.Finding) string { return strings.TrimSpace(output.ObjectName(f) + " " + f.Path) }
