// Package cli is the command line: a file for each verb, which turns flags into
// a call.
package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"spaces-identity.dev/internal/config"
)

// System is the world of the running process.
func System() World {
	return World{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Env: os.Getenv,
		Terminal: func(s any) bool {
			f, ok := s.(*os.File)
			return ok && term.IsTerminal(int(f.Fd()))
		}}
}

// World is what a command reads and writes.
type World struct {
	In       io.Reader
	Out, Err io.Writer
	Env      func(string) string
	Terminal func(stream any) bool
}

// Exit statuses, as users and scripts know them.
const (
	exitDone    = 0
	exitFailed  = 1
	exitUsage   = 2
	exitDiffers = 3
)

// Run carries out a command line, prints its error and returns the exit status.
func Run(ctx context.Context, world World, args []string) int {
	a := &app{World: world}
	root := a.command()
	root.SetArgs(append([]string{}, args...)) // cobra takes the process's own for nil
	root.SetIn(world.In)
	root.SetOut(world.Out)
	root.SetErr(world.Err)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitDone
	}
	if !a.started {
		err = a.misunderstood(cmd, err)
	}
	if !silent(err) {
		a.report(err)
	}
	return a.status(err)
}

// misunderstood is an error of the command line itself. Where manifests were to be
// post-rendered the report has it too: under Helm 4 only the report can tell it.
func (a *app) misunderstood(cmd *cobra.Command, err error) error {
	err = usageError{fmt.Errorf("%w (see spaces-identity --help)", err)}
	if a.underHelm4() || a.badFlag && rendersStream(cmd) && !a.Terminal(a.In) {
		return a.failEarly("", err)
	}
	return err
}

// rendersStream reports whether a command is the post-renderer.
func rendersStream(cmd *cobra.Command) bool { return !cmd.HasParent() || cmd.Name() == "post-render" }

// underHelm4 reports whether Helm 4 runs the program as its post-renderer.
func (a *app) underHelm4() bool { return a.Env("HELM_PLUGIN_NAME") == postRendererPlugin }

// app is one invocation.
type app struct {
	World
	flags   config.Flags
	badFlag bool          // a flag could not be read
	started bool          // past the parsing of the command line
	lines   *bufio.Reader // of the answers on the terminal
}

func (a *app) command() *cobra.Command {
	root := &cobra.Command{
		Use:   "spaces-identity",
		Short: "Give the control planes of a self-hosted Upbound Space an AWS workload identity",
		Long: "spaces-identity sits in Helm's post-render pipe, writes the identity of a Space's components into the\n" +
			"chart's manifests and the matching IAM documents beside them.\n\n" +
			"Without a command, and with manifests on standard input, it is the post-renderer.",
		Args:          noCommand,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if a.Terminal(a.In) {
				return cmd.Help()
			}
			return a.postRender(cmd)
		},
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		a.badFlag = true
		return err
	})
	root.PersistentPreRun = func(*cobra.Command, []string) { a.started = true }
	a.flags.Register(root.PersistentFlags())
	a.registerPostRender(root)
	root.AddCommand(a.postRenderCommand(), a.templateCommand(), a.inspectCommand(), a.policyCommand(),
		a.explainCommand(), a.valuesCommand(), a.postRendererCommand(), a.versionCommand())
	root.AddCommand(a.liveCommands()...)
	return root
}

func noCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := ""
	cmd.SuggestionsMinimumDistance = 2 // letters that may differ
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		hint = fmt.Sprintf("; did you mean %s?", strings.Join(near, " or "))
	}
	return fmt.Errorf("there is no command %q%s", args[0], hint)
}

// statusError is an error that knows the exit status it asks for.
type statusError interface {
	error
	ExitStatus() int
}

func (a *app) status(err error) int {
	if e, ok := errors.AsType[statusError](err); ok {
		return e.ExitStatus()
	}
	return exitFailed
}

// report prints an error once. Helm 4 drops what a post-renderer says, so there
// it goes to the terminal too, where there is one.
func (a *app) report(err error) {
	message := "Error: " + err.Error() + "\n"
	if e, ok := errors.AsType[interface {
		error
		Hint() string
	}](err); ok && e.Hint() != "" {
		message += "hint: " + e.Hint() + "\n"
	}
	a.say("%s", message)
	if !a.underHelm4() || a.Terminal(a.Err) {
		return
	}
	if tty, err := os.OpenFile("/dev/tty", os.O_WRONLY, 0); err == nil {
		_, err = io.WriteString(tty, message)
		_ = errors.Join(err, tty.Close()) // there is nowhere left to say it
	}
}

// say writes to standard error. Where that takes nothing there is nobody to tell.
func (a *app) say(format string, args ...any) { _, _ = fmt.Fprintf(a.Err, format, args...) }

// json prints a value indented by two spaces.
func (a *app) json(value any) error {
	encoder := json.NewEncoder(a.Out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

// usageError is a mistake on the command line.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// ExitStatus is that of bad usage.
func (usageError) ExitStatus() int { return exitUsage }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }
