package reconcile

import (
	"slices"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/iam"
)

// narrow returns the live policy without whom the final policy does not admit. It is written
// before the permissions change, and the final policy after that. So nobody gains access too
// early, and nobody loses it for a moment who has it before and after.
func narrow(live, final iam.Document) iam.Document {
	out := iam.Document{Version: versionOf(live), ID: live.ID}
	taken := map[string]bool{}
	for _, s := range live.Statement {
		taken[s.Sid] = true
	}
	for _, s := range live.Statement {
		same, _ := bySid(final, s.Sid)
		if !desired.Manages(s) || s.Effect == iam.Deny || iam.Same(same, s) {
			out.Statement = append(out.Statement, s)
			continue
		}
		var left []iam.Statement
		for _, part := range split(s) {
			for _, p := range shared(part, final) {
				left = join(left, p)
			}
		}
		for i := range left {
			if left[i].Sid = s.Sid; i > 0 {
				left[i].Sid = keptSid(left[i], taken)
				taken[left[i].Sid] = true
			}
		}
		out.Statement = append(out.Statement, left...)
	}
	if len(out.Statement) == 0 {
		out.Statement = []iam.Statement{desired.NobodyStatement()}
	}
	return out
}

// shared returns statements that admit whom both a part and the final policy admit.
func shared(part iam.Statement, final iam.Document) []iam.Statement {
	own := final
	own.Statement = slices.DeleteFunc(slices.Clone(final.Statement), func(s iam.Statement) bool { return !desired.Manages(s) })
	if isCovered(part, final) || isCovered(part, namedBy(own)) {
		return []iam.Statement{part}
	}
	var all []iam.Statement
	for i, s := range withoutLimits(own).Statement {
		if len(subjectsOf(s)) == 0 {
			s = own.Statement[i]
		}
		if both, ok := intersect(part, s); ok {
			all = append(all, both)
		}
	}
	return all
}

// intersect returns a statement that admits whom both statements admit. ok is false if they
// differ in more than conditions, or if their conditions exclude each other. Then whoever
// both admit loses access until the final policy is written.
func intersect(a, b iam.Statement) (both iam.Statement, ok bool) {
	both = a
	if differing := iam.Differences(a, b); a.Effect != iam.Allow || len(differing) > 1 || len(differing) == 1 && differing[0] != "Condition" {
		return both, false
	}
	for operator, keys := range b.Condition {
		for key, values := range keys {
			if other, there := both.Condition[operator][key]; there {
				values = slices.Concat(coveredValues(operator, values, other), coveredValues(operator, other, values))
			}
			if len(values) == 0 {
				return both, false
			}
			both = subjectCondition{operator, key}.with(both, values...)
		}
	}
	return both, true
}

// coveredValues returns the values of a condition that one of the others covers.
func coveredValues(operator string, values, others []string) []string {
	return slices.DeleteFunc(slices.Clone(values), func(v string) bool {
		return !slices.ContainsFunc(others, func(o string) bool { return o == v || operator == "StringLike" && iam.PatternCovers(o, v) })
	})
}

// join adds a statement to a list: its subjects to a statement with the same terms, or else
// the statement itself.
func join(list []iam.Statement, s iam.Statement) []iam.Statement {
	i := slices.IndexFunc(list, func(t iam.Statement) bool { return sameTerms(t, s) })
	if i < 0 {
		return append(list, s)
	}
	if isReadable(s) {
		list[i] = withSubjects(list[i], slices.Concat(subjectsOf(list[i]), subjectsOf(s))...)
	}
	return list
}
