package live

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"spaces-identity.dev/internal/account"
	"spaces-identity.dev/internal/cli"
	"spaces-identity.dev/internal/config"
	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/exit"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/output"
	views "spaces-identity.dev/internal/output/live"
	"spaces-identity.dev/internal/reconcile"
	"spaces-identity.dev/internal/space"
	"spaces-identity.dev/internal/verify"
)

func plan(ctx context.Context, env *cli.Env, op cli.PlanOp) error {
	_, drift, err := reconciler(ctx, env, op.Settings, op.Drift)
	if err != nil {
		return err
	}
	if err := env.Print(op.Drift.Output, views.PlanView{Plan: drift, All: op.Drift.All}); err != nil {
		return err
	}
	if op.ExitCode && drift.Differs() {
		return exit.Silent(exit.Differs)
	}
	return nil
}

func apply(ctx context.Context, env *cli.Env, op cli.ApplyOp) error {
	start := time.Now()
	r, drift, err := reconciler(ctx, env, op.Settings, op.Drift)
	if err != nil {
		return err
	}
	if drift.Changes() == 0 && op.Drift.Output == output.Table {
		for _, w := range drift.Warnings {
			env.Warn(views.WarningText(w))
		}
		if _, err := fmt.Fprint(env.Out, output.Wrap(views.PlanView{Plan: drift}.Summary())); err != nil {
			return err
		}
		return r.Apply(ctx, drift) // which may have to write down what it saw
	}
	if err := env.Print(op.Drift.Output, views.PlanView{Plan: drift, All: op.Drift.All}); err != nil {
		return err
	}
	if !op.Approve {
		if err := confirm(ctx, env, `Apply these changes? Type "yes" to continue: `); err != nil {
			return err
		}
	}
	if err := r.Apply(ctx, drift); err != nil {
		return err
	}
	env.Say("done: %s in %s\nnext: spaces-identity restart replaces pods without the identity,\n  and spaces-identity verify checks the chain\n", output.Count(drift.Changes(), "change"), time.Since(start).Round(time.Second))
	return nil
}

// reconciler connects to AWS and plans for the config.
func reconciler(ctx context.Context, env *cli.Env, settings config.Flags, f cli.DriftFlags) (*reconcile.Reconciler, *reconcile.Plan, error) {
	spec, err := env.Spec(settings)
	if err == nil {
		err = desired.Of(spec).Require(desired.NeedLive)
	}
	if err != nil {
		return nil, nil, err
	}
	connected, err := account.Connect(ctx, account.Options{Profile: f.Profile, Region: spec.Cluster.Region, Partition: spec.Components[0].Role.Partition, Report: reportTo(env)})
	if err != nil {
		return nil, nil, err
	}
	var foreign []string
	if all := desired.Of(spec); all.NeedsControlPlanes() && (spec.ControlPlanes.Discover || all.NeedsControlPlaneNames()) {
		if spec, foreign, err = discovered(ctx, env, f, spec); err != nil {
			return nil, nil, err
		}
	}
	r := &reconcile.Reconciler{Cloud: reconcile.CloudOf(connected), Adopt: f.Adopt, Prune: f.Prune, SkipUnchanged: f.SkipUnchanged,
		Progress: progress(env, "associations")}
	drift, err := r.Plan(ctx, spec)
	if errors.Is(err, desired.ErrNoSubjects) {
		err = exit.Usage(err)
	}
	if full, ok := errors.AsType[*reconcile.QuotaError](err); ok && full.Budget.Kept > 0 {
		err = output.Hint(err, fmt.Sprintf("run `spaces-identity apply --prune`, which frees %d characters: it removes the access that is kept beyond the config", full.Budget.Kept))
	}
	if err != nil {
		return nil, nil, err
	}
	for _, text := range foreign {
		drift.Warnings = append(drift.Warnings, reconcile.Warning{Text: text})
	}
	return r, drift, nil
}

// discovered adds what the cluster knows to the config: the names of the control planes and,
// with controlPlanes.discover, their host namespaces. It returns warnings of service accounts
// there that name another role, of control planes without a host namespace, and of names
// that differ from the config.
func discovered(ctx context.Context, env *cli.Env, f cli.DriftFlags, spec identity.Spec) (identity.Spec, []string, error) {
	client, err := connect(env, f.Cluster)
	if err != nil {
		return spec, nil, err
	}
	if err := sameCluster(ctx, client, spec.Cluster, func(string) {}); err != nil { // those who may not read the issuer go on
		return spec, nil, err
	}
	found, young, err := hostNamespaces(ctx, client, desired.Of(spec).ControlPlaneAccounts())
	if err != nil {
		return spec, nil, fmt.Errorf("discovering the control planes: %w", err)
	}
	warnings := otherNames(spec, found)
	spec = spec.WithControlPlaneNames(space.ObjectNames(found))
	if !spec.ControlPlanes.Discover {
		return spec, warnings, nil
	}
	if f.Prune && len(found) == 0 {
		return spec, nil, output.Hint(errors.New("no control plane was discovered, and --prune would remove all that have access"),
			"check the context of the kubeconfig with `spaces-identity discover`, or prune without discovery")
	}
	var names []string
	for _, plane := range found {
		names = append(names, plane.HostNamespace)
	}
	spec = spec.WithNamespaces(names)
	foreign, err := verify.ForeignAnnotations(ctx, client, desired.Of(spec))
	warnings = append(warnings, foreign...)
	for _, plane := range young {
		warnings = append(warnings, fmt.Sprintf("the control plane %s has no host namespace yet, so it gets nothing: run this again when it has one", plane))
	}
	return spec, warnings, err
}

// otherNames returns a warning for each host namespace of which the config names another
// control plane than the cluster, and for each one that several control planes name.
func otherNames(spec identity.Spec, found []space.ControlPlane) []string {
	if !slices.ContainsFunc(desired.Of(spec).Components, desired.Component.IsScoped) {
		return nil
	}
	var warnings []string
	names := space.ObjectNames(found)
	for _, plane := range found {
		host := plane.HostNamespace
		given, live := spec.ControlPlanes.Names[host], names[host]
		switch {
		case len(plane.Objects) > 1:
			warnings = append(warnings, fmt.Sprintf("several ControlPlane objects name the host namespace %s, so the cluster does not tell whose backups it may use", host))
		case !given.IsZero() && !live.IsZero() && given != live:
			warnings = append(warnings, fmt.Sprintf("the config says that %s is the host namespace of %s, but in the cluster it belongs to %s, whose backups it may use: correct the config", host, given, live))
		}
	}
	return warnings
}
