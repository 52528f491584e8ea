package live

import (
	"context"
	"fmt"

	"spaces-identity.dev/internal/account"
	"spaces-identity.dev/internal/cli"
	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/exit"
	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/output"
	"spaces-identity.dev/internal/reconcile"
)

// explainLive evaluates the trust policy that the role has in AWS.
func explainLive(ctx context.Context, env *cli.Env, op cli.ExplainOp) error {
	state, c, err := op.Subject(env)
	if err != nil {
		return err
	}
	doc, err := liveTrust(ctx, env, op.Profile, state, c)
	if err != nil {
		return err
	}
	return op.Judge(env, state, c, doc, "the trust policy of "+c.Role.String()+" in AWS")
}

// printLive prints the trust policy that the role has in AWS.
func printLive(ctx context.Context, env *cli.Env, op cli.DocumentOp) error {
	state, err := env.State(op.Settings)
	if err != nil {
		return err
	}
	c, err := env.Component(state, op.Settings)
	if err != nil {
		return err
	}
	doc, err := liveTrust(ctx, env, op.Profile, state, c)
	if err != nil {
		return err
	}
	return env.Document(op.Output, doc.JSON())
}

// liveTrust reads the trust policy of a component's role.
func liveTrust(ctx context.Context, env *cli.Env, profile string, state desired.State, c desired.Component) (iam.Document, error) {
	if err := state.RequireOf(c.Name, desired.NeedManifests); err != nil {
		return iam.Document{}, exit.Usage(err)
	}
	connected, err := account.Connect(ctx, account.Options{Profile: profile, Region: state.Clusters[0].Region, Partition: c.Role.Partition, Report: reportTo(env)})
	if err != nil {
		return iam.Document{}, err
	}
	if err := reconcile.CheckAccount(c.Role, connected.Caller); err != nil {
		return iam.Document{}, err
	}
	role, exists, err := connected.Role(ctx, c.Role)
	if err != nil {
		return iam.Document{}, err
	}
	if !exists {
		return iam.Document{}, output.Hint(fmt.Errorf("the role %s does not exist", c.Role), "run `spaces-identity apply`, which creates it")
	}
	return iam.Parse([]byte(role.TrustPolicy))
}
