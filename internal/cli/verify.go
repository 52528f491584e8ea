//go:build !offline

package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/space"
	"spaces-identity.dev/internal/verify"
)

// verifyInterval is the pause between two looks of verify --wait.
const verifyInterval = 5 * time.Second

func (a *app) verifyCommand() *cobra.Command {
	var flags clusterFlags
	var output, profile string
	var skipAWS bool
	var wait time.Duration
	cmd := &cobra.Command{
		Use: "verify",
		Long: "verify reads the cluster and changes nothing. For each control plane of the config and each component it says\n" +
			"whether the service account is annotated, something runs as it, its pods have the labels, carry what the EKS\n" +
			"webhook injects and are ready, and how backups go. The first thing to do stands under each failure.\n\n" +
			"The exit status is 3 where something differs from what the config says, and 1 where nothing does as far as\n" +
			"could be seen, but something could not be read. The rights it needs are in examples/rbac.",
		Example: "  spaces-identity verify\n  spaces-identity verify --wait 5m --output junit > verify.xml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if output != "table" && output != "json" && output != "junit" {
				return usagef("--output is %q: it must be table, json or junit", output)
			}
			spec, err := a.flags.Resolve(a.Env)
			if err != nil {
				return err
			}
			if err := spec.RequireRoles(); err != nil {
				return err
			}
			client, err := a.cluster(flags)
			if err != nil {
				return err
			}
			var account verify.AWS
			if !skipAWS {
				if account, err = a.accountFor(cmd.Context(), spec, profile); err != nil {
					return err
				}
			}
			result, err := a.verify(cmd.Context(), client, account, spec, wait)
			if err != nil {
				return err
			}
			return a.verified(result, output)
		},
	}
	flags.register(cmd)
	cmd.Flags().StringVarP(&output, "output", "o", "table", "table, json or junit")
	cmd.Flags().StringVar(&profile, "profile", "", "the `NAME` of the AWS profile (default: what the AWS SDK finds)")
	cmd.Flags().BoolVar(&skipAWS, "skip-aws", false, "check the cluster's half only; without credentials that is what is checked")
	cmd.Flags().DurationVar(&wait, "wait", 0, "look again for so long, until nothing fails, such as 5m")
	return cmd
}

// verify looks until nothing fails or the time is over.
func (a *app) verify(ctx context.Context, client *space.Client, account verify.AWS, spec identity.Spec, wait time.Duration) (verify.Result, error) {
	deadline := time.Now().Add(wait)
	for {
		if a.Terminal(a.Err) {
			a.say("reading the cluster…\n")
		}
		result, err := verify.Verify(ctx, client, account, spec)
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

func (a *app) verified(result verify.Result, output string) error {
	var err error
	switch output {
	case "json":
		err = a.json(result)
	case "junit":
		err = result.JUnit(a.Out)
	default:
		err = result.Table(a.Out, a.Terminal(a.Out) && a.Env("NO_COLOR") == "")
	}
	switch {
	case err != nil:
		return err
	case result.Failed():
		return differsError{"something differs from what the config says"}
	case len(result.Rows) == 0:
		return errors.New("no control plane was found: `spaces-identity discover` shows what there is; list namespaces under controlPlanes, or widen match")
	case !result.Complete():
		return incompleteError{fmt.Sprintf("nothing that could be checked differs, but %s", missing(result))}
	}
	return nil
}

func missing(result verify.Result) string {
	if n := len(result.Problems); n > 0 {
		return fmt.Sprintf("%d reads failed; the output says which", n)
	}
	return "not everything could be checked; the output says what"
}
