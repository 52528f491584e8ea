//go:build !offline

package cli

import (
	"io"

	"github.com/spf13/cobra"

	"spaces-identity.dev/internal/reconcile"
)

func (a *app) planCommand() *cobra.Command {
	var f liveFlags
	var exitCode bool
	cmd := &cobra.Command{
		Use: "plan",
		Long: "plan reads the roles, their policies, the OIDC providers and the EKS Pod Identity associations that the config\n" +
			"speaks of, and shows what apply would create, change and remove: the trust policy statement by statement and\n" +
			"subject by subject. What the config no longer names is kept, and removed only with --prune.\n" +
			"With --exit-code the exit status is 3 where something differs.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(); err != nil {
				return err
			}
			_, plan, err := a.reconciler(cmd.Context(), f)
			if err != nil {
				return err
			}
			if err := a.writePlan(plan, f.output); err != nil {
				return err
			}
			if exitCode && plan.Differs() {
				return outcome(exitDiffers)
			}
			return nil
		},
	}
	f.register(cmd)
	cmd.Flags().BoolVar(&exitCode, "exit-code", false, "exit with 3 where something differs")
	return cmd
}

// writePlan prints a plan for a person or a program.
func (a *app) writePlan(p *reconcile.Plan, output string) error {
	if output == "json" {
		return a.json(p)
	}
	_, err := io.WriteString(a.Out, planText(p))
	return err
}
