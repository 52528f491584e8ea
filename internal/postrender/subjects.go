package postrender

import (
	"fmt"
	"slices"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
)

// subjectsOf are the namespaces whose ServiceAccount may become the component's
// role. Where the config names none, the ServiceAccounts in the manifests do.
// Beside a config, one that it does not cover is a warning and no subject, and a
// ServiceAccount without a namespace never is one.
func subjectsOf(spec identity.Spec, c identity.Component, found []desired.ServiceAccount) (iam.Subjects, []string) {
	subjects := iam.SubjectsOf(spec)
	configured := len(subjects.Namespaces) > 0 || subjects.Match != ""
	var warnings []string
	for _, sa := range found {
		switch {
		case sa.Component != c.Name:
		case sa.Namespace == "":
			warnings = append(warnings, fmt.Sprintf("the ServiceAccount %s has no namespace in the manifests, so it is no subject of the trust policy; "+
				"if it is to have the role, list its namespace under controlPlanes.namespaces", c.ServiceAccount))
		case !configured:
			subjects.Namespaces = append(subjects.Namespaces, sa.Namespace)
		case c.Mode.UsesPodIdentity() && subjects.Admits(sa.Namespace):
			// The trust policy's pattern covers it; an association takes its name.
			subjects.Namespaces = append(subjects.Namespaces, sa.Namespace)
		case !subjects.Admits(sa.Namespace):
			warnings = append(warnings, fmt.Sprintf("the ServiceAccount %s/%s is annotated, but the config does not name its namespace, so the trust policy does not admit it; "+
				"list it under controlPlanes.namespaces if it should", sa.Namespace, c.ServiceAccount))
		}
	}
	slices.Sort(subjects.Namespaces)
	subjects.Namespaces = slices.Compact(subjects.Namespaces)
	return subjects, warnings
}
