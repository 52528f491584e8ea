package live

import (
	"context"
	"errors"
	"fmt"
	"time"

	"spaces-identity.dev/internal/account"
	"spaces-identity.dev/internal/cli"
	"spaces-identity.dev/internal/exit"
	"spaces-identity.dev/internal/output"
	views "spaces-identity.dev/internal/output/live"
	"spaces-identity.dev/internal/restart"
	"spaces-identity.dev/internal/verify"
)

// verifyInterval is the pause between two looks of verify --wait.
const verifyInterval = 5 * time.Second

// verifyPlanes looks until nothing fails or the time is over, and prints what it found.
func verifyPlanes(ctx context.Context, env *cli.Env, op cli.VerifyOp) error {
	state, client, err := stateAndCluster(env, op.Settings, op.Cluster, true)
	if err != nil {
		return err
	}
	aws, err := accountFor(ctx, env, op, state.Clusters[0].Region)
	if err != nil {
		return err
	}
	var result verify.Result
	for deadline := time.Now().Add(op.Wait); ; {
		if env.Terminal(env.Err) {
			env.Say("reading the cluster…\n")
		}
		result, err = verify.Verify(ctx, client, aws, state)
		if err != nil {
			return err
		}
		if !result.Failed() || time.Now().Add(verifyInterval).After(deadline) {
			break
		}
		select {
		case <-time.After(verifyInterval):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	if err := env.Print(op.Output, views.VerifyView{Result: result}); err != nil {
		return err
	}
	return verdict(result)
}

// accountFor connects to the AWS account. Without credentials the account's half is
// not checked; a profile that was named must work.
func accountFor(ctx context.Context, env *cli.Env, op cli.VerifyOp, region string) (verify.AWS, error) {
	if op.ClusterOnly {
		return nil, nil
	}
	connected, err := account.Connect(ctx, account.Options{Profile: op.Profile, Region: region})
	switch {
	case err != nil && (op.Profile != "" || ctx.Err() != nil):
		return nil, err
	case err != nil:
		env.Note(fmt.Sprintf("the AWS half is not checked; to check it, log in or use --profile: %v", err))
		return nil, nil
	}
	return verify.OfAccount(connected), nil
}

// verdict returns an error if something differs or could not be read.
func verdict(result verify.Result) error {
	switch {
	case result.Failed():
		return exit.With(exit.Differs, errors.New("something differs from what the config says"))
	case len(result.Problems) > 0:
		return exit.With(exit.Differs, fmt.Errorf("nothing that could be checked differs, but %d reads failed; the output says which", len(result.Problems)))
	case len(result.Rows) == 0:
		return output.Hint(errors.New("no control plane was found"),
			"`spaces-identity discover` shows those of the cluster; list their namespaces under controlPlanes, or widen match")
	case !result.Complete():
		return exit.With(exit.Differs, errors.New("nothing that could be checked differs, but not everything could be checked; the output says what"))
	}
	return nil
}

func restartWorkloads(ctx context.Context, env *cli.Env, op cli.RestartOp) error {
	state, client, err := stateAndCluster(env, op.Settings, op.Cluster, true)
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
	count := map[restart.Outcome]int{}
	for _, s := range steps {
		count[s.Outcome]++
	}
	failed, left := count[restart.Failed], count[restart.Left]
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case failed > 0:
		return fmt.Errorf("%d of %d workloads failed; the output says why", failed, len(steps))
	case left > 0:
		return exit.With(exit.Differs, fmt.Errorf("%d of %d workloads were left without their identity; the output says why", left, len(steps)))
	}
	return nil
}
