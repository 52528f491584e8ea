package cli

import (
	"github.com/spf13/cobra"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/export"
)

func (a *app) valuesCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "values",
		Short: "Print the same settings as values for the Spaces chart",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			spec, err := a.flags.Resolve(a.Env)
			if err != nil {
				return err
			}
			text, err := export.Values(desired.Of(spec))
			if err != nil {
				return usageError{err}
			}
			_, err = a.Out.Write(text)
			return err
		},
	}
}
