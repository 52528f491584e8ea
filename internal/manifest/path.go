package manifest

import "spaces-identity.dev/internal/identity"

// Path, Step and Into are those of package identity.
type (
	Path = identity.Path
	Step = identity.Step
	Into = identity.Into
)

// child is what a step within a document leads to, or nil.
func (n *Node) child(s Step) *Node {
	if s.Kind == identity.ItemStep {
		return n.Item(s.Item)
	}
	return n.Field(s.Key)
}
