// Package live runs the ops that need a cluster, AWS or the writer of Terraform. It
// is the only part of the command line that links their libraries.
package live

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"spaces-identity.dev/internal/account"
	"spaces-identity.dev/internal/cli"
	"spaces-identity.dev/internal/config"
	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/exit"
	"spaces-identity.dev/internal/export/terraform"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/interrupt"
	"spaces-identity.dev/internal/output"
	views "spaces-identity.dev/internal/output/live"
	"spaces-identity.dev/internal/space"
)

// Run runs an op that package cli declares. It adds flags to the hints of errors. If a
// signal has ended the run, the error of a request that it has ended says nothing more.
func Run(ctx context.Context, env *cli.Env, op cli.Op) error {
	err := run(ctx, env, op)
	if err != nil && ctx.Err() != nil {
		switch op.(type) {
		case cli.ApplyOp, cli.DeleteOp, cli.RestartOp:
			return output.Hint(context.Cause(ctx), "run it again to do what is left")
		}
		return context.Cause(ctx)
	}
	if _, ok := errors.AsType[*account.CredentialsError](err); ok {
		return output.Hint(err, "log in (aws sso login, aws configure), or name another profile with --profile")
	}
	if e, ok := errors.AsType[*space.Error](err); ok && (e.Fatal() || e.NotServed()) && e.Hint() != "" {
		return output.Hint(err, e.Hint()+"; --kubeconfig and --kube-context choose another cluster")
	}
	return err
}

func run(ctx context.Context, env *cli.Env, op cli.Op) error {
	switch op := op.(type) {
	case cli.DiscoverOp:
		return discover(ctx, env, op)
	case cli.InitOp:
		return initialise(ctx, env, op)
	case cli.PlanOp:
		return plan(ctx, env, op)
	case cli.ApplyOp:
		return apply(ctx, env, op)
	case cli.DeleteOp:
		return deletePlanned(ctx, env, op)
	case cli.VerifyOp:
		return verifyPlanes(ctx, env, op)
	case cli.RestartOp:
		return restartWorkloads(ctx, env, op)
	case cli.ExplainOp:
		return explainLive(ctx, env, op)
	case cli.DocumentOp:
		return printLive(ctx, env, op)
	case cli.FnOp:
		return runFunction(ctx, env, op)
	case cli.ExportOp:
		return op.Print(env, terraform.Form) // the form that package export cannot write
	}
	return fmt.Errorf("%T cannot be run", op)
}

// reportTo returns a function that prints a line while calls of AWS are retried.
func reportTo(env *cli.Env) func(text string) {
	return func(text string) { env.Say("%s\n", text) }
}

// connect connects to the cluster of the flags or of the environment.
func connect(env *cli.Env, f cli.ClusterFlags) (*space.Client, error) {
	client, err := space.Connect(space.Target{Kubeconfig: f.Kubeconfig, Context: f.Context, Timeout: f.Timeout, Env: env.Getenv})
	return client, output.Hint(err, "check KUBECONFIG, or name another with --kubeconfig or --kube-context")
}

// stateAndCluster derives the state, which must have what the edits of manifests need
// if needsRoles is set, and connects to the cluster.
func stateAndCluster(env *cli.Env, settings config.Flags, f cli.ClusterFlags, needsRoles bool) (desired.State, *space.Client, error) {
	state, err := env.State(settings)
	if err == nil && needsRoles {
		err = state.Require(desired.NeedManifests)
	}
	if err != nil {
		return state, nil, err
	}
	client, err := connect(env, f)
	return state, client, err
}

// discover prints the control planes. A source that cannot be read makes the
// answer incomplete, unless the cluster just does not serve it.
func discover(ctx context.Context, env *cli.Env, op cli.DiscoverOp) error {
	state, client, err := stateAndCluster(env, op.Settings, op.Cluster, false)
	if err != nil {
		return err
	}
	found, err := space.Discover(ctx, client, state.ControlPlaneAccounts())
	if err != nil {
		return err
	}
	copies, err := copiedAccounts(ctx, client, state)
	if err != nil {
		return err
	}
	if err := env.Print(op.Output, views.DiscoveryView{Discovery: found, Copies: copies}); err != nil {
		return err
	}
	if firstProblem(found) != nil {
		return errors.New("not every source of control planes could be read; the output says which")
	}
	return nil
}

// copiedAccounts returns the copies of the components' service accounts that vcluster has made
// on the host. It reads nothing if no component has a service account inside the control
// plane.
func copiedAccounts(ctx context.Context, client *space.Client, state desired.State) ([]views.Copy, error) {
	inside := slices.DeleteFunc(slices.Clone(state.Components), func(c desired.Component) bool { return c.Inside().IsZero() })
	if len(inside) == 0 {
		return nil, nil
	}
	var copies []views.Copy
	err := space.List(ctx, client, space.ServiceAccounts, space.Query{}, func(a space.ServiceAccount) {
		name, namespace, _ := a.SyncedFrom()
		for _, c := range inside {
			if name == c.Inside().ServiceAccount {
				copies = append(copies, views.Copy{Component: c.Name, HostNamespace: a.Meta.Namespace, ServiceAccount: a.Meta.Name, Namespace: namespace, Expected: c.HasAccount(a.Meta.Name)})
			}
		}
	})
	return copies, err
}

// firstProblem returns why a source could not be read that the cluster serves.
func firstProblem(found space.Discovery) error {
	for _, p := range found.Problems {
		if !p.NotServed() {
			return p
		}
	}
	return nil
}

// hostNamespaces returns the control planes that certainly exist and have a host
// namespace, and the young ones that have none yet. A source that cannot be read is an error, because what is missing
// from the answer could be pruned.
func hostNamespaces(ctx context.Context, client *space.Client, serviceAccounts []string) (found, young []space.ControlPlane, err error) {
	all, err := space.Discover(ctx, client, serviceAccounts)
	if err == nil {
		err = firstProblem(all)
	}
	if err != nil {
		return nil, nil, err
	}
	young = slices.DeleteFunc(slices.Clone(all.ControlPlanes), func(p space.ControlPlane) bool { return p.HostNamespace != "" })
	return all.Certain(), young, nil
}

// sameCluster returns an error if the cluster of the kubeconfig is certainly not the one of
// the config: its tokens have another issuer. If that cannot be read, it notes it.
func sameCluster(ctx context.Context, client *space.Client, c identity.Cluster, note func(string)) error {
	if c.OIDC.IsZero() {
		return nil
	}
	issuer, err := client.Issuer(ctx)
	if err != nil {
		note(fmt.Sprintf("nothing shows that the kubeconfig's context is the cluster %s: %v", c.Name, err))
		return nil
	}
	if live, err := identity.ParseOIDCProvider(issuer); err != nil || live.HostPath != c.OIDC.HostPath {
		return output.Hint(exit.Usagef("the kubeconfig's context is another cluster: its issuer is %s, and that of cluster %s is %s", issuer, c.Name, c.OIDC.HostPath),
			"name the context with --kube-context, or the EKS cluster with --cluster and --region")
	}
	return nil
}

// terminal asks the user.
type terminal struct {
	env   *cli.Env
	lines *bufio.Reader
}

func newTerminal(env *cli.Env) *terminal { return &terminal{env, bufio.NewReader(env.In)} }

// ask prints a question and reads a line.
func (t *terminal) ask(ctx context.Context, question string) (string, error) {
	t.env.Say("%s", question)
	line, err := interrupt.Await(ctx, func() (string, error) { return t.lines.ReadString('\n') })
	if line = strings.TrimSpace(line); err != nil && line == "" {
		return "", fmt.Errorf("no answer: %w", err)
	}
	return line, nil
}
