//go:build !offline

package cli

import (
	"bufio"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"spaces-identity.dev/internal/reconcile"
)

func (a *app) applyCommand() *cobra.Command {
	var f liveFlags
	var approve bool
	cmd := &cobra.Command{
		Use: "apply",
		Long: "apply shows the plan, asks, and carries it out, so that at no moment more is granted than before or after.\n" +
			"It touches only what is its own: statements by their Sid, associations and roles by their tag. Without a\n" +
			"terminal it needs --approve, and is made to run again and again: where nothing differs it changes nothing.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(); err != nil {
				return err
			}
			if !approve && !a.Terminal(a.In) {
				return usagef("nobody is there to say yes: look at `spaces-identity plan`, then give --approve")
			}
			return a.apply(cmd.Context(), f, approve)
		},
	}
	f.register(cmd)
	cmd.Flags().BoolVar(&approve, "approve", false, "carry out the plan without asking")
	return cmd
}

func (a *app) apply(ctx context.Context, f liveFlags, approve bool) error {
	start := time.Now()
	r, plan, err := a.reconciler(ctx, f)
	if err != nil {
		return err
	}
	if plan.Changes() == 0 && f.output == "text" {
		if err := a.tellBriefly(plan); err != nil {
			return err
		}
		return r.Apply(ctx, plan) // which may have to write down what it saw
	}
	if err := a.writePlan(plan, f.output); err != nil {
		return err
	}
	if !approve {
		yes, err := a.ask(ctx, "Carry this out? Only yes does: ")
		if err != nil {
			return err
		}
		if yes != "yes" {
			a.say("nothing was changed\n")
			return outcome(exitFailed)
		}
	}
	if err := r.Apply(ctx, plan); err != nil {
		return err
	}
	a.say("done: %s in %s\n", plural(plan.Changes(), "change"), time.Since(start).Round(time.Second))
	return nil
}

// tellBriefly is what a run without changes leaves in a log.
func (a *app) tellBriefly(p *reconcile.Plan) error {
	for _, w := range p.Warnings {
		a.say("warning: %s\n", w)
	}
	_, err := fmt.Fprintln(a.Out, summary(p))
	return err
}

// ask puts a question on the terminal and reads a line.
func (a *app) ask(ctx context.Context, question string) (string, error) {
	a.say("%s", question)
	type reply struct {
		line string
		err  error
	}
	answered := make(chan reply, 1)
	if a.lines == nil {
		a.lines = bufio.NewReader(a.In)
	}
	go func() {
		line, err := a.lines.ReadString('\n')
		answered <- reply{strings.TrimSpace(line), err}
	}()
	select {
	case <-ctx.Done():
		return "", context.Cause(ctx)
	case got := <-answered:
		if got.err != nil && got.line == "" {
			return "", fmt.Errorf("no answer: %w", got.err)
		}
		return got.line, nil
	}
}
