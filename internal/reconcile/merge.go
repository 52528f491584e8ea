package reconcile

import (
	"slices"
	"strings"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/iam"
)

// mergeOptions are what a merge may do besides adding statements and subjects.
type mergeOptions struct {
	adopt  bool                          // replace foreign statements that grant no more than the config
	prune  bool                          // remove what the config does not name
	remove func(part iam.Statement) bool // limits pruning to what an earlier plan showed; may be nil
}

// trustMerge is the result of a merge.
type trustMerge struct {
	After   iam.Document
	Changes []StatementChange
	pruned  []iam.Statement // the parts that only pruning removes
}

// mergeTrust returns the live trust policy with the desired statements in it. It treats a
// live statement by its kind:
//   - A foreign statement, which lacks a Sid of this program, stays as it is.
//   - A readable statement of this program gives up the subjects that the config names,
//     because a desired statement admits them. It keeps the others under its conditions.
//   - An edited statement of this program is replaced if the config names all its subjects.
//     Otherwise it is kept as it is, under a Sid that says so.
//
// The result has the foreign statements, the desired ones and what is kept. With pruning
// nothing is kept. Existing statements keep their order, and new ones come last.
func mergeTrust(live, wanted iam.Document, m mergeOptions) trustMerge {
	r := trustMerger{mergeOptions: m, live: live, wanted: wanted}
	for _, s := range wanted.Statement {
		r.own = append(r.own, &ownStatement{Statement: s, wanted: true})
	}
	for _, s := range live.Statement {
		if desired.Manages(s) {
			r.keep(s)
		}
	}
	r.nameStatements()
	r.layOut()
	r.result.After.Version, r.result.After.ID = versionOf(live), live.ID
	return r.result
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

// ownStatement is a statement of this program in the merged policy.
type ownStatement struct {
	iam.Statement
	wanted bool     // the config asks for it
	kept   []string // subjects in it that the config does not name
}

// isEdited reports whether the statement is kept as a whole, because it is not readable.
func (o *ownStatement) isEdited() bool { return !o.wanted && !isReadable(o.Statement) }

// trustMerger builds the merged policy.
type trustMerger struct {
	mergeOptions
	live, wanted iam.Document
	own          []*ownStatement
	result       trustMerge
}

// namedBy returns statements that admit whom the config names, with and without its limits.
func namedBy(wanted iam.Document) iam.Document {
	return iam.Document{Statement: slices.Concat(wanted.Statement, withoutLimits(wanted).Statement)}
}

// beyond returns the parts of a managed statement that the config neither admits nor
// repairs: its other subjects, or the whole statement if it is edited.
//
// Another statement may admit those whom a Deny statement denies. So a Deny statement goes
// only if the config admits all of them.
func beyond(s iam.Statement, wanted iam.Document) []iam.Statement {
	allow, whole := s, []iam.Statement{s}
	allow.Effect = iam.Allow
	switch {
	case iam.Same(s, desired.NobodyStatement()): // a placeholder in an empty policy
		return nil
	case s.Effect == iam.Deny && len(uncovered(allow, wanted)) > 0:
		return whole
	case s.Effect == iam.Deny:
		return nil
	case isReadable(s):
		return uncovered(s, namedBy(wanted))
	case isCovered(s, namedBy(wanted)) || len(uncovered(repaired(s), namedBy(wanted))) == 0:
		return nil
	}
	return whole
}

// unnamed returns the subjects that a part lists and the config does not name.
func unnamed(part iam.Statement, wanted iam.Document) []string {
	var subjects []string
	for _, p := range uncovered(repaired(part), namedBy(wanted)) {
		if p.Effect == iam.Allow {
			subjects = append(subjects, subjectsOf(p)...)
		}
	}
	return subjects
}

// keep adds to the merged policy what stays of a managed statement.
func (r *trustMerger) keep(s iam.Statement) {
	for _, part := range beyond(s, r.wanted) {
		if r.prune && (r.remove == nil || r.remove(part)) {
			r.result.pruned = append(r.result.pruned, part)
			continue
		}
		i := slices.IndexFunc(r.own, func(o *ownStatement) bool { return sameTerms(o.Statement, part) })
		if i < 0 {
			i, r.own = len(r.own), append(r.own, &ownStatement{Statement: part})
		}
		o := r.own[i]
		o.kept = sortedUnique(append(o.kept, unnamed(part, r.wanted)...))
		if isReadable(part) {
			o.Statement = withSubjects(o.Statement, slices.Concat(subjectsOf(o.Statement), subjectsOf(part))...)
		}
	}
}

// nameStatements gives each statement a Sid of its own. A desired statement has the Sid that
// the config gives it. An edited statement gets a Sid that begins with [desired.KeptSid], as
// does a kept one whose Sid the config needs.
func (r *trustMerger) nameStatements() {
	taken := map[string]bool{}
	for _, o := range r.own {
		if o.wanted {
			o.Sid = r.wantedSid(o, taken)
			taken[o.Sid] = true
		}
	}
	for _, o := range r.own {
		if !o.wanted {
			if taken[o.Sid] || o.isEdited() && !isKeptSid(o.Sid) {
				o.Sid = keptSid(o.Statement, taken)
			}
			taken[o.Sid] = true
		}
	}
}

// wantedSid returns the Sid of a desired statement: that of the config, unless another
// config shares the role and uses it for another cluster. Then the statement stays where an
// earlier run has put it, so that the two configs do not overwrite each other in turns.
func (r *trustMerger) wantedSid(o *ownStatement, taken map[string]bool) string {
	shared := slices.ContainsFunc(r.own, func(k *ownStatement) bool { return !k.wanted && !k.isEdited() && k.Sid == o.Sid })
	for _, s := range r.live.Statement {
		if shared && isKeptSid(s.Sid) && !taken[s.Sid] && sameTerms(s, o.Statement) {
			return s.Sid
		}
	}
	return o.Sid
}

func isKeptSid(sid string) bool { return strings.HasPrefix(sid, desired.KeptSid) }

// keptSid returns a free Sid that depends only on the terms of a statement.
func keptSid(s iam.Statement, taken map[string]bool) string {
	s.Sid = ""
	if isReadable(s) {
		s = withSubjects(s)
	}
	text := string(iam.Document{Statement: []iam.Statement{iam.Canonical(s)}}.Compact())
	for {
		hash := desired.ShortHash(text)
		if sid := desired.KeptSid + hash; !taken[sid] {
			return sid
		}
		text += hash
	}
}
