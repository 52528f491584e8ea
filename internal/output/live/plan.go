// Package live shows the results of the commands that read AWS or the cluster. Each view
// is an output.Result in a file of its own. These views are not in package output, because
// their types link the clients of AWS and Kubernetes. The small program must not link
// those, so that it starts fast.
package live

import (
	"fmt"
	"slices"
	"strings"

	"spaces-identity.dev/internal/output"
	"spaces-identity.dev/internal/reconcile"
)

// PlanView shows the difference between the config and AWS.
type PlanView struct {
	Plan *reconcile.Plan
	All  bool // the table also lists what does not change
}

// Kind returns the kind in JSON and YAML.
func (PlanView) Kind() string { return "Plan" }

// Data returns the fields of JSON and YAML.
func (v PlanView) Data() any { return v.Plan }

// Text lists the changes, then the warnings, what blocks the plan, and the counts.
func (v PlanView) Text(p *output.Page) {
	p.Line("Account %s, as %s", v.Plan.Account, v.Plan.Identity)
	lines := planLines{p, v.All}
	shown := false
	for _, e := range entries(v.Plan) {
		if e.shown(v.All) && !shown {
			p.Blank()
			shown = true
		}
		lines.write(e, 0)
	}
	for _, w := range v.Plan.Warnings {
		p.Note(output.Yellow, "warning", WarningText(w))
	}
	for _, b := range v.Plan.Blocked {
		p.Note(output.Red, "blocked", b)
	}
	p.Blank()
	p.Prose(0, v.Summary())
}

// WarningText returns a warning with the flag that removes its cause.
func WarningText(w reconcile.Warning) string {
	does := map[reconcile.Fix]string{reconcile.FixAdopt: "take it over", reconcile.FixPrune: "remove it"}
	if w.Fix == "" {
		return w.Text
	}
	return fmt.Sprintf("%s; use --%s to %s", w.Text, w.Fix, does[w.Fix])
}

// Summary returns the plan in one sentence: how much would change, that everything is up to
// date, or what gives access beyond the config.
func (v PlanView) Summary() string {
	if v.Plan.Deletes && v.Plan.Changes() == 0 {
		return "Nothing to delete."
	}
	if v.Plan.Deletes {
		_, change, remove, _ := v.Plan.Counts()
		return fmt.Sprintf("Plan: %d to remove, %d to change.", remove, change)
	}
	beyond := beyondConfig(v.Plan.Beyond())
	if v.Plan.Changes() == 0 && len(v.Plan.Blocked) == 0 {
		text := "Up to date"
		if v.Plan.Differs() {
			text = "Nothing to change"
		}
		return fmt.Sprintf("%s: %s, %s%s%s.", text, output.Count(len(v.Plan.Roles), "role"), output.Count(v.Plan.UpToDate, "association"), v.skipped(), beyond)
	}
	add, change, remove, adopted := v.Plan.Counts()
	text := fmt.Sprintf("Plan: %d to add, %d to change, %d to remove", add, change, remove)
	if adopted > 0 {
		text += fmt.Sprintf(", %d to adopt", adopted)
	}
	if blocked := len(v.Plan.Blocked); blocked > 0 {
		text += fmt.Sprintf(", %d blocked", blocked)
	}
	return text + v.skipped() + beyond + "."
}

// skipped says how many associations were not read.
func (v PlanView) skipped() string {
	if v.Plan.Skipped == 0 {
		return ""
	}
	return fmt.Sprintf(" (%s not read, because the record of the last apply is unchanged)", output.Count(v.Plan.Skipped, "association"))
}

// beyondConfig returns the part of the summary about what gives access beyond the config.
func beyondConfig(b reconcile.Beyond) string {
	policies := "permissions policies"
	if b.Policies == 1 {
		policies = "permissions policy"
	}
	var all strings.Builder
	add := func(count int, text string) {
		if count > 0 {
			all.WriteString(", " + text)
		}
	}
	add(len(b.Subjects), output.Count(len(b.Subjects), "subject")+" kept beyond the config")
	add(b.Edited, output.Count(b.Edited, "edited statement")+" kept")
	add(b.Policies, fmt.Sprintf("%d %s kept beyond the config", b.Policies, policies))
	add(b.Foreign, output.Count(b.Foreign, "foreign statement")+" beyond the config")
	return all.String()
}

// entry is a line of the plan with those below it.
type entry struct {
	action reconcile.Action
	text   string
	listed bool // even if it does not change
	prose  bool // whether it may be broken after a semicolon; names are never broken
	below  []entry
}

// shown reports whether the table lists an entry: if it or an entry below it changes, is
// kept or is a foreign statement, or if all are listed.
func (e entry) shown(all bool) bool {
	quiet := !e.listed && (e.action == reconcile.None || e.action == reconcile.Foreign)
	return all || !quiet || slices.ContainsFunc(e.below, func(b entry) bool { return b.shown(false) })
}

// marks are the first characters of a line, by its action. They are in the first column
// so that users can search for them.
var marks = map[reconcile.Action]struct {
	sign   string
	colour output.Colour
	note   string
}{
	reconcile.None:    {" ", "", ""},
	reconcile.Create:  {"+", output.Green, ""},
	reconcile.Change:  {"~", output.Yellow, ""},
	reconcile.Remove:  {"-", output.Red, ""},
	reconcile.Adopt:   {"*", output.Cyan, " (to adopt)"},
	reconcile.Keep:    {"=", output.Cyan, " (kept)"},
	reconcile.Foreign: {" ", "", " (foreign)"},
}

// proseWidth is the width above which prose is broken, in columns.
const proseWidth = 80

// planLines writes entries.
type planLines struct {
	page *output.Page
	all  bool
}

func (w planLines) write(e entry, depth int) {
	if !e.shown(w.all) {
		return
	}
	mark := marks[e.action]
	text, indent := e.text+mark.note, strings.Repeat("  ", depth)
	if begin, rest, two := strings.Cut(text, "; "); e.prose && two && len("  "+indent+text) > proseWidth {
		text = begin + ";\n    " + indent + rest
	}
	w.page.Line("%s %s%s", w.page.Paint(mark.colour, mark.sign), indent, text)
	for _, b := range e.below {
		w.write(b, depth+1)
	}
}

func entries(p *reconcile.Plan) []entry {
	var all []entry
	for _, c := range p.Providers {
		all = append(all, entry{action: c.Action, text: withElements("OIDC provider "+c.ARN, c.Elements)})
	}
	for _, c := range p.Agents {
		all = append(all, entry{action: c.Action, text: fmt.Sprintf("add-on eks-pod-identity-agent of cluster %s in %s", c.Cluster, c.Region)})
	}
	for _, r := range p.Roles {
		all = append(all, roleEntry(r, p.Deletes))
	}
	regions := map[string]string{} // of clusters; empty if two have the same name
	for _, c := range p.Associations {
		if region, known := regions[c.Cluster]; known && region != c.Region {
			regions[c.Cluster] = ""
		} else if !known {
			regions[c.Cluster] = c.Region
		}
	}
	for _, same := range output.Group(p.Associations, func(c reconcile.AssociationChange) string { return string(c.Action) }) {
		for _, c := range same {
			text := fmt.Sprintf("association %s/%s in cluster %s", c.Namespace, c.ServiceAccount, c.Cluster)
			if regions[c.Cluster] == "" && c.Region != "" {
				text += " in " + c.Region
			}
			all = append(all, entry{action: c.Action, text: withElements(text, c.Elements)})
		}
	}
	return all
}

func roleEntry(r reconcile.RoleChange, deletes bool) entry {
	trust := entry{action: r.Trust.Action, text: "trust policy", prose: true, below: statementEntries(r.Trust.Statements)}
	if !deletes {
		trust.text = r.Trust.Budget.String()
	}
	role := entry{action: r.Action, text: "role " + r.ARN}
	for _, s := range r.Settings {
		role.below = append(role.below, settingEntry(s))
	}
	role.below = append(role.below, trust)
	for _, c := range r.Policies {
		role.below = append(role.below, entry{action: c.Action, text: policyName(c), below: statementEntries(c.Statements)})
	}
	for _, c := range r.Attached {
		role.below = append(role.below, entry{action: c.Action, text: "managed policy " + c.ARN})
	}
	return role
}

// settingEntry shows a setting of a role, and its old value if it had one.
func settingEntry(s reconcile.SettingChange) entry {
	text := s.Name + ": " + s.After
	if s.Before != "" {
		text = s.Name + ": " + s.Before + " -> " + s.After
	}
	return entry{action: s.Action, text: text, listed: s.Action == reconcile.Foreign}
}

// policyName returns the name of a policy. If an earlier version wrote the policy, it adds
// the new name.
func policyName(c reconcile.PolicyChange) string {
	if c.Successor == "" {
		return "permissions policy " + c.Name
	}
	return fmt.Sprintf("permissions policy %s, now %s", c.Name, c.Successor)
}

func statementEntries(statements []reconcile.StatementChange) []entry {
	var all []entry
	for _, s := range statements {
		name := strings.TrimSpace(fmt.Sprintf("statement %d %s", s.Place, s.Sid))
		if s.Grants != "" {
			name += ": " + s.Grants
		}
		if s.Edited {
			name += ", edited"
		}
		e := entry{action: s.Action, text: withElements(name, s.Elements), listed: s.Action == reconcile.Foreign}
		add := func(action reconcile.Action, names []string, note string) {
			for _, name := range names {
				e.below = append(e.below, entry{action: action, text: name + note})
			}
		}
		add(reconcile.Remove, s.Lost, "")
		add(reconcile.Create, s.Gained, "")
		add(reconcile.Create, s.Added, "")
		add(reconcile.Remove, s.Removed, " (loses access)")
		if s.Action != reconcile.Foreign {
			add(reconcile.Remove, s.Covered, " (keeps access through another statement)")
		}
		note := ""
		if s.Elsewhere {
			note = ", on a cluster that the config does not name"
		}
		add(reconcile.Keep, s.Kept, note)
		if s.Action == reconcile.Foreign {
			for _, subject := range s.Beyond {
				e.below = append(e.below, entry{action: reconcile.Foreign, text: subject + ", beyond the config", listed: true})
			}
		}
		all = append(all, e)
	}
	return all
}

// withElements adds the names of the elements that differ.
func withElements(text string, elements []string) string {
	if len(elements) == 0 {
		return text
	}
	return text + ": " + strings.Join(elements, ", ")
}
