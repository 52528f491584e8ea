package reconcile

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/iam"
)

// mergeOptions are what a merge may do besides adding statements and subjects.
type mergeOptions struct {
	adopt  bool                      // replace foreign statements that grant no more than the config
	prune  bool                      // remove subjects that the config does not name
	remove func(subject string) bool // limits pruning to what an earlier plan showed; may be nil
}

// mergeTrust returns the live trust policy with the desired statements in it. Existing
// statements keep their order, and new ones come last.
func mergeTrust(live, wanted iam.Document, m mergeOptions) (iam.Document, []StatementChange) {
	r := trustMerger{mergeOptions: m, wanted: wanted, admitted: withoutLimits(wanted), live: live, kept: map[string]int{}}
	for _, s := range live.Statement {
		switch want, ok := bySid(wanted, s.Sid); {
		case !desired.Manages(s):
			r.foreign(s)
		case ok:
			r.combine(s, want)
		default:
			r.stale(s)
		}
	}
	for _, s := range wanted.Statement {
		if _, there := bySid(live, s.Sid); !there {
			n, _ := subjectConditionOf(s)
			r.put(s, StatementChange{Action: Create, Added: n.subjects(s)})
		}
	}
	r.keepRest()
	return iam.Document{Version: versionOf(live), ID: live.ID, Statement: r.out}, r.changes
}

// versionOf returns the version of a policy. The merge keeps it, because the meaning of
// foreign statements depends on it. A policy without a version has the old one.
//
// Source: IAM User Guide, "IAM JSON policy elements: Version".
func versionOf(doc iam.Document) string {
	switch {
	case doc.Version != "":
		return doc.Version
	case len(doc.Statement) == 0:
		return iam.PolicyVersion
	}
	return "2008-10-17"
}

func bySid(doc iam.Document, sid string) (iam.Statement, bool) {
	i := slices.IndexFunc(doc.Statement, func(s iam.Statement) bool { return s.Sid == sid && sid != "" })
	if i < 0 {
		return iam.Statement{}, false
	}
	return doc.Statement[i], true
}

// trustMerger builds the merged policy, statement by statement.
type trustMerger struct {
	mergeOptions
	live, wanted iam.Document
	admitted     iam.Document // wanted, changed by withoutLimits to compare whom it admits
	out          []iam.Statement
	changes      []StatementChange
	kept         map[string]int  // index in out of each statement that has only kept subjects, by Sid
	later        []iam.Statement // kept subjects that need a statement of their own
}

// put adds a statement and its change.
func (r *trustMerger) put(s iam.Statement, c StatementChange) {
	r.out = append(r.out, s)
	c.Sid, c.Place = s.Sid, len(r.out)
	r.changes = append(r.changes, c)
}

// drop removes a statement. Its change has the number that the statement had.
func (r *trustMerger) drop(s iam.Statement, c StatementChange) {
	c.Sid, c.Action = s.Sid, Remove
	c.Place = 1 + slices.IndexFunc(r.live.Statement, func(t iam.Statement) bool { return iam.Same(t, s) })
	r.changes = append(r.changes, c)
}

// foreign keeps a foreign statement, or adopts one that grants no more than the
// wanted ones.
func (r *trustMerger) foreign(s iam.Statement) {
	n, ok := subjectConditionOf(s)
	switch {
	case !ok || len(n.uncovered(s, r.wanted)) > 0:
		r.put(s, StatementChange{Action: Foreign})
	case r.adopt:
		r.drop(s, StatementChange{Covered: n.subjects(s)})
	default:
		r.put(s, StatementChange{Action: Foreign, Covered: n.subjects(s)})
	}
}

// combine replaces a managed statement by the desired one. Subjects that the config does
// not name are kept in it. If they were admitted under other conditions, they are kept in
// a separate statement.
func (r *trustMerger) combine(s, want iam.Statement) {
	w, _ := subjectConditionOf(want)
	n, ok := subjectConditionOf(s)
	before := s
	if !ok { // somebody edited the statement, so it is repaired
		n, before = w, w.with(want, w.subjects(s)...)
	}
	keep, removed := r.split(n.uncovered(before, r.admitted))
	wanted, had := w.subjects(want), n.subjects(before)
	c := StatementChange{Action: None, Added: subtract(wanted, had), Removed: removed, Covered: subtract(had, wanted, keep, removed)}
	result := want
	switch {
	case len(keep) == 0:
	case n == w && iam.Same(n.template(before), w.template(want)):
		c.Kept = keep
		result = w.with(want, slices.Concat(keep, wanted)...)
	default:
		r.later = append(r.later, keptApart(n, s, keep))
	}
	if iam.Same(s, result) {
		r.put(s, c)
		return
	}
	c.Action = Change
	bare := w.with(s, wanted...)
	c.Elements = iam.Differences(bare, want)
	c.Gained, c.Lost = subtract(want.Lines(), bare.Lines()), subtract(bare.Lines(), want.Lines())
	r.put(result, c)
}

// stale keeps or removes a managed statement that the config no longer asks for.
func (r *trustMerger) stale(s iam.Statement) {
	n, ok := subjectConditionOf(s)
	switch {
	case !ok && (r.prune || s.Sid == desired.NobodySid):
		r.drop(s, StatementChange{})
		return
	case !ok:
		r.put(s, StatementChange{Action: Keep})
		return
	}
	keep, removed := r.split(n.uncovered(s, r.admitted))
	c := StatementChange{Action: Keep, Kept: keep, Removed: removed, Covered: subtract(n.subjects(s), keep, removed)}
	if len(keep) == 0 {
		r.drop(s, c)
		return
	}
	after := s
	if len(keep) < len(n.subjects(s)) {
		after = n.with(s, keep...)
		c.Action = Change
	}
	r.kept[s.Sid] = len(r.out)
	r.put(after, c)
}

// split divides subjects that the config does not name into those to keep and those to
// remove.
func (r *trustMerger) split(unwanted []string) (keep, removed []string) {
	for _, s := range unwanted {
		if r.prune && (r.remove == nil || r.remove(s)) {
			removed = append(removed, s)
		} else {
			keep = append(keep, s)
		}
	}
	return keep, removed
}

// keptApart returns a separate statement for kept subjects. It has the conditions under
// which they were admitted before, so that it admits nobody else.
func keptApart(n subjectCondition, s iam.Statement, subjects []string) iam.Statement {
	sum := sha256.Sum256(iam.Document{Statement: []iam.Statement{n.template(s)}}.Compact())
	kept := n.with(s, subjects...)
	kept.Sid = desired.KeptSid + hex.EncodeToString(sum[:4])
	return kept
}

// keepRest adds the kept subjects that need a statement of their own. If the policy has
// such a statement, they are added to it; if not, a new one comes last.
func (r *trustMerger) keepRest() {
	for _, s := range r.later {
		n, _ := subjectConditionOf(s)
		at, there := r.kept[s.Sid]
		if !there {
			r.kept[s.Sid] = len(r.out)
			r.put(s, StatementChange{Action: Create, Kept: n.subjects(s)})
			continue
		}
		r.out[at] = n.with(r.out[at], slices.Concat(n.subjects(r.out[at]), n.subjects(s))...)
		for i, c := range r.changes {
			if c.Sid == s.Sid && c.Action != Remove {
				r.changes[i].Action, r.changes[i].Kept = Change, n.subjects(r.out[at])
			}
		}
	}
}

// subtract returns the members of a list that are in none of the others.
func subtract(list []string, others ...[]string) []string {
	var out []string
	for _, s := range list {
		if !slices.ContainsFunc(others, func(o []string) bool { return slices.Contains(o, s) }) {
			out = append(out, s)
		}
	}
	return out
}

// narrow returns the live policy without the subjects that the final policy does not
// admit. It is written before the final policy, so that nobody gains access too early.
// It also omits managed statements that somebody edited to admit more, because their
// subjects cannot be compared.
func narrow(live, final iam.Document) iam.Document {
	out := iam.Document{Version: versionOf(live), ID: live.ID}
	admitted := withoutLimits(final)
	for _, s := range live.Statement {
		same, _ := bySid(final, s.Sid)
		if !desired.Manages(s) || iam.Same(same, s) {
			out.Statement = append(out.Statement, s)
			continue
		}
		n, ok := subjectConditionOf(s)
		if !ok {
			continue
		}
		if left := subtract(n.subjects(s), n.uncovered(s, admitted)); len(left) > 0 {
			out.Statement = append(out.Statement, n.with(s, left...))
		}
	}
	if len(out.Statement) == 0 {
		out.Statement = []iam.Statement{desired.NobodyStatement()}
	}
	return out
}
