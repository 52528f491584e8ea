package live

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"spaces-identity.dev/internal/account"
	"spaces-identity.dev/internal/cli"
	"spaces-identity.dev/internal/exit"
	"spaces-identity.dev/internal/output"
	views "spaces-identity.dev/internal/output/live"
	"spaces-identity.dev/internal/restart"
	"spaces-identity.dev/internal/space"
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
	access, err := accountFor(ctx, env, op, state.Clusters[0].Region)
	if err != nil {
		return err
	}
	releases, err := releasesOf(env, op, client)
	if err != nil {
		return err
	}
	exchanger, err := exchangerFor(ctx, op, client, state.Clusters[0].Region)
	if err != nil {
		return err
	}
	var result verify.Result
	for deadline := time.Now().Add(op.Wait); ; {
		if env.Terminal(env.Err) {
			env.Say("reading the cluster…\n")
		}
		result, err = verify.Verify(ctx, client, access, exchanger, state, releases...)
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
	if err := env.Print(op.Output, views.VerifyView{Result: result, When: time.Now()}); err != nil {
		return err
	}
	if op.Output == output.HTML && env.Terminal(env.Out) {
		env.Note("this page is for a browser: `spaces-identity verify --output html > report.html`")
	}
	return verdict(result)
}

// accountFor connects to the AWS account. Without credentials the checks of the account
// are unknown; a profile that was named must work.
func accountFor(ctx context.Context, env *cli.Env, op cli.VerifyOp, region string) (verify.Access, error) {
	if op.ClusterOnly {
		return verify.Access{LeftOut: "--cluster-only leaves the AWS account out"}, nil
	}
	connected, err := account.Connect(ctx, account.Options{Profile: op.Profile, Region: region, Report: reportTo(env)})
	switch {
	case err != nil && (op.Profile != "" || ctx.Err() != nil):
		return verify.Access{}, err
	case err != nil:
		return verify.Access{Err: err}, nil
	}
	return verify.Access{AWS: verify.OfAccount(connected)}, nil
}

// exchangerFor returns what exchanges tokens, or nil if the user did not ask for that.
func exchangerFor(ctx context.Context, op cli.VerifyOp, client *space.Client, region string) (*verify.Exchanger, error) {
	if op.Prove == cli.ProveNothing {
		return nil, nil
	}
	prover, err := account.NewProver(ctx, account.Options{Profile: op.Profile, Region: region})
	return &verify.Exchanger{Tokens: client, AWS: prover, Write: op.Prove == cli.ProveWrite}, err
}

// releasesOf returns the release that the user has named, if there is one. Helm passes its own
// --namespace to plugins as HELM_NAMESPACE.
func releasesOf(env *cli.Env, op cli.VerifyOp, client *space.Client) ([]verify.ReleaseName, error) {
	if op.Release == "" {
		return nil, nil
	}
	store, err := space.ReleaseStore(env.Getenv("HELM_DRIVER"))
	if err != nil {
		return nil, exit.Usage(err)
	}
	namespace, name, both := strings.Cut(op.Release, "/")
	if !both {
		namespace, name = cmp.Or(env.Getenv("HELM_NAMESPACE"), client.Namespace()), op.Release
	}
	return []verify.ReleaseName{{Namespace: namespace, Name: name, Store: store}}, nil
}

// verdict returns an error if something differs or could not be read.
func verdict(result verify.Result) error {
	switch {
	case result.Failed():
		return exit.With(exit.Differs, errors.New("something differs from what the config says"))
	case len(result.Problems) > 0:
		return exit.With(exit.Differs, fmt.Errorf("nothing that could be checked differs, but %d reads failed; the output says which", len(result.Problems)))
	case !result.Checked() && len(result.Rows) > 0:
		return errNotCovered
	case !result.Checked():
		return errNoControlPlane
	case !result.Complete():
		return exit.With(exit.Differs, errors.New("nothing that could be checked differs, but not everything could be checked; the output says what"))
	}
	return nil
}

var errNoControlPlane = output.Hint(errors.New("no control plane was found"),
	"check that the kubeconfig's context is the host cluster of the Space; `spaces-identity discover` shows its control planes; list their namespaces under controlPlanes, or widen match")

var errNotCovered = output.Hint(errors.New("no control plane was found that the config covers"),
	"check that the kubeconfig's context is the host cluster of the Space of the config; if it is, list the host namespaces under controlPlanes.namespaces, widen controlPlanes.match, or set controlPlanes.discover: true")

func restartWorkloads(ctx context.Context, env *cli.Env, op cli.RestartOp) error {
	state, client, err := stateAndCluster(env, op.Settings, op.Cluster, true)
	if err != nil {
		return err
	}
	result, err := restart.Run(ctx, client, state, restart.Options{
		MaxUnavailable: op.MaxUnavailable, DryRun: op.DryRun, Exclude: op.Exclude, Timeout: op.Timeout, Interval: 2 * time.Second,
		Progress: func(message string) { env.Say("%s\n", message) },
	})
	if e, ok := errors.AsType[restart.ExcludeError](err); ok {
		return fmt.Errorf("--exclude %s: %w", e.Value, err)
	}
	if err != nil {
		return err
	}
	if err := env.Print(op.Output, views.RestartView{Result: result}); err != nil {
		return err
	}
	failed, left, unknown := result.Count(restart.Failed), result.Count(restart.Left), result.Count(restart.Unknown)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case failed > 0:
		return fmt.Errorf("%d of %s failed; the output says why", failed, output.Count(len(result.Steps), "workload"))
	case left > 0:
		return exit.With(exit.Differs, fmt.Errorf("left %d of %s without the identity; the output says why", left, output.Count(len(result.Steps), "workload")))
	case unknown+len(result.Problems) > 0:
		return exit.With(exit.Differs, errors.New("not every pod could be checked; the output says what could not be read"))
	case result.ControlPlanes+len(result.Deleting) == 0 && len(result.OutOfScope) > 0 && state.NeedsControlPlanes():
		return errNotCovered
	case result.ControlPlanes+len(result.Deleting) == 0 && state.NeedsControlPlanes():
		return errNoControlPlane
	case result.ControlPlanes == 0 && state.NeedsControlPlanes():
		return nil
	case result.Pods == 0 && len(result.Steps) == 0:
		return output.Hint(errors.New("no pod of the config's components was found"),
			"check that the kubeconfig's context is the host cluster of the Space; `spaces-identity verify` says what is missing")
	}
	return nil
}
