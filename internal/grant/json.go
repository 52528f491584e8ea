package grant

import "spaces-identity.dev/internal/iam"

// asJSON is the document itself, as the AWS APIs take it.
func asJSON(g Grant) ([]byte, error) {
	if g.Part != Associations {
		return g.Document.JSON(), nil
	}
	list := make([]iam.Association, len(g.Associations))
	for i, a := range g.Associations {
		list[i] = a.Association
	}
	return iam.AssociationsJSON(list), nil
}
