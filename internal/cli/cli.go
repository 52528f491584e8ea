// Package cli is the command line. A command line is parsed into an [Op], a
// value that tests compare; running the op is all that is left to do.
//
// The package declares every command, so that both programs print the same help
// and complete the same words. The ops that need a cluster or AWS run in package
// live, which only the larger program links.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"golang.org/x/term"

	"spaces-identity.dev/internal/config"
	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/exit"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/interrupt"
	"spaces-identity.dev/internal/output"
	"spaces-identity.dev/internal/postrender"
)

// Op is what a command line asks for. It has a method Run, or package live runs it.
type Op any

type runner interface {
	Run(ctx context.Context, env *Env) error
}

// Live runs the ops that need a cluster or AWS.
type Live func(ctx context.Context, env *Env, op Op) error

// Env is what an op reads from and writes to.
type Env struct {
	In       io.Reader
	Out, Err io.Writer
	Getenv   func(string) string
	Environ  []string // as os.Environ returns it, to warn of misspelt variables
	Terminal func(stream any) bool
	Live     Live // nil: the program beside this one runs them

	*output.Printer // made by Run

	args   []string // the command line, for the program beside this one
	op     Op       // what it asks for
	config string   // the name of the file that the settings come from, if it exists
}

// GCPercent is how much garbage, in percent of the live heap, the programs let grow. They are
// short-lived: a larger heap costs less than collecting it.
const GCPercent = 400

// LiveMemory is the size in bytes from which the live program collects garbage more often.
// It is no limit: the program takes more if it needs it.
const LiveMemory = 80 << 20

// Main runs the command line of the process and returns its exit status.
func Main(live Live) int {
	debug.SetGCPercent(GCPercent)
	if live != nil && os.Getenv("GOMEMLIMIT") == "" {
		// A Space can be large. Above this size, collecting costs less than the memory.
		debug.SetMemoryLimit(LiveMemory)
	}
	// If asked for, a broken pipe is an error of the write. Otherwise it would end
	// the program before it has cleaned up.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	env := Env{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Getenv: os.Getenv, Environ: os.Environ(), Terminal: isTerminal, Live: live}
	return int(Run(interrupt.Context(), env, os.Args[1:]))
}

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Run parses and runs a command line, prints its error and returns the exit
// status.
func Run(ctx context.Context, env Env, args []string) exit.Status {
	env.args = args
	env.Printer = output.New(env.Out, env.Err, env.Getenv, env.Terminal)
	env.Hints = env.hintOf
	err := env.run(ctx)
	if err != nil && !exit.IsSilent(err) && !env.readerLeft(err) {
		env.report(err)
	}
	return exit.Of(err)
}

// readerLeft reports whether the output only failed because its reader has seen enough,
// such as head. That is worth no message, unless the command also changes something.
func (env *Env) readerLeft(err error) bool {
	switch env.op.(type) {
	case PostRenderOp, TemplateOp, ApplyOp, DeleteOp, RestartOp:
		return false
	}
	e, ok := errors.AsType[*fs.PathError](err)
	return ok && e.Path == os.Stdout.Name() && errors.Is(e, syscall.EPIPE)
}

func (env *Env) run(ctx context.Context) error {
	if env.Live == nil {
		env.Live = handOn
	} else if err := env.checkCaller(); err != nil {
		return err
	}
	op, err := Parse(env, env.args)
	if op == nil || err != nil {
		return err
	}
	env.op = op
	env.warnOfVariables(op)
	if op, ok := op.(runner); ok {
		return op.Run(ctx, env)
	}
	return env.Live(ctx, env, op)
}

// warnOfVariables warns of misspelt variables, unless the op reads no settings or the
// calling program has warned already.
func (env *Env) warnOfVariables(op Op) {
	switch op.(type) {
	case VersionOp, PostRendererOp, SetUpPluginOp:
		return
	}
	if env.Getenv(callerVersion) != "" {
		return
	}
	for _, warning := range config.UnknownVariables(env.Environ, append(installVariables, rewriteFlags...)...) {
		env.Warn(warning)
	}
}

// underHelm4 reports whether Helm 4 runs the program as its post-renderer.
func (env *Env) underHelm4() bool { return env.Getenv("HELM_PLUGIN_NAME") == postRendererPlugin }

// report prints an error once. Helm 4 drops the standard error of a
// post-renderer, so the error goes to the terminal too, if there is one.
func (env *Env) report(err error) {
	env.Error(err)
	if !env.underHelm4() || env.Terminal(env.Err) {
		return
	}
	if tty, openErr := os.OpenFile("/dev/tty", os.O_WRONLY, 0); openErr == nil {
		printer := output.New(tty, tty, env.Getenv, env.Terminal)
		printer.Hints = env.hintOf
		printer.Error(err)
		_ = tty.Close() // there is nowhere left to report it
	}
}

// Say writes to standard error. If that fails, there is nobody to tell.
func (env *Env) Say(format string, args ...any) { _, _ = fmt.Fprintf(env.Err, format, args...) }

// write writes a document to standard output.
func (env *Env) write(text []byte) error {
	_, err := env.Out.Write(text)
	return err
}

// failEarly writes an error that comes before the config is known into the report, in
// the artifacts directory as far as it is known.
func (env *Env) failEarly(settings config.Flags, err error) error {
	spec, _ := identity.New(identity.Settings{ArtifactsDir: settings.ArtifactsDir(env.Getenv)}) // only the directory counts
	return postrender.Renderer{State: desired.Of(spec), Hints: env.HintsOf}.Fail(postrender.Report{}, err)
}

// State derives the desired state of the config: the file, the environment and the
// flags.
func (env *Env) State(settings config.Flags) (desired.State, error) {
	spec, err := env.Spec(settings)
	return desired.Of(spec), err
}

// Spec returns the Spec of the config: the file, the environment and the flags.
func (env *Env) Spec(settings config.Flags) (identity.Spec, error) {
	env.config = settings.File(env.Getenv)
	return settings.Resolve(env.Getenv)
}
