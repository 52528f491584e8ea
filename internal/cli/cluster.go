//go:build !offline

package cli

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/space"
)

// clusterFlags say which cluster to speak to. Helm keeps flags of these names for
// itself and hands them on in the environment.
type clusterFlags struct {
	kubeconfig, context string
	timeout             time.Duration
}

func (f *clusterFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.kubeconfig, "kubeconfig", "", "the kubeconfig `FILE` (default KUBECONFIG, then ~/.kube/config)")
	cmd.Flags().StringVar(&f.context, "kube-context", "", "the kubeconfig's `CONTEXT` (default HELM_KUBECONTEXT, then the current one)")
	cmd.Flags().DurationVar(&f.timeout, "request-timeout", time.Minute, "how long the API server may take for one answer")
}

// cluster connects to the cluster of the flags or of the environment.
func (a *app) cluster(f clusterFlags) (*space.Client, error) {
	client, err := space.Connect(space.Target{Kubeconfig: f.kubeconfig, Context: f.context, Timeout: f.timeout, Env: a.Env})
	if err != nil {
		return nil, fmt.Errorf("%w\nhint: check KUBECONFIG, or name another with --kubeconfig or another context with --kube-context", err)
	}
	return client, nil
}

// hostNamespaces are the host namespaces of the control planes that there
// certainly are. A source that could not be asked is an error and not a part of
// the answer: what is missing from it could be pruned.
func (a *app) hostNamespaces(ctx context.Context, f clusterFlags, serviceAccounts []string) ([]space.ControlPlane, error) {
	client, err := a.cluster(f)
	if err != nil {
		return nil, err
	}
	found, err := space.Discover(ctx, client, serviceAccounts)
	if err != nil {
		return nil, err
	}
	for _, problem := range found.Problems {
		if !problem.NotServed() {
			return nil, problem
		}
	}
	return found.Certain(), nil
}

// foreignAnnotations warns of service accounts in the control planes whose role
// annotation names another role: what apply grants does not reach them, unless an
// association overrides it.
func (a *app) foreignAnnotations(ctx context.Context, f clusterFlags, spec identity.Spec) ([]string, error) {
	client, err := a.cluster(f)
	if err != nil {
		return nil, err
	}
	var warnings []string
	for _, c := range spec.Components {
		query := space.Query{Fields: "metadata.name=" + c.ServiceAccount}
		err := space.List(ctx, client, space.ServiceAccounts, query, func(o space.Object) {
			role := o.Meta.Annotations[identity.RoleAnnotation]
			if role == "" || role == c.Role.String() || !slices.Contains(spec.ControlPlanes.Namespaces, o.Meta.Namespace) {
				return
			}
			what := "its pods do not get " + c.Role.String()
			if c.Mode.UsesPodIdentity() {
				what = "the association overrides it, silently"
			}
			warnings = append(warnings, fmt.Sprintf("the service account %s/%s is annotated with another role, %s: %s", o.Meta.Namespace, c.ServiceAccount, role, what))
		})
		if err != nil {
			return nil, err
		}
	}
	return warnings, nil
}

// incompleteError says that what was asked could be answered only in part. What
// is missing stands in the output.
type incompleteError struct{ what string }

func (e incompleteError) Error() string { return e.what }

// differsError says that something differs from what the config says.
type differsError struct{ what string }

func (e differsError) Error() string { return e.what }

// ExitStatus is that of a difference.
func (differsError) ExitStatus() int { return exitDiffers }
