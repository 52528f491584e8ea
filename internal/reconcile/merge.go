package reconcile

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"

	"spaces-identity.dev/internal/iam"
)

// The Sids that only the live side gives: of statements whose subjects the config
// no longer names, and of the one that stands in where nobody is admitted.
const (
	sidKept   = "SpacesIdentityKept"
	sidNobody = "SpacesIdentityNobody"
)

// merging says what a merge may do besides adding.
type merging struct {
	adopt  bool // take over strangers' statements that grant no more than ours
	prune  bool // remove subjects that the config does not name
	remove func(subject string) bool
}

// mayRemove reports whether pruning may take the subject away: any, or only what
// an earlier plan showed.
func (m merging) mayRemove(subject string) bool {
	return m.prune && (m.remove == nil || m.remove(subject))
}

// merge is the live trust policy with the wanted statements in it. Strangers'
// statements stay in their places, and so do ours; new ones come last.
func merge(live, wanted iam.Document, m merging) (iam.Document, []StatementChange) {
	r := merger{merging: m, wanted: wanted, live: live, kept: map[string]int{}}
	for _, s := range live.Statement {
		switch want, ok := bySid(wanted, s.Sid); {
		case !iam.Owns(s):
			r.stranger(s)
		case ok:
			r.combine(s, want)
		default:
			r.stale(s)
		}
	}
	for _, s := range wanted.Statement {
		if _, there := bySid(live, s.Sid); !there {
			r.create(s)
		}
	}
	r.keepRest()
	return iam.Document{Version: versionOf(live), ID: live.ID, Statement: r.out}, r.changes
}

// versionOf keeps the version, on which the meaning of strangers' statements
// depends; the default is the old one.
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

// merger makes the merged policy, statement by statement.
type merger struct {
	merging
	live, wanted iam.Document
	out          []iam.Statement
	changes      []StatementChange
	kept         map[string]int  // places in out of statements that are kept, by Sid
	later        []iam.Statement // to be kept apart from what they were part of
}

// put adds a statement and what is said of it.
func (r *merger) put(s iam.Statement, c StatementChange) {
	r.out = append(r.out, s)
	c.Sid, c.Place = s.Sid, len(r.out)
	r.changes = append(r.changes, c)
}

// drop says that a statement goes; its place is the one it had.
func (r *merger) drop(s iam.Statement, c StatementChange) {
	c.Sid, c.Action = s.Sid, Remove
	c.Place = 1 + slices.IndexFunc(r.live.Statement, func(t iam.Statement) bool { return canonical(t) == canonical(s) })
	r.changes = append(r.changes, c)
}

// stranger leaves a statement as it is, or adopts one that grants no more than
// ours do.
func (r *merger) stranger(s iam.Statement) {
	sh, ok := shapeOf(s)
	if !ok || len(uncovered(r.wanted, sh)) > 0 {
		r.put(s, StatementChange{Action: Foreign})
		return
	}
	if r.adopt {
		r.drop(s, StatementChange{Covered: sh.subjects})
		return
	}
	r.put(s, StatementChange{Action: Foreign, Covered: sh.subjects})
}

// combine brings a statement of ours to what is wanted. Subjects that are not
// wanted stay, apart from it where it has another frame.
func (r *merger) combine(s, want iam.Statement) {
	w, _ := shapeOf(want) // what this program wants it can take apart
	before, ours := shapeOf(s)
	if !ours { // somebody edited it: it is repaired
		before = w
		before.subjects = s.Condition[w.operator][w.key]
	}
	keep, removed := r.split(uncovered(r.wanted, before))
	c := StatementChange{Action: None, Added: minus(w.subjects, before.subjects), Removed: removed}
	c.Covered = minus(before.subjects, w.subjects, keep, removed)
	result := want
	switch {
	case len(keep) == 0:
	case before.sameFrame(w):
		c.Kept = keep
		result = withSubjects(want, w, append(slices.Clone(keep), w.subjects...))
	default:
		r.later = append(r.later, keptApart(s, before, keep))
	}
	if canonical(s) == canonical(result) {
		r.put(s, c)
		return
	}
	c.Action = Change
	bare := withSubjects(sameSubjects(s, w), w, w.subjects)
	c.Elements = elements(bare, want)
	c.Gained, c.Lost = minus(values(want), values(bare)), minus(values(bare), values(want))
	r.put(result, c)
}

// sameSubjects makes room for the shape's subjects in a statement that may lack
// the operator.
func sameSubjects(s iam.Statement, w shape) iam.Statement {
	s.Condition = cloneCondition(s.Condition)
	if s.Condition[w.operator] == nil {
		s.Condition[w.operator] = map[string]iam.Values{}
	}
	return s
}

// stale deals with a statement of ours that the config no longer has.
func (r *merger) stale(s iam.Statement) {
	sh, ok := shapeOf(s)
	if !ok {
		if r.prune || s.Sid == sidNobody {
			r.drop(s, StatementChange{})
			return
		}
		r.put(s, StatementChange{Action: Keep})
		return
	}
	keep, removed := r.split(uncovered(r.wanted, sh))
	gone := minus(sh.subjects, keep, removed)
	if len(keep) == 0 {
		r.drop(s, StatementChange{Removed: removed, Covered: gone})
		return
	}
	after := s
	if len(keep) < len(sh.subjects) {
		after = withSubjects(s, sh, keep)
	}
	c := StatementChange{Action: Keep, Kept: keep, Removed: removed, Covered: gone}
	if canonical(after) != canonical(s) {
		c.Action = Change
	}
	r.kept[s.Sid] = len(r.out)
	r.put(after, c)
}

// split divides subjects that are not wanted into those that stay and those that
// go.
func (r *merger) split(stale []string) (keep, removed []string) {
	for _, s := range stale {
		if r.mayRemove(s) {
			removed = append(removed, s)
		} else {
			keep = append(keep, s)
		}
	}
	return keep, removed
}

func (r *merger) create(s iam.Statement) {
	sh, _ := shapeOf(s)
	r.put(s, StatementChange{Action: Create, Added: sh.subjects})
}

// keptApart is a statement of its own for subjects whose frame has changed, so
// that keeping them admits nothing that was not admitted.
func keptApart(s iam.Statement, sh shape, subjects []string) iam.Statement {
	frame := withSubjects(s, sh, []string{""})
	frame.Sid = ""
	sum := sha256.Sum256([]byte(canonical(frame)))
	kept := withSubjects(s, sh, subjects)
	kept.Sid = sidKept + hex.EncodeToString(sum[:4])
	return kept
}

// keepRest puts what is kept apart: into the statement that has its frame, or
// last.
func (r *merger) keepRest() {
	for _, s := range r.later {
		sh, _ := shapeOf(s)
		at, there := r.kept[s.Sid]
		if !there {
			r.kept[s.Sid] = len(r.out)
			r.put(s, StatementChange{Action: Create, Kept: sh.subjects})
			continue
		}
		old, _ := shapeOf(r.out[at])
		r.out[at] = withSubjects(r.out[at], old, append(slices.Clone(old.subjects), sh.subjects...))
		for i, c := range r.changes {
			if c.Sid == s.Sid && c.Action != Remove {
				r.changes[i].Action = Change
				r.changes[i].Kept = r.out[at].Condition[sh.operator][sh.key]
			}
		}
	}
}

// minus are the members of a list that are in none of the others.
func minus(list []string, others ...[]string) []string {
	var out []string
	for _, s := range list {
		if !slices.ContainsFunc(others, func(o []string) bool { return slices.Contains(o, s) }) {
			out = append(out, s)
		}
	}
	return out
}

// narrow is the live policy without what the final one does not admit: a step on
// the way from which nobody gains. A statement of ours that was edited goes, as
// it cannot be compared.
func narrow(live, final iam.Document) iam.Document {
	out := iam.Document{Version: versionOf(live), ID: live.ID}
	for _, s := range live.Statement {
		sh, ok := shapeOf(s)
		same, _ := bySid(final, s.Sid)
		switch {
		case !iam.Owns(s) || canonical(same) == canonical(s):
			out.Statement = append(out.Statement, s)
		case ok:
			if left := minus(sh.subjects, uncovered(final, sh)); len(left) > 0 {
				out.Statement = append(out.Statement, withSubjects(s, sh, left))
			}
		}
	}
	if len(out.Statement) == 0 {
		out.Statement = []iam.Statement{nobody()}
	}
	return out
}

// nobody is a statement that admits nobody, for a policy that would have none:
// IAM takes no empty one.
func nobody() iam.Statement {
	return iam.Statement{Sid: sidNobody, Effect: iam.Deny, Principal: iam.Principal{AWS: iam.Values{"*"}}, Action: iam.Values{"sts:AssumeRole"}}
}

// differs reports whether one of the statements is to be written.
func differs(changes []StatementChange) bool {
	return slices.ContainsFunc(changes, func(c StatementChange) bool { return c.Action.does() })
}
