package desired

import (
	"slices"

	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
)

// Named returns all statements with which the program may have admitted the subjects of the
// config to a role: by each mechanism, whatever the mode is now, and without the limits that
// a setting adds. It lists every exact namespace, even if the pattern covers it. It omits
// what it cannot say because an issuer or a cluster's name is missing.
func (s State) Named(role identity.RoleARN) iam.Document {
	doc := iam.Document{Version: iam.PolicyVersion}
	named := s
	named.Clusters = slices.DeleteFunc(slices.Clone(s.Clusters), func(c identity.Cluster) bool { return c.Name == "" || c.Region == "" })
	for _, c := range s.withRole(role) {
		add := func(statement iam.Statement, key string, values func(string) []string) {
			for _, subjects := range []Subjects{{Namespaces: slices.Clone(c.Subjects.Namespaces)}, {Match: c.Subjects.Match}} {
				doc.Statement = append(doc.Statement, limitTo(subjects, "Named", "", statement, key, values)...)
			}
		}
		for _, cluster := range s.Clusters {
			if !cluster.OIDC.IsZero() {
				add(irsaStatement(c, cluster), cluster.OIDC.HostPath+":sub", c.TokenSubjects)
			}
		}
		if len(named.Clusters) == 0 {
			continue
		}
		if c.PodIdentity.DisableSessionTags {
			doc.Statement = append(doc.Statement, named.tagless(c))
		}
		c.PodIdentity = identity.PodIdentitySettings{}
		add(named.podIdentityStatement(c), NamespaceTag, func(ns string) []string { return []string{ns} })
	}
	return doc
}

// AllProviders returns the OIDC providers of the clusters of the config, whatever the mode
// is, in the account of a role.
func (s State) AllProviders(role identity.RoleARN) []Provider {
	known := s
	known.Clusters = slices.DeleteFunc(slices.Clone(s.Clusters), func(c identity.Cluster) bool { return c.OIDC.IsZero() })
	return known.Providers(Component{Component: identity.Component{Role: role, Mode: identity.IRSA}})
}
