package manifest

import (
	"slices"
	"strconv"
	"strings"
)

// Step leads from a value to a value within it: a Key of a mapping, an Index of
// a sequence, or, with Into, a document written inside a string.
type Step struct {
	Key   string
	Index int // counts where Key is empty and Into is nil
	Into  *Into
}

// Into says how a document stands in a string.
type Into struct {
	Skip     int  // bytes before it, such as those of --values=
	Base64   bool // what follows them is base64 of the stream
	Document int  // which document of the stream, from 0
}

// Path leads from a document's root to a value.
type Path []Step

// Field is the path to a key of the mapping at p.
func (p Path) Field(keys ...string) Path {
	for _, key := range keys {
		p = append(slices.Clip(p), Step{Key: key})
	}
	return p
}

// Item is the path to an element of the sequence at p.
func (p Path) Item(index int) Path { return append(slices.Clip(p), Step{Index: index}) }

// Inside is the path to a document in the string at p.
func (p Path) Inside(into Into) Path { return append(slices.Clip(p), Step{Into: &into}) }

// String is the path as people write it: spec.containers[0].env[1].value, with
// keys that hold dots in brackets, and " → " where it goes into a string.
func (p Path) String() string {
	var b strings.Builder
	for i, s := range p {
		switch {
		case s.Into != nil:
			b.WriteString(s.Into.String())
		case s.Key == "" || strings.ContainsAny(s.Key, ".[]\"' /"):
			if s.Key == "" {
				b.WriteString("[" + strconv.Itoa(s.Index) + "]")
			} else {
				b.WriteString("[" + strconv.Quote(s.Key) + "]")
			}
		default:
			if i > 0 && p[i-1].Into == nil {
				b.WriteByte('.')
			}
			b.WriteString(s.Key)
		}
	}
	return b.String()
}

func (in *Into) String() string {
	arrow := " → "
	if in.Base64 {
		arrow = " (base64) → "
	}
	if in.Document > 0 {
		return arrow + "document " + strconv.Itoa(in.Document+1) + ": "
	}
	return arrow
}

func (s Step) equal(t Step) bool {
	if s.Into != nil || t.Into != nil {
		return s.Into != nil && t.Into != nil && *s.Into == *t.Into
	}
	return s == t
}

// child is what a step within a document leads to, or nil.
func (n *Node) child(s Step) *Node {
	if s.Key != "" {
		return n.Field(s.Key)
	}
	return n.Item(s.Index)
}
