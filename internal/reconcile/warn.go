package reconcile

import (
	"fmt"
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
		for _, s := range r.Trust.Statements {
			p.warnOfStatement(r.ARN, s)
		}
	}
	p.warnOfAssociations()
}

func (p *Plan) warnf(format string, args ...any) {
	p.Warnings = append(p.Warnings, fmt.Sprintf(format, args...))
}

func (p *Plan) warnOfStatement(role string, s StatementChange) {
	switch {
	case len(s.Removed) > 0:
		p.warnf("role %s: %d that had access lose it: %s", role, len(s.Removed), cut(s.Removed))
	case len(s.Kept) > 0:
		p.warnf("role %s: %d that the config does not name keep their access: %s; --prune removes them", role, len(s.Kept), cut(s.Kept))
	case s.Action == Keep:
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
		p.warnf("%d associations of namespaces that the config does not name stay: %s; --prune removes them", len(kept), cut(kept))
	}
	if len(removed) > 0 {
		p.warnf("%d associations go, and with them the access of %s", len(removed), cut(removed))
	}
	if len(foreign) > 0 {
		p.warnf("%d associations are as the config says and not this program's: %s; --adopt takes them over", len(foreign), cut(foreign))
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
