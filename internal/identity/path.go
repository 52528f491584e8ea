package identity

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Path leads from the root of a document to a value in it. A path can also lead into a
// document inside a string.
type Path []Step

// Step leads from a value to a value within it. Steps can be compared with ==.
type Step struct {
	Kind StepKind
	Key  string // of a KeyStep
	Item int    // of an ItemStep, from 0
	Into Into   // of an IntoStep
}

// StepKind says what a [Step] goes through.
type StepKind uint8

// The kinds of steps.
const (
	KeyStep  StepKind = iota // to the value of a mapping's key
	ItemStep                 // to an item of a sequence
	IntoStep                 // to a document inside a string
)

// Into selects the document in a string that an IntoStep leads to.
type Into struct {
	Skip     int  // bytes before the stream, such as those of "--values="; String omits it
	Base64   bool // the stream is in base64
	Document int  // which document of the stream, from 0
}

// Field returns the path to a value below p, through mapping keys. Like Item and Inside it
// copies p, so that paths with a common beginning share no memory.
func (p Path) Field(keys ...string) Path {
	path := append(make(Path, 0, len(p)+len(keys)), p...)
	for _, key := range keys {
		path = append(path, Step{Key: key})
	}
	return path
}

// Item returns the path to an item of the sequence at p, counted from 0.
func (p Path) Item(index int) Path {
	return slices.Concat(p, Path{{Kind: ItemStep, Item: index}})
}

// Inside returns the path to a document in the string at p.
func (p Path) Inside(into Into) Path {
	return slices.Concat(p, Path{{Kind: IntoStep, Into: into}})
}

// Contains reports whether other is p or leads to a value below p.
func (p Path) Contains(other Path) bool {
	return len(p) <= len(other) && slices.Equal(p, other[:len(p)])
}

// Crossing returns the index of the first step into a string, or -1.
func (p Path) Crossing() int {
	return slices.IndexFunc(p, func(s Step) bool { return s.Kind == IntoStep })
}

// String writes the path as [ParsePath] reads it:
// data["values.yaml"] → spec.containers[0].env. It omits [Into.Skip].
func (p Path) String() string {
	var b strings.Builder
	for i, step := range p {
		switch {
		case step.Kind == ItemStep:
			b.WriteString("[" + strconv.Itoa(step.Item) + "]")
		case step.Kind == IntoStep:
			b.WriteString(step.Into.String())
		case !isPlainKey(step.Key):
			b.WriteString("[" + strconv.Quote(step.Key) + "]")
		default:
			if i > 0 && p[i-1].Kind != IntoStep {
				b.WriteByte('.')
			}
			b.WriteString(step.Key)
		}
	}
	return b.String()
}

// MarshalText returns the path as [Path.String] writes it.
func (p Path) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

func (in Into) String() string {
	arrow := " → "
	if in.Base64 {
		arrow = " (base64) → "
	}
	if in.Document > 0 {
		return arrow + "document " + strconv.Itoa(in.Document+1) + ": "
	}
	return arrow
}

// isPlainKey reports whether a path can hold the key without brackets.
func isPlainKey(key string) bool {
	return key != "" && !strings.ContainsAny(key, `.[]"' /\`) && strconv.Quote(key) == `"`+key+`"`
}

// ParsePath reads a path. A dot comes before a key, and [n] is an item. A key with dots is
// written ["a.b"] (a Go or JSON string), ['a.b'] or a\.b. The path leads into a string at
// " → " or " -> ", and into base64 at " (base64) → ". "document 2: " after the arrow
// selects the second document.
func ParsePath(text string) (Path, error) {
	if text == "" {
		return nil, errEmpty
	}
	r := pathReader{rest: strings.TrimRight(text, " ")}
	length := len(r.rest)
	var path Path
	for r.rest != "" {
		step, err := r.step(len(path) == 0 || path[len(path)-1].Kind == IntoStep)
		if err != nil {
			at := len([]rune(text[:length-len(r.rest)])) + 1
			return nil, fmt.Errorf("%s at character %d: %w", quote(text), at, err)
		}
		path = append(path, step)
	}
	if len(path) == 0 || path[0].Kind != IntoStep && path[len(path)-1].Kind != IntoStep {
		if err := CheckSpace(text); err != nil {
			return nil, err
		}
	}
	return path, nil
}

// ParseKeys reads a path that consists of mapping keys only, as values paths do.
func ParseKeys(text string) ([]string, error) {
	path, err := ParsePath(text)
	if err != nil {
		return nil, err
	}
	keys := make([]string, len(path))
	for i, step := range path {
		switch {
		case step.Kind == ItemStep:
			return nil, fmt.Errorf("%s has the item [%d]: a values path has only keys, and a key of digits is written [\"%d\"]",
				quote(text), step.Item, step.Item)
		case step.Kind == IntoStep:
			return nil, fmt.Errorf("%s leads into a string: a values path has only keys", quote(text))
		case step.Key == "":
			return nil, fmt.Errorf("%s has an empty key", quote(text))
		}
		keys[i] = step.Key
	}
	return keys, nil
}

// pathReader reads a path step by step.
type pathReader struct{ rest string }

func (r *pathReader) step(first bool) (Step, error) {
	if into, rest, ok := cutCrossing(r.rest); ok {
		r.rest = rest
		return Step{Kind: IntoStep, Into: into}, nil
	}
	if after, ok := strings.CutPrefix(r.rest, "["); ok {
		return r.bracket(after)
	}
	if !first {
		after, ok := strings.CutPrefix(r.rest, ".")
		if !ok {
			return Step{}, errors.New("expected a dot or [ after ]")
		}
		r.rest = after
	}
	return r.key()
}

// cutCrossing reads what [Into.String] writes. At the end of the text the last space may
// be missing.
func cutCrossing(text string) (into Into, rest string, ok bool) {
	rest, into.Base64 = strings.CutPrefix(text, " (base64)")
	arrow := strings.HasPrefix(rest, " → ") || strings.HasPrefix(rest, " -> ") || rest == " →" || rest == " ->"
	if !arrow {
		return Into{}, "", false
	}
	_, rest, _ = strings.Cut(rest[1:], " ")
	if number, behind, ok := strings.Cut(strings.TrimPrefix(rest, "document "), ":"); ok && strings.HasPrefix(rest, "document ") {
		n, err := strconv.ParseUint(number, 10, 31)
		if err == nil && n > 0 && (behind == "" || behind[0] == ' ') {
			into.Document, rest = int(n)-1, strings.TrimPrefix(behind, " ")
		}
	}
	return into, rest, true
}

// key reads up to the next dot, bracket or arrow. A backslash takes the
// character after it literally.
func (r *pathReader) key() (Step, error) {
	var key strings.Builder
	i := 0
	for ; i < len(r.rest) && r.rest[i] != '.' && r.rest[i] != '['; i++ {
		if _, _, ok := cutCrossing(r.rest[i:]); ok {
			break
		}
		switch r.rest[i] {
		case ']', '"', '\'':
			r.rest = r.rest[i:]
			return Step{}, fmt.Errorf("%q has no meaning here: write such a key as [\"key\"]", r.rest[0])
		case '\\':
			i++
			if i == len(r.rest) {
				return Step{}, errors.New("nothing follows the backslash")
			}
		}
		key.WriteByte(r.rest[i])
	}
	if key.Len() == 0 {
		return Step{}, errors.New("a key is missing")
	}
	r.rest = r.rest[i:]
	return Step{Key: key.String()}, nil
}

// bracket reads what follows a [: a number or a quoted key.
func (r *pathReader) bracket(after string) (step Step, err error) {
	var rest string
	switch {
	case strings.HasPrefix(after, `"`):
		literal, quoteErr := strconv.QuotedPrefix(after)
		rest = after[len(literal):]
		if step.Key, err = strconv.Unquote(literal); quoteErr != nil || err != nil {
			return Step{}, errors.New("the quoted key after [ cannot be read")
		}
	case strings.HasPrefix(after, "'"):
		var closed bool
		if step.Key, rest, closed = strings.Cut(after[1:], "'"); !closed {
			return Step{}, errors.New("the quoted key after [ cannot be read")
		}
	default:
		number, _, closed := strings.Cut(after, "]")
		item, err := strconv.ParseUint(number, 10, 31)
		if !closed || err != nil {
			return Step{}, errors.New("expected a number or a quoted key, and ], after [")
		}
		step, rest = Step{Kind: ItemStep, Item: int(item)}, after[len(number):]
	}
	rest, ok := strings.CutPrefix(rest, "]")
	if !ok {
		return Step{}, errors.New("expected ] after the quoted key")
	}
	r.rest = rest
	return step, nil
}
