package reconcile

import (
	"slices"
	"strings"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
)

// trustDeletion says which parts of a trust policy a deletion removes: statements of this
// program that list a subject of the config on a cluster of the config.
type trustDeletion struct {
	named   iam.Document             // see [desired.State.Named]
	here    func(iam.Statement) bool // of a part that pruning removes too; nil without pruning
	planned func(iam.Statement) bool // limits the removal to what the plan showed; may be nil
}

func (d *deletion) trustOf(role identity.RoleARN) trustDeletion {
	t := trustDeletion{named: d.state.Named(role)}
	if !d.Prune {
		return t
	}
	var accounts []string
	for _, c := range d.state.Components {
		if c.Role == role {
			accounts = append(accounts, c.Accounts...)
		}
	}
	state := d.state
	state.Clusters = slices.Clone(state.Clusters)
	for i, c := range state.Clusters {
		if c.OIDC.IsZero() { // it would mean every issuer
			state.Clusters[i].OIDC.HostPath = "unknown"
		}
	}
	judge := trustJudge{state: state, role: desired.Role{ARN: role}}
	t.here = func(part iam.Statement) bool {
		return !judge.isElsewhere(part) && len(subtract(serviceAccountsOf(part), accounts)) == 0
	}
	return t
}

// removes reports whether the deletion removes a part of a statement. The part must list a
// subject that the config lists, not just one that a pattern of the config covers: another
// config may have written it. An edited statement goes if the config names all whom it
// admits. One that denies stays, because somebody else may have access without it.
func (t trustDeletion) removes(part iam.Statement) bool {
	if t.planned != nil && !t.planned(part) {
		return false
	}
	if t.here != nil && t.here(part) {
		return true
	}
	if !isReadable(part) {
		return part.Effect == iam.Allow && len(beyond(part, t.named)) == 0
	}
	return slices.ContainsFunc(namedBy(t.named).Statement, func(s iam.Statement) bool {
		return slices.ContainsFunc(split(s), func(named iam.Statement) bool {
			return slices.Equal(subjectsOf(named), subjectsOf(part)) && iam.Covers(named, part)
		})
	})
}

func (t trustDeletion) merge(live iam.Document) trustMerge {
	return mergeTrust(live, iam.Document{}, mergeOptions{prune: true, remove: t.removes})
}

// next returns the live policy without what the deletion removes.
func (t trustDeletion) next(live iam.Document) iam.Document {
	m := t.merge(live)
	if !anyWrites(m.Changes) {
		return live
	}
	if len(m.After.Statement) == 0 {
		m.After.Statement = []iam.Statement{desired.NobodyStatement()}
	}
	return m.After
}

// serviceAccountsOf returns the service accounts that a readable statement admits.
func serviceAccountsOf(s iam.Statement) []string {
	accounts := slices.Concat(s.Condition["StringEquals"][desired.ServiceAccountTag], s.Condition["StringLike"][desired.ServiceAccountTag])
	if issuerOf(s) != "" {
		for _, subject := range subjectsOf(s) {
			accounts = append(accounts, subject[strings.LastIndexByte(subject, ':')+1:])
		}
	}
	return sortedUnique(accounts)
}
