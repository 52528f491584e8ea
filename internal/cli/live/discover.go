package live

import (
	"context"
	"errors"

	"spaces-identity.dev/internal/cli"
	views "spaces-identity.dev/internal/output/live"
	"spaces-identity.dev/internal/space"
)

// discover prints the control planes. A source that cannot be read makes the
// answer incomplete, unless the cluster just does not serve it.
func discover(ctx context.Context, env *cli.Env, op cli.DiscoverOp) error {
	state, err := env.State(op.Settings)
	if err != nil {
		return err
	}
	client, err := connect(env, op.Cluster)
	if err != nil {
		return err
	}
	found, err := space.Discover(ctx, client, state.ServiceAccounts())
	if err != nil {
		return err
	}
	if err := env.Print(op.Output, views.DiscoveryView{Discovery: found}); err != nil {
		return err
	}
	incomplete := false
	for _, p := range found.Problems {
		incomplete = incomplete || !p.NotServed()
	}
	if incomplete {
		return errors.New("not every source of control planes could be read; the output says which")
	}
	return nil
}
