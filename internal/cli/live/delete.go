package live

import (
	"context"
	"errors"
	"fmt"
	"time"

	"spaces-identity.dev/internal/account"
	"spaces-identity.dev/internal/cli"
	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/exit"
	"spaces-identity.dev/internal/output"
	views "spaces-identity.dev/internal/output/live"
	"spaces-identity.dev/internal/reconcile"
)

// deletePlanned shows what would be deleted, and deletes it after a confirmation.
func deletePlanned(ctx context.Context, env *cli.Env, op cli.DeleteOp) error {
	start := time.Now()
	r, planned, err := deletion(ctx, env, op)
	if err != nil {
		return err
	}
	if err := env.Print(op.Output, views.PlanView{Plan: planned, All: op.All}); err != nil {
		return err
	}
	if op.DryRun {
		return nil
	}
	if planned.Changes() > 0 && !op.Approve {
		if err := confirm(ctx, env, `Delete this? Type "yes" to continue: `); err != nil {
			return err
		}
	}
	if err := r.Apply(ctx, planned); err != nil {
		return err
	}
	if planned.Changes() > 0 {
		env.Say("done: %s in %s\n", output.Count(planned.Changes(), "change"), time.Since(start).Round(time.Second))
	}
	return nil
}

// confirm asks a question. Any answer but yes ends the command without a change.
func confirm(ctx context.Context, env *cli.Env, question string) error {
	answer, err := newTerminal(env).ask(ctx, question)
	if err == nil && answer != "yes" {
		env.Say("nothing was changed\n")
		err = exit.Silent(exit.Failed)
	}
	return err
}

// deletion connects to AWS and plans the deletion. With --prune it does not need to discover
// control planes, so the cluster may be gone already.
func deletion(ctx context.Context, env *cli.Env, op cli.DeleteOp) (*reconcile.Reconciler, *reconcile.Plan, error) {
	spec, err := env.Spec(op.Settings)
	if err == nil {
		err = desired.Of(spec).Require(desired.NeedDelete)
	}
	if err != nil {
		return nil, nil, err
	}
	connected, err := account.Connect(ctx, account.Options{Profile: op.Profile, Region: spec.Cluster.Region, Partition: spec.Components[0].Role.Partition, Report: reportTo(env)})
	if err != nil {
		return nil, nil, err
	}
	if spec.ControlPlanes.Discover && !op.Prune {
		if spec, _, err = discovered(ctx, env, cli.DriftFlags{Cluster: op.Cluster}, spec); err != nil {
			return nil, nil, output.Hint(fmt.Errorf("control planes cannot be discovered: %w", err), "if the cluster is gone, use --prune, which needs no discovery")
		}
	}
	r := &reconcile.Reconciler{Cloud: reconcile.CloudOf(connected), Prune: op.Prune, KeepRole: op.KeepRole, Progress: progress(env, "associations")}
	planned, err := r.PlanDelete(ctx, spec)
	if errors.Is(err, desired.ErrNoSubjects) {
		err = exit.Usage(err)
	}
	return r, planned, err
}
