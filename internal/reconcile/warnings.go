package reconcile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

func (p *Plan) warn(fix Fix, format string, args ...any) {
	p.Warnings = append(p.Warnings, Warning{fmt.Sprintf(format, args...), fix})
}

// warnings adds the warnings about the whole plan.
func (p *Plan) warnings() {
	for _, r := range p.Roles {
		if w := r.Trust.Budget.Warning(); w != "" {
			p.warn("", "role %s: %s", r.ARN, w)
		}
		if r.Action == Foreign {
			p.warn(FixAdopt, "role %s was created by somebody else: `apply` changes only statements and policies with this program's names", r.ARN)
		}
		p.warnOfSettings(r)
		p.warnOfSubjects(r)
		for _, s := range r.Trust.Statements {
			p.warnOfStatement(r.ARN, s)
		}
		for _, c := range r.Policies {
			p.warnOfPolicy(r.ARN, c)
		}
		for _, c := range r.Attached {
			if c.Action == Keep {
				p.warn(FixPrune, "role %s: the managed policy %s stays attached although the config does not ask for it", r.ARN, c.ARN)
			}
		}
	}
	p.warnOfAssociations()
}

// warnOfSettings warns of a foreign role whose settings differ from the config.
func (p *Plan) warnOfSettings(r RoleChange) {
	for _, s := range r.Settings {
		if s.Action == Foreign {
			p.warn(FixAdopt, "role %s was created by somebody else, and its %s is %s, not %s: only its owner changes it", r.ARN, s.Name, cmp.Or(s.Before, "not set"), s.After)
		}
	}
}

// warnOfSubjects warns of subjects that lose the role, and of kept subjects.
func (p *Plan) warnOfSubjects(r RoleChange) {
	var removed, kept, elsewhere []string
	for _, s := range r.Trust.Statements {
		removed = append(removed, namespacesOf(s.Removed)...)
		if s.Elsewhere {
			elsewhere = append(elsewhere, namespacesOf(s.Kept)...)
		} else {
			kept = append(kept, namespacesOf(s.Kept)...)
		}
	}
	p.warnOf(sortedUnique(removed), "", "role "+r.ARN+": these namespaces lose access that the config does not ask for: %s")
	p.warnOf(sortedUnique(kept), FixPrune, "role "+r.ARN+": these namespaces keep access that the config does not ask for: %s")
	p.warnOf(sortedUnique(elsewhere), "", "role "+r.ARN+": these namespaces of clusters that the config does not name have access too: %s; pruning would remove them")
}

// warnOfStatement warns of a managed statement that somebody edited, and of a foreign one
// that grants more than the config or no more than it.
func (p *Plan) warnOfStatement(role string, s StatementChange) {
	name := strings.TrimSpace(fmt.Sprintf("%d %s", s.Place, s.Sid))
	switch {
	case s.Edited && s.Elsewhere:
		p.warn("", "role %s: somebody edited statement %s, which is about clusters that the config does not name; `apply` keeps it as it is; pruning would remove it", role, name)
	case s.Edited && s.Denies:
		p.warn(FixPrune, "role %s: somebody edited statement %s, which denies access, also to whom the config names; `apply` keeps it as it is", role, name)
	case s.Edited:
		p.warn(FixPrune, "role %s: somebody edited statement %s, and the config does not name all whom it admits; `apply` keeps it as it is", role, name)
	case s.Action == Foreign && s.Redundant:
		p.warn(FixAdopt, "role %s: the foreign statement %s grants nothing that the config does not grant", role, name)
	case s.Action == Foreign && len(s.Beyond) > 0:
		p.warn("", "role %s: the foreign statement %s (%s) admits subjects that the config does not name: %s", role, name, s.Grants, shortList(s.Beyond))
	}
}

// namespacesOf returns the namespaces of subjects.
func namespacesOf(subjects []string) []string {
	var out []string
	for _, s := range subjects {
		parts := strings.Split(s, ":") // system:serviceaccount:namespace:name, or the namespace alone
		out = append(out, parts[max(0, len(parts)-2)])
	}
	return out
}

func sortedUnique(list []string) []string { return slices.Compact(slices.Sorted(slices.Values(list))) }

func (p *Plan) warnOfPolicy(role string, c PolicyChange) {
	switch {
	case c.Action != Keep:
	case c.Successor != "":
		p.warn(FixAdopt, "role %s: an earlier version wrote the policy %s, which is now named %s", role, c.Name, c.Successor)
	case c.Component != "":
		p.warn(FixPrune, "role %s: the policy %s stays although the config does not ask for it", role, c.Name)
	default:
		p.warn("", "role %s: the policy %s belongs to no component of the config, but stays: delete it if nothing else needs it", role, c.Name)
	}
}

func (p *Plan) warnOfAssociations() {
	var kept, removed, foreign []string
	for _, a := range p.Associations {
		switch {
		case a.Action == Keep:
			kept = append(kept, a.Namespace)
		case a.Action == Remove:
			removed = append(removed, a.Namespace)
		case a.Action == Foreign && a.wanted && len(a.Elements) == 0:
			foreign = append(foreign, a.Namespace)
		}
	}
	p.warnOf(kept, FixPrune, "these namespaces keep associations that the config does not ask for: %s")
	p.warnOf(removed, "", "these namespaces lose associations that the config does not ask for: %s")
	p.warnOf(foreign, FixAdopt, "these namespaces have the associations that the config asks for, but somebody else created them: %s")
}

// warnOf adds a warning with a list, unless the list is empty.
func (p *Plan) warnOf(list []string, fix Fix, format string) {
	if len(list) > 0 {
		p.warn(fix, format, shortList(list))
	}
}

// shortList joins the first five members of a list and counts the others.
func shortList(list []string) string {
	const most = 5
	if len(list) <= most {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:most], ", "), len(list)-most)
}
