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
	named := namedBy(final)
	if isCovered(part, named) {
		return []iam.Statement{part}
	}
	if r := repaired(part); iam.Covers(part, r) && isCovered(r, named) {
		return []iam.Statement{r}
	}
	var all []iam.Statement
	for _, s := range final.Statement {
		if desired.Manages(s) {
			all = append(all, slices.DeleteFunc(split(s), func(t iam.Statement) bool { return !iam.Covers(part, t) })...)
		}
	}
	return all
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
