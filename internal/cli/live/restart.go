package live

import (
	"context"
	"fmt"
	"time"

	"spaces-identity.dev/internal/cli"
	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/exit"
	views "spaces-identity.dev/internal/output/live"
	"spaces-identity.dev/internal/restart"
)

func restartWorkloads(ctx context.Context, env *cli.Env, op cli.RestartOp) error {
	state, err := env.State(op.Settings)
	if err != nil {
		return err
	}
	if err := state.Require(desired.NeedManifests); err != nil {
		return exit.Usage(err)
	}
	client, err := connect(env, op.Cluster)
	if err != nil {
		return err
	}
	steps, err := restart.Run(ctx, client, state, restart.Options{
		MaxUnavailable: op.MaxUnavailable, DryRun: op.DryRun, Timeout: op.Timeout, Interval: 2 * time.Second,
		Progress: func(message string) { env.Say("%s\n", message) },
	})
	if err != nil {
		return err
	}
	if err := env.Print(op.Output, views.RestartView{Steps: steps}); err != nil {
		return err
	}
	return outcomeOf(ctx, steps)
}

// outcomeOf returns an error if a workload was not restarted.
func outcomeOf(ctx context.Context, steps []restart.Step) error {
	count := map[restart.Outcome]int{}
	for _, s := range steps {
		count[s.Outcome]++
	}
	failed, left := count[restart.Failed], count[restart.Left]
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("interrupted: %w; run it again to go on", context.Cause(ctx))
	case failed > 0:
		return fmt.Errorf("%d of %d workloads failed; the output says why", failed, len(steps))
	case left > 0:
		return exit.With(exit.Differs, fmt.Errorf("%d of %d workloads were left without their identity; the output says why", left, len(steps)))
	}
	return nil
}
