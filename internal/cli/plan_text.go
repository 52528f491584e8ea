//go:build !offline

package cli

import (
	"fmt"
	"slices"
	"strings"

	"spaces-identity.dev/internal/reconcile"
)

// marks are what stands before a line of a plan.
var marks = map[reconcile.Action]string{
	reconcile.None: "  ", reconcile.Create: "+ ", reconcile.Change: "~ ", reconcile.Remove: "- ",
	reconcile.Adopt: "* ", reconcile.Keep: "  ", reconcile.Foreign: "  ",
}

// notes follow a name whose action the mark does not tell.
var notes = map[reconcile.Action]string{
	reconcile.Adopt: " (adopted)", reconcile.Keep: " (not in the config; kept)", reconcile.Foreign: " (not this program's)",
}

// planText is a plan for a person: a line for each thing, + for what is made,
// ~ for what is changed, - for what is removed, * for what is adopted.
func planText(p *reconcile.Plan) string {
	t := &text{}
	t.line("account %s, as %s", p.Account, p.Identity)
	for _, c := range p.Providers {
		t.entry(c.Action, 0, "OIDC provider %s", c.ARN)
	}
	for _, c := range p.Agents {
		t.entry(c.Action, 0, "add-on eks-pod-identity-agent of cluster %s in %s", c.Cluster, c.Region)
	}
	for _, r := range p.Roles {
		t.role(r)
	}
	t.associations(p)
	for _, w := range p.Warnings {
		t.line("warning: %s", w)
	}
	for _, b := range p.Blocked {
		t.line("blocked: %s", b)
	}
	t.line("%s", summary(p))
	return t.String()
}

// summary is the plan in a line.
func summary(p *reconcile.Plan) string {
	switch n := p.Changes(); {
	case n == 0 && len(p.Blocked) == 0:
		return fmt.Sprintf("in step: %s, %s", plural(len(p.Roles), "role"), plural(p.InStep, "association"))
	case n == 0:
		return fmt.Sprintf("nothing to change, %d blocked", len(p.Blocked))
	default:
		return fmt.Sprintf("%s to make, %s in step", plural(n, "change"), plural(p.InStep, "association"))
	}
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// text collects lines.
type text struct{ strings.Builder }

func (t *text) line(format string, args ...any) {
	t.WriteString(fmt.Sprintf(format, args...) + "\n")
}

func (t *text) entry(action reconcile.Action, depth int, format string, args ...any) {
	t.WriteString(marks[action] + strings.Repeat("  ", depth))
	t.line(format+notes[action], args...)
}

func (t *text) role(r reconcile.RoleChange) {
	t.entry(r.Action, 0, "role %s", r.ARN)
	t.entry(r.Trust.Action, 1, "%s", r.Trust.Budget)
	for _, s := range r.Trust.Statements {
		t.statement(s)
	}
	for _, c := range r.Policies {
		t.entry(c.Action, 1, "permissions policy %s", c.Name)
		if c.Action == reconcile.None {
			continue
		}
		for _, s := range c.Statements {
			t.statement(s)
		}
	}
}

func (t *text) statement(s reconcile.StatementChange) {
	name := fmt.Sprintf("statement %d", s.Place)
	if s.Sid != "" {
		name += " " + s.Sid
	}
	if len(s.Elements) > 0 {
		name += ": " + strings.Join(s.Elements, ", ")
	}
	t.entry(s.Action, 2, "%s", name)
	t.subjects(reconcile.Remove, s.Lost, "")
	t.subjects(reconcile.Create, s.Gained, "")
	t.subjects(reconcile.Create, s.Added, "")
	t.subjects(reconcile.Remove, s.Removed, " loses access")
	if s.Action != reconcile.Foreign {
		t.subjects(reconcile.Remove, s.Covered, " (another statement admits it)")
	}
	t.subjects(reconcile.None, s.Kept, " (not in the config; kept)")
}

func (t *text) subjects(action reconcile.Action, subjects []string, note string) {
	for _, s := range subjects {
		t.entry(action, 3, "%s%s", s, note)
	}
}

// associations lists those that are to change, grouped by action, each with its
// namespace.
func (t *text) associations(p *reconcile.Plan) {
	for _, action := range []reconcile.Action{reconcile.Create, reconcile.Change, reconcile.Adopt, reconcile.Remove, reconcile.Keep, reconcile.Foreign} {
		for _, c := range p.Associations {
			if c.Action != action {
				continue
			}
			what := fmt.Sprintf("association %s/%s in cluster %s", c.Namespace, c.ServiceAccount, c.Cluster)
			if slices.Contains([]reconcile.Action{reconcile.Change, reconcile.Foreign}, action) && len(c.Elements) > 0 {
				what += ": " + strings.Join(c.Elements, ", ")
			}
			t.entry(action, 0, "%s", what)
		}
	}
}
