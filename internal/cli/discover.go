//go:build !offline

package cli

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/space"
)

func (a *app) discoverCommand() *cobra.Command {
	var flags clusterFlags
	var output string
	cmd := &cobra.Command{
		Use: "discover",
		Long: "discover asks the host cluster of a Space: its ControlPlane objects, the labels of its namespaces, and the\n" +
			"service accounts that are called like a component. Where nothing but the name of a service account tells of a\n" +
			"namespace that is not called mxp-<UUID>-system, it is uncertain, and no other command takes it for a control\n" +
			"plane's. The rights it needs are in examples/rbac.",
		Example: "  spaces-identity discover\n  spaces-identity discover --output json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if output != "table" && output != "json" {
				return usagef("--output is %q: it must be table or json", output)
			}
			spec, err := a.flags.Resolve(a.Env)
			if err != nil {
				return err
			}
			client, err := a.cluster(flags)
			if err != nil {
				return err
			}
			found, err := space.Discover(cmd.Context(), client, desired.Of(spec).ServiceAccounts())
			if err != nil {
				return err
			}
			return a.discovered(found, output)
		},
	}
	flags.register(cmd)
	cmd.Flags().StringVarP(&output, "output", "o", "table", "table or json")
	return cmd
}

// discovered prints what was found. A source that could not be asked makes the
// answer incomplete, unless the cluster just does not have it.
func (a *app) discovered(found space.Discovery, output string) error {
	show := a.discoveredTable
	if output == "json" {
		show = a.discoveredJSON
	}
	if err := show(found); err != nil {
		return err
	}
	incomplete := false
	for _, p := range found.Problems {
		a.say("warning: %v\n", p)
		incomplete = incomplete || !p.NotServed()
	}
	if incomplete {
		return incompleteError{"not every source of control planes could be asked, see the warnings"}
	}
	return nil
}

func (a *app) discoveredJSON(found space.Discovery) error {
	planes := found.ControlPlanes
	if planes == nil {
		planes = []space.ControlPlane{}
	}
	return a.json(planes)
}

func (a *app) discoveredTable(found space.Discovery) error {
	rows := []string{"HOST NAMESPACE\tCONTROL PLANE\tTOLD BY\tNOTE\n"}
	for _, p := range found.ControlPlanes {
		note := ""
		switch {
		case p.HostNamespace == "":
			note = "has no host namespace yet"
		case !p.Certain:
			note = "uncertain: only the name of a service account tells; list it under controlPlanes.namespaces if it is one"
		}
		rows = append(rows, fmt.Sprintf("%s\t%s\t%s\t%s\n", or(p.HostNamespace, "-"), or(strings.Trim(p.Namespace+"/"+p.Name, "/"), "-"), sources(p), note))
	}
	return a.table(rows)
}

// table prints rows with their cells, which tabs part, under each other.
func (a *app) table(rows []string) error {
	w := tabwriter.NewWriter(a.Out, 0, 0, 2, ' ', 0)
	if _, err := io.WriteString(w, strings.Join(rows, "")); err != nil {
		return err
	}
	return w.Flush()
}

func sources(p space.ControlPlane) string {
	all := make([]string, len(p.Sources))
	for i, s := range p.Sources {
		all[i] = string(s)
	}
	return strings.Join(all, ", ")
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
