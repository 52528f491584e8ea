package reconcile

import (
	"strings"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/iam"
)

// Origin says why a statement is in a live trust policy.
type Origin string

// The origins of a statement.
const (
	OwnStatement     Origin = "managed" // of this program, and the config names at least one of its subjects
	KeptStatement    Origin = "kept"    // of this program, and the config names none of its subjects
	ForeignStatement Origin = "foreign" // of somebody else
)

// ReviewedStatement is a statement of a live trust policy, as a plan judges it.
type ReviewedStatement struct {
	Sid    string     `json:"sid,omitempty"`
	Effect iam.Effect `json:"effect"`
	Origin Origin     `json:"origin"`
	Kept   []string   `json:"kept,omitempty"` // subjects of a managed statement that the config does not name
}

// Review returns the statements of a live trust policy in their order. It judges them by the
// rules by which a plan keeps and prunes statements.
func Review(live, wanted iam.Document) []ReviewedStatement {
	var all []ReviewedStatement
	for _, s := range live.Statement {
		one := ReviewedStatement{Sid: s.Sid, Effect: s.Effect, Origin: ForeignStatement}
		if desired.Manages(s) {
			one.Origin = OwnStatement
			parts := beyond(s, wanted)
			for _, part := range parts {
				one.Kept = append(one.Kept, unnamed(part, wanted)...)
			}
			one.Kept = sortedUnique(one.Kept)
			if len(parts) > 0 && (strings.HasPrefix(s.Sid, desired.KeptSid) || len(one.Kept) == len(sortedUnique(subjectsOf(s)))) {
				one.Origin = KeptStatement
			}
		}
		all = append(all, one)
	}
	return all
}
