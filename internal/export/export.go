// Package export writes the desired state in the forms in which teams apply it. It writes
// single documents as JSON or YAML. It writes everything for AWS as Terraform, Crossplane
// resources or a script of aws commands. All forms have the same content. Package desired
// has the rules.
//
// Each form encodes names and documents as data of its own language, so that no value of
// a config can become code. The package does no I/O.
package export

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/identity"
)

// Form is a way to write the roles, policies, providers and associations of a config.
type Form struct {
	Name  string
	Write func(roles []desired.Role) ([]byte, error) // nil if another package has the writer
}

// Terraform is the name of the form that package terraform writes.
const Terraform = "terraform"

// forms are all forms. Only the live program has the writer of Terraform, because it
// links a library that is slow to initialise.
var forms = []Form{
	{Terraform, nil},
	{"crossplane", writeCrossplane},
	{"aws-cli", writeScript},
}

// Forms returns the names of all forms.
func Forms() []string {
	names := make([]string, len(forms))
	for i, f := range forms {
		names[i] = f.Name
	}
	return names
}

// Find returns the form of that name.
func Find(name string) (Form, error) {
	i := slices.IndexFunc(forms, func(f Form) bool { return f.Name == name })
	if i < 0 {
		return Form{}, identity.WithHint(identity.DidYouMean(name, Forms()), "unknown form %q: use %s", name, identity.OneOf(Forms()))
	}
	return forms[i], nil
}

// Render writes the roles of the state with their policies, providers and associations
// in one form, as one file. If components are named, it writes only the roles that they
// use. A form is applied with the credentials of one account, so roles of several accounts
// are an error. The other errors are those of [desired.State.Roles].
func Render(form Form, s desired.State, components ...string) ([]byte, error) {
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
			return nil, fmt.Errorf("the roles %s and %s are in different accounts, and %s can only be applied in one: write a config for each account", first, r.ARN, form.Name)
		}
	}
	return form.Write(roles)
}

// ProviderTags returns the tags of the config for OIDC providers. They lack this program's
// tag, because the provider of a cluster may exist already, and then others depend on it.
func ProviderTags(roles []desired.Role) map[string]string {
	tags := maps.Clone(roles[0].Tags)
	delete(tags, desired.ManagedByTag)
	return tags
}

// ByCluster groups the associations of one service account in one cluster. The groups are
// in the order of their first associations.
func ByCluster(list []desired.Association) [][]desired.Association {
	var groups [][]desired.Association
	for _, a := range list {
		i := slices.IndexFunc(groups, func(g []desired.Association) bool {
			return g[0].Component == a.Component && g[0].ServiceAccount == a.ServiceAccount && g[0].Region == a.Region && g[0].ClusterName == a.ClusterName
		})
		if i < 0 {
			i = len(groups)
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], a)
	}
	return groups
}

// AccountOf returns what tells the associations of a component's service accounts apart in
// a name: the service account, if the component has several, or nothing.
func AccountOf(r desired.Role, a desired.Association) []string {
	for _, c := range r.Components {
		if c.Name == a.Component && len(c.Accounts) > 1 {
			return []string{a.ServiceAccount}
		}
	}
	return nil
}

// Title returns the comment at the top of a file: which components it is for.
func Title(roles []desired.Role) string {
	var components []string
	for _, r := range roles {
		for _, c := range r.Components {
			components = append(components, c.Name)
		}
	}
	return "The AWS identity of " + strings.Join(components, ", ") + ", written by spaces-identity."
}

// objectName returns the name of a Kubernetes object, made of names in AWS. A dot
// separates them, because they may contain dashes. If it must replace a character or
// shorten the name, it adds a hash, so that different names stay different.
//
// Source: Kubernetes documentation, "Object Names and IDs".
func objectName(parts ...string) string {
	const longest = 253
	plain := "spaces-identity-" + strings.Join(parts, ".")
	labels := make([]string, len(parts))
	for i, part := range parts {
		labels[i] = strings.Trim(ReplaceCharacters(strings.ToLower(part), "-", '-'), "-")
	}
	name := "spaces-identity-" + strings.Join(labels, ".")
	if name == plain && len(name) <= longest {
		return name
	}
	return strings.TrimRight(name[:min(len(name), longest-9)], "-.") + "-" + desired.ShortHash(plain)
}

// ReplaceCharacters replaces every character except ASCII letters, digits and those in
// kept.
func ReplaceCharacters(text, kept string, by rune) string {
	return strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune(kept, r) {
			return r
		}
		return by
	}, text)
}
