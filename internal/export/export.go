// Package export writes the desired state in the forms in which teams apply it. It writes
// single documents as JSON or YAML. It writes everything for AWS as Terraform,
// CloudFormation, resources of Crossplane or ACK, or a script of aws commands. All forms have
// the same content. Package desired has the rules.
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
	File  string                        // the name of its file in a directory
	Write func(g Grant) ([]byte, error) // nil if another package has the writer
}

// Grant is what a form writes.
type Grant struct {
	Roles    []desired.Role
	Region   string // of the first cluster of the config; may be empty if no role has associations
	Existing Existing
}

// Existing says what exists in AWS and has another owner. A form refers to it and does not
// change it. So the trust policy of an existing role is not part of the form.
type Existing struct{ Providers, Roles bool }

// The names of forms that have rules of their own.
const (
	Terraform = "terraform" // package terraform writes it
	Script    = "aws-cli"
)

// forms are all forms. Only the live program has the writer of Terraform, because it
// links a library that is slow to initialise.
var forms = []Form{
	{Terraform, "spaces-identity.tf", nil},
	{"cloudformation", "spaces-identity.cloudformation.yaml", writeCloudFormation},
	{"crossplane", "spaces-identity.crossplane.yaml", writeCrossplane},
	{"ack", "spaces-identity.ack.yaml", writeACK},
	{Script, "spaces-identity.sh", func(g Grant) ([]byte, error) { return writeScript(g.Roles) }},
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

// Options are what the user of a form chooses.
type Options struct {
	Existing   Existing
	Components []string // whose roles are written; all if there are none
}

// Render writes the roles of the state with their policies, providers and associations
// in one form, as one file. If components are named, it writes only the roles that they
// use. A form is applied with the credentials of one account, so roles of several accounts
// are an error. The other errors are those of [desired.State.Roles], and what the form
// cannot say.
func Render(form Form, s desired.State, o Options) ([]byte, error) {
	if form.Name == Script && o.Existing != (Existing{}) {
		return nil, identity.WithHint("remove the flag", "the form %s needs no flag for what exists: the script creates only what is missing", Script)
	}
	roles, err := s.Roles()
	if err != nil {
		return nil, err
	}
	if len(o.Components) > 0 {
		roles = slices.DeleteFunc(roles, func(r desired.Role) bool {
			return !slices.ContainsFunc(r.Components, func(c desired.Component) bool { return slices.Contains(o.Components, c.Name) })
		})
	}
	for _, r := range roles {
		if first := roles[0].ARN; r.ARN.Account != first.Account || r.ARN.Partition != first.Partition {
			return nil, fmt.Errorf("the roles %s and %s are in different accounts, and %s can only be applied in one: write a config for each account", first, r.ARN, form.Name)
		}
	}
	return form.Write(Grant{roles, s.Clusters[0].Region, o.Existing})
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

// associationParts returns what the name of an association is made of.
func associationParts(r desired.Role, a desired.Association) []string {
	return append([]string{a.Component, a.Region, a.ClusterName, a.Namespace}, AccountOf(r, a)...)
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

// Header returns the comments at the top of a file that another tool applies: which
// components it is for, and who owns the trust policies.
func (g Grant) Header() []string {
	lines := []string{Title(g.Roles)}
	if g.Existing.Roles {
		return append(lines, "Each role exists already, and its owner keeps its trust policy, tags and limits.",
			"Add the statements of `spaces-identity policy trust` to the trust policy, or run `spaces-identity apply`.")
	}
	return append(lines, "This document owns the whole trust policy of each role: its tool removes all other statements.",
		"Do not use it together with `spaces-identity apply` or another document for the same role.")
}

// comments returns lines as comments of YAML.
func comments(lines []string) []byte {
	return []byte("# " + strings.Join(lines, "\n# ") + "\n")
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

type tag struct{ Key, Value string }

// sortedTags returns tags sorted by key, in the type of a form.
func sortedTags[T tag | ackTag | cfnTag](tags map[string]string) (all []T) {
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		all = append(all, T(tag{key, tags[key]}))
	}
	return all
}
