package live

import (
	"context"
	"errors"
	"fmt"
	"time"

	"spaces-identity.dev/internal/cli"
	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/exit"
	"spaces-identity.dev/internal/output"
	views "spaces-identity.dev/internal/output/live"
	"spaces-identity.dev/internal/space"
	"spaces-identity.dev/internal/verify"
)

// verifyInterval is the pause between two looks of verify --wait.
const verifyInterval = 5 * time.Second

func verifyPlanes(ctx context.Context, env *cli.Env, op cli.VerifyOp) error {
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
	var account verify.AWS
	if !op.ClusterOnly {
		if account, err = accountFor(ctx, env, state, op.Profile); err != nil {
			return err
		}
	}
	result, err := verifyUntil(ctx, env, client, account, state, op.Wait)
	if err != nil {
		return err
	}
	if err := env.Print(op.Output, views.VerifyView{Result: result}); err != nil {
		return err
	}
	return verdict(result)
}

// verifyUntil looks until nothing fails or the time is over.
func verifyUntil(ctx context.Context, env *cli.Env, client *space.Client, account verify.AWS, state desired.State, wait time.Duration) (verify.Result, error) {
	deadline := time.Now().Add(wait)
	for {
		if env.Terminal(env.Err) {
			env.Say("reading the cluster…\n")
		}
		result, err := verify.Verify(ctx, client, account, state)
		if err != nil || !result.Failed() || time.Now().Add(verifyInterval).After(deadline) {
			return result, err
		}
		select {
		case <-time.After(verifyInterval):
		case <-ctx.Done():
			return result, context.Cause(ctx)
		}
	}
}

// verdict returns an error if something differs or could not be read.
func verdict(result verify.Result) error {
	switch {
	case result.Failed():
		return exit.With(exit.Differs, errors.New("something differs from what the config says"))
	case len(result.Rows) == 0:
		return output.Hint(errors.New("no control plane was found"),
			"`spaces-identity discover` shows those of the cluster; list their namespaces under controlPlanes, or widen match")
	case len(result.Problems) > 0:
		return exit.With(exit.Differs, fmt.Errorf("nothing that could be checked differs, but %d reads failed; the output says which", len(result.Problems)))
	case !result.Complete():
		return exit.With(exit.Differs, errors.New("nothing that could be checked differs, but not everything could be checked; the output says what"))
	}
	return nil
}
