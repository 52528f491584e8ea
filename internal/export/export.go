// Package export writes the desired state in the forms in which teams apply it:
// single documents as JSON or YAML, and everything that a config asks AWS for as
// Terraform, Crossplane resources or a script of aws commands. Every form says the
// same. The rules are those of package desired.
//
// Names and documents are data: each form encodes them in its own language, so that
// nothing from a config can become code there. The package does no I/O.
package export

import (
	"fmt"
	"slices"
	"strings"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/identity"
)

// form is a way to write everything that a config asks AWS for.
type form struct {
	name  string
	write func(roles []desired.Role) ([]byte, error)
}

// forms are all there are. A new one is a file and a row.
var forms = []form{
	{"terraform", writeTerraform},
	{"crossplane", writeCrossplane},
	{"aws-cli", writeScript},
}

// Forms returns the names of the forms.
func Forms() []string {
	names := make([]string, len(forms))
	for i, f := range forms {
		names[i] = f.name
	}
	return names
}

// Render writes the roles of the state, their policies, providers and associations in
// the form of that name, as one file. If components are named, it writes only the roles
// that they use. A form is applied with the credentials of one
// account, so roles of several accounts are an error. The other errors are those of
// [desired.State.Roles].
func Render(name string, s desired.State, components ...string) ([]byte, error) {
	i := slices.IndexFunc(forms, func(f form) bool { return f.name == name })
	if i < 0 {
		return nil, fmt.Errorf("unknown form %q: use %s", name, identity.OneOf(Forms()))
	}
	roles, err := s.Roles()
	if err != nil {
		return nil, err
	}
	if len(components) > 0 {
		roles = slices.DeleteFunc(roles, func(r desired.Role) bool {
			return !slices.ContainsFunc(r.Components, func(c desired.Component) bool { return slices.Contains(components, c.Name) })
		})
	}
	for _, r := range roles {
		if first := roles[0].ARN; r.ARN.Account != first.Account || r.ARN.Partition != first.Partition {
			return nil, fmt.Errorf("the roles %s and %s are in different accounts, and %s is applied in one: write a config for each account", first, r.ARN, name)
		}
	}
	return forms[i].write(roles)
}

// providersOf returns the OIDC providers of the roles, each once, in the order of the
// clusters.
func providersOf(roles []desired.Role) []desired.Provider {
	var all []desired.Provider
	for _, r := range roles {
		for _, p := range r.Providers {
			if !slices.Contains(all, p) {
				all = append(all, p)
			}
		}
	}
	return all
}

// byCluster divides associations into those of one component and one cluster each.
func byCluster(list []desired.Association) [][]desired.Association {
	var groups [][]desired.Association
	for _, a := range list {
		last := len(groups) - 1
		if last < 0 || groups[last][0].Component != a.Component || groups[last][0].Region != a.Region || groups[last][0].ClusterName != a.ClusterName {
			groups = append(groups, nil)
			last++
		}
		groups[last] = append(groups[last], a)
	}
	return groups
}

// title says in words what a form gives, for the comment on its top.
func title(roles []desired.Role) string {
	var components []string
	for _, r := range roles {
		for _, c := range r.Components {
			components = append(components, c.Name)
		}
	}
	return "The AWS identity of " + strings.Join(components, ", ") + ", written by spaces-identity."
}

// objectName returns the name of a Kubernetes object for something in AWS. If a
// character must be replaced, or the name is too long, a hash keeps it apart from
// others.
//
// Source: Kubernetes documentation, "Object Names and IDs".
func objectName(parts ...string) string {
	const longest = 253
	plain := "spaces-identity-" + strings.Join(parts, "-")
	name := strings.Trim(replaceOthers(strings.ToLower(plain), "-", '-'), "-")
	if name == plain && len(name) <= longest {
		return name
	}
	return strings.TrimRight(name[:min(len(name), longest-9)], "-") + "-" + desired.ShortHash(plain)
}

// replaceOthers replaces all characters but letters and digits of ASCII and the kept
// ones.
func replaceOthers(text, kept string, by rune) string {
	return strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune(kept, r) {
			return r
		}
		return by
	}, text)
}
