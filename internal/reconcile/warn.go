package reconcile

import (
	"fmt"
	"slices"
	"strings"
)

// warn adds what a person should know of the plan before it is carried out.
func (p *Plan) warn() {
	for _, r := range p.Roles {
		if w := r.Trust.Budget.Warning(); w != "" {
			p.warnf("role %s: %s", r.ARN, w)
		}
		if r.Action == Foreign {
			p.warnf("role %s is not this program's: only the statements and the policy of this program's name are written; --adopt makes it this program's", r.ARN)
		}
		p.warnOfSubjects(r)
		for _, s := range r.Trust.Statements {
			p.warnOfStatement(r.ARN, s)
		}
	}
	p.warnOfAssociations()
}

func (p *Plan) warnf(format string, args ...any) {
	p.Warnings = append(p.Warnings, fmt.Sprintf(format, args...))
}

// warnOfSubjects says who loses the role, and who keeps it without being named.
func (p *Plan) warnOfSubjects(r RoleChange) {
	var removed, kept []string
	for _, s := range r.Trust.Statements {
		removed = append(removed, names(s.Removed)...)
		kept = append(kept, names(s.Kept)...)
	}
	if removed = unique(removed); len(removed) > 0 {
		p.warnf("role %s: these lose access: %s", r.ARN, cut(removed))
	}
	if kept = unique(kept); len(kept) > 0 {
		p.warnf("role %s: these keep access, and the config does not name them: %s; --prune removes them", r.ARN, cut(kept))
	}
}

// names are the namespaces of subjects.
func names(subjects []string) []string {
	var out []string
	for _, s := range subjects {
		ns, _, _ := strings.Cut(strings.TrimPrefix(s, "system:serviceaccount:"), ":")
		out = append(out, ns)
	}
	return out
}

func unique(list []string) []string { return slices.Compact(slices.Sorted(slices.Values(list))) }

func (p *Plan) warnOfStatement(role string, s StatementChange) {
	switch {
	case s.Action == Keep && len(s.Kept) == 0:
		p.warnf("role %s: statement %s was edited and is not in the config; --prune removes it", role, s.Sid)
	case s.Action == Foreign && len(s.Covered) > 0:
		p.warnf("role %s: statement %d is not this program's and grants nothing beyond the config; --adopt takes its place", role, s.Place)
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
		case a.Action == Foreign && len(a.Elements) == 0 && a.wanted.Namespace != "":
			foreign = append(foreign, a.Namespace)
		}
	}
	if len(kept) > 0 {
		p.warnf("the associations of these namespaces stay, and the config does not name them: %s; --prune removes them", cut(kept))
	}
	if len(removed) > 0 {
		p.warnf("the associations of these namespaces go, and their access with them: %s", cut(removed))
	}
	if len(foreign) > 0 {
		p.warnf("the associations of these namespaces are as the config says and not this program's: %s; --adopt takes them over", cut(foreign))
	}
}

// cut lists a few.
func cut(list []string) string {
	const most = 5
	if len(list) <= most {
		return strings.Join(list, ", ")
	}
	return strings.Join(list[:most], ", ") + fmt.Sprintf(" and %d more", len(list)-most)
}
