//go:build !offline

package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"spaces-identity.dev/internal/account"
	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/reconcile"
)

// liveFlags are those of the commands that look into AWS.
type liveFlags struct {
	cluster clusterFlags
	profile string
	output  string
	adopt   bool
	prune   bool
	readAll bool
}

func (f *liveFlags) register(cmd *cobra.Command) {
	f.cluster.register(cmd)
	set := cmd.Flags()
	set.StringVar(&f.profile, "profile", "", "the `NAME` of the AWS profile (default: what the AWS SDK finds)")
	set.StringVarP(&f.output, "output", "o", "text", "text or json")
	set.BoolVar(&f.adopt, "adopt", false, "take over statements, roles and associations that are as the config says already")
	set.BoolVar(&f.prune, "prune", false, "remove subjects and associations of control planes that the config does not name")
	set.BoolVar(&f.readAll, "read-all", false, "read every association, also those that are as this program last left them")
}

func (f *liveFlags) check() error {
	if f.output != "text" && f.output != "json" {
		return usagef("--output is %q: it must be text or json", f.output)
	}
	return nil
}

// reconciler connects to AWS and plans for the config.
func (a *app) reconciler(ctx context.Context, f liveFlags) (*reconcile.Reconciler, *reconcile.Plan, error) {
	spec, err := a.flags.Resolve(a.Env)
	if err != nil {
		return nil, nil, err
	}
	if err := requireLive(spec); err != nil {
		return nil, nil, err
	}
	account, err := account.Connect(ctx, account.Options{Profile: f.profile, Region: spec.Cluster.Region, Partition: spec.Components[0].Role.Partition})
	if err != nil {
		return nil, nil, err
	}
	spec, err = a.withDiscovered(ctx, f.cluster, spec, f.prune)
	if err != nil {
		return nil, nil, err
	}
	r := &reconcile.Reconciler{Cloud: reconcile.CloudOf(account), Adopt: f.adopt, Prune: f.prune, ReadAll: f.readAll,
		Clock: reconcile.WallClock{}, Progress: a.progress("associations")}
	plan, err := r.Plan(ctx, spec)
	if errors.Is(err, iam.ErrNoSubjects) {
		err = usageError{err}
	}
	if err != nil || !spec.ControlPlanes.Discover {
		return r, plan, err
	}
	foreign, err := a.foreignAnnotations(ctx, f.cluster, spec)
	plan.Warnings = append(plan.Warnings, foreign...)
	return r, plan, err
}

// requireLive asks for what the live side cannot do without. The issuer it finds
// by itself, where it knows the cluster.
func requireLive(spec identity.Spec) error {
	var problems []error
	for _, c := range spec.Components {
		needs := []identity.Need{identity.NeedRole}
		if c.Mode.UsesPodIdentity() {
			needs = append(needs, identity.NeedClusterName, identity.NeedRegion)
		}
		if c.Mode.UsesIRSA() && slices.ContainsFunc(spec.AllClusters(), unknownIssuer) {
			needs = append(needs, identity.NeedOIDCProvider)
		}
		problems = append(problems, spec.Require(c.Name, needs...))
	}
	return errors.Join(problems...)
}

func unknownIssuer(c identity.Cluster) bool {
	return c.OIDC.IsZero() && (c.Name == "" || c.Region == "")
}

// withDiscovered adds what the cluster shows to the namespaces of the config.
func (a *app) withDiscovered(ctx context.Context, cluster clusterFlags, spec identity.Spec, prune bool) (identity.Spec, error) {
	if !spec.ControlPlanes.Discover {
		return spec, nil
	}
	found, err := a.hostNamespaces(ctx, cluster, desired.Of(spec).ServiceAccounts())
	if err != nil {
		return spec, fmt.Errorf("discovering the control planes: %w", err)
	}
	if prune && len(found) == 0 {
		return spec, errors.New("no control plane was discovered, and --prune would remove all that have access: look at the kubeconfig's context (spaces-identity discover), or prune without discovery")
	}
	var names []string
	for _, plane := range found {
		names = append(names, plane.HostNamespace)
	}
	return spec.WithNamespaces(names), nil
}
