package reconcile

import (
	"slices"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/iam"
)

// layOut orders the statements of the merged policy, and lists what changes.
func (r *trustMerger) layOut() {
	placed := map[*ownStatement]bool{}
	for i, s := range r.live.Statement {
		o := r.successor(s)
		switch {
		case !desired.Manages(s):
			r.foreign(i, s)
		case o == nil:
			c := changeOf(&s, nil, r.lost(s))
			c.Place = i + 1
			r.result.Changes = append(r.result.Changes, c)
		default:
			placed[o] = true
			r.put(o.Statement, changeOf(&s, o, r.lost(s)))
		}
	}
	for _, o := range r.own {
		if !placed[o] {
			r.put(o.Statement, changeOf(nil, o, nil))
		}
	}
}

// successor returns the statement that takes the position of a live one: the one with its
// Sid, or itself under a new Sid.
func (r *trustMerger) successor(s iam.Statement) *ownStatement {
	for _, o := range r.own {
		if o.Sid == s.Sid {
			return o
		}
	}
	for _, o := range r.own {
		if _, there := bySid(r.live, o.Sid); !there && o.isEdited() && sameTerms(o.Statement, s) {
			return o
		}
	}
	return nil
}

// lost returns the subjects of a live statement that lose access by pruning.
func (r *trustMerger) lost(s iam.Statement) []string {
	var subjects []string
	for _, part := range r.result.pruned {
		if part.Sid == s.Sid {
			subjects = append(subjects, unnamed(part, r.wanted)...)
		}
	}
	return subjects
}

// put adds a statement and its change.
func (r *trustMerger) put(s iam.Statement, c StatementChange) {
	r.result.After.Statement = append(r.result.After.Statement, s)
	c.Place = len(r.result.After.Statement)
	r.result.Changes = append(r.result.Changes, c)
}

// foreign keeps a foreign statement, or adopts one that grants no more than the desired
// ones.
func (r *trustMerger) foreign(i int, s iam.Statement) {
	c := StatementChange{Sid: s.Sid, Action: Foreign, Grants: grantOf(s), Redundant: len(uncovered(s, r.wanted)) == 0}
	if c.Redundant {
		c.Covered = subjectsOf(s)
	}
	if c.Redundant && r.adopt {
		c.Action, c.Place = Remove, i+1
		r.result.Changes = append(r.result.Changes, c)
		return
	}
	r.put(s, c)
}

// changeOf compares a managed statement of the live policy with the one in its position.
// Either may be nil. Lost are the subjects that pruning removes.
func changeOf(before *iam.Statement, after *ownStatement, lost []string) StatementChange {
	var b, a iam.Statement
	c := StatementChange{Action: None, Removed: lost}
	if before != nil {
		b = *before
	}
	if after != nil {
		a = after.Statement
		c.Kept, c.Edited, c.Denies = after.kept, after.isEdited(), a.Effect == iam.Deny
		if !c.Edited { // an edited statement admits nobody new
			c.Added = subtract(addedTo(b, a), c.Kept)
		}
	}
	if c.Sid = a.Sid; c.Sid == "" {
		c.Sid = b.Sid
	}
	if b.Effect == iam.Allow {
		c.Covered = subtract(subjectsOf(b), subjectsOf(a), lost)
	}
	switch {
	case before == nil:
		c.Action = Create
	case after == nil:
		c.Action = Remove
	case !iam.Same(a, b):
		c.Action = Change
	case !after.wanted:
		c.Action = Keep
	}
	if c.Action == Change || !isReadable(a) && !isReadable(b) {
		before, after := termsOf(b), termsOf(a)
		c.Elements = iam.Differences(before, after)
		c.Gained, c.Lost = subtract(after.Lines(), before.Lines()), subtract(before.Lines(), after.Lines())
	}
	return c
}

// addedTo returns the subjects that a statement lists and another does not admit.
func addedTo(before, after iam.Statement) []string {
	var added []string
	for _, part := range split(after) {
		if listed := subtract(subjectsOf(part), subjectsOf(before)) == nil; !listed || !iam.Covers(before, part) {
			added = append(added, subjectsOf(part)...)
		}
	}
	return added
}

// grantOf says what a foreign statement does, for whom.
func grantOf(s iam.Statement) string {
	who := s.Principal.String()
	switch {
	case s.Principal.IncludesEveryone():
		who = "everyone"
	case s.Principal.IsZero():
		who = "everyone but " + s.NotPrincipal.String()
	}
	if len(s.Condition) > 0 {
		who += " under conditions"
	}
	return string(s.Effect) + " " + who
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
