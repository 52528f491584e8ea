//go:build !offline

package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/restart"
)

func (a *app) restartCommand() *cobra.Command {
	var flags clusterFlags
	var output string
	options := restart.Options{Interval: 2 * time.Second, Progress: func(message string) { a.say("%s\n", message) }}
	cmd := &cobra.Command{
		Use: "restart",
		Long: "restart makes pods anew that lack the identity, as `kubectl rollout restart` does, a few workloads at a time, and\n" +
			"waits for each. New pods that lack it still are restarted once more: an association takes effect a moment after\n" +
			"it was made. With delivery.admissionPolicy it touches service accounts that lack their annotations first.\n\n" +
			"Interrupted, or after a failure, run it again: what is done is not done again.",
		Example: "  spaces-identity restart --dry-run\n  spaces-identity restart --max-unavailable 5",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case output != "table" && output != "json":
				return usagef("--output is %q: it must be table or json", output)
			case options.MaxUnavailable < 1:
				return usagef("--max-unavailable is %d: it must be at least 1", options.MaxUnavailable)
			}
			spec, err := a.flags.Resolve(a.Env)
			if err != nil {
				return err
			}
			if err := spec.RequireRoles(); err != nil {
				return err
			}
			client, err := a.cluster(flags)
			if err != nil {
				return err
			}
			steps, err := restart.Run(cmd.Context(), client, desired.Of(spec), options)
			if err != nil {
				return err
			}
			return a.restarted(cmd.Context(), steps, output)
		},
	}
	flags.register(cmd)
	cmd.Flags().StringVarP(&output, "output", "o", "table", "table or json")
	cmd.Flags().BoolVar(&options.DryRun, "dry-run", false, "say what would be restarted, and change nothing")
	cmd.Flags().IntVar(&options.MaxUnavailable, "max-unavailable", 1, "how many workloads are restarted at once")
	cmd.Flags().DurationVar(&options.Timeout, "timeout", 5*time.Minute, "how long one workload may take")
	return cmd
}

func (a *app) restarted(ctx context.Context, steps []restart.Step, output string) error {
	show := a.restartedTable
	if output == "json" {
		show = func(steps []restart.Step) error { return a.json(append([]restart.Step{}, steps...)) }
	}
	if err := show(steps); err != nil {
		return err
	}
	failed, left := 0, 0
	for _, s := range steps {
		switch s.Outcome {
		case restart.Failed:
			failed++
		case restart.Left:
			left++
		}
	}
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("interrupted: %w; run it again to go on", context.Cause(ctx))
	case failed > 0:
		return fmt.Errorf("%d of %d workloads failed; the output says why", failed, len(steps))
	case left > 0:
		return incompleteError{fmt.Sprintf("%d of %d workloads were left without their identity; the output says why", left, len(steps))}
	}
	return nil
}

func (a *app) restartedTable(steps []restart.Step) error {
	if len(steps) == 0 {
		_, err := fmt.Fprintln(a.Out, "every pod has its identity: nothing to restart")
		return err
	}
	rows := []string{"NAMESPACE\tWORKLOAD\tOUTCOME\tREASON\n"}
	for _, s := range steps {
		rows = append(rows, fmt.Sprintf("%s\t%s\t%s\t%s\n", s.Namespace, or(s.Workload, "-"), s.Outcome, s.Reason))
	}
	return a.table(rows)
}
