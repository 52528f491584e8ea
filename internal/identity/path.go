package identity

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// PathStep is one step of a [Path]: a mapping's key, or an item of a sequence.
type PathStep struct {
	Key    string // the key, where IsItem is false
	Item   int    // counted from 0, where IsItem is true
	IsItem bool
}

// Path leads from the root of a document to one of its nodes.
type Path []PathStep

// String writes the path so that [ParsePath] reads it back.
func (p Path) String() string {
	var b strings.Builder
	for _, step := range p {
		switch {
		case step.IsItem:
			fmt.Fprintf(&b, "[%d]", step.Item)
		case plainKey(step.Key):
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.WriteString(step.Key)
		default:
			b.WriteString("[" + strconv.Quote(step.Key) + "]")
		}
	}
	return b.String()
}

func plainKey(key string) bool {
	return key != "" && !strings.ContainsAny(key, `.[]\"'`+" \t\n\r") && printable(key)
}

func printable(key string) bool { return strconv.Quote(key) == `"`+key+`"` }

// KeysPath is the path through mappings only.
func KeysPath(keys []string) Path {
	path := make(Path, len(keys))
	for i, key := range keys {
		path[i] = PathStep{Key: key}
	}
	return path
}

// ParsePath reads a path: dots between keys, [n] for an item, and for a key
// that has dots itself ["a.b"] (a Go or JSON string), ['a.b'] or a\.b.
func ParsePath(text string) (Path, error) {
	if err := CheckSpace(text); err != nil {
		return nil, err
	}
	if text == "" {
		return nil, errEmpty
	}
	r := pathReader{rest: text}
	var path Path
	for r.rest != "" {
		step, err := r.step(len(path) == 0)
		if err != nil {
			return nil, fmt.Errorf("%s at character %d: %w", quote(text), len([]rune(text))-len([]rune(r.rest))+1, err)
		}
		path = append(path, step)
	}
	return path, nil
}

// ParseKeys reads a path of mapping keys alone, as values paths are.
func ParseKeys(text string) ([]string, error) {
	path, err := ParsePath(text)
	if err != nil {
		return nil, err
	}
	keys := make([]string, len(path))
	for i, step := range path {
		if step.IsItem {
			return nil, fmt.Errorf("%s has the item [%d]: a values path is of keys alone, a key of digits is written [\"%d\"]",
				quote(text), step.Item, step.Item)
		}
		keys[i] = step.Key
	}
	return keys, nil
}

// pathReader takes one step after the other from the front of a path.
type pathReader struct{ rest string }

func (r *pathReader) step(first bool) (PathStep, error) {
	if after, ok := strings.CutPrefix(r.rest, "["); ok {
		return r.bracket(after)
	}
	if !first {
		after, ok := strings.CutPrefix(r.rest, ".")
		if !ok {
			return PathStep{}, errors.New("a dot or [ comes after ]")
		}
		r.rest = after
	}
	return r.key()
}

// key reads up to the next dot or bracket that no backslash stands before.
func (r *pathReader) key() (PathStep, error) {
	var key strings.Builder
	i := 0
	for ; i < len(r.rest) && r.rest[i] != '.' && r.rest[i] != '['; i++ {
		switch r.rest[i] {
		case ']', '"', '\'':
			r.rest = r.rest[i:]
			return PathStep{}, fmt.Errorf("%q has no meaning here: write such a key as [\"key\"]", r.rest[0])
		case '\\':
			i++
			if i == len(r.rest) {
				return PathStep{}, errors.New("nothing follows the backslash")
			}
		}
		key.WriteByte(r.rest[i])
	}
	if key.Len() == 0 {
		return PathStep{}, errors.New("a key is missing")
	}
	r.rest = r.rest[i:]
	return PathStep{Key: key.String()}, nil
}

// bracket reads what stands after a [: a number or a quoted key.
func (r *pathReader) bracket(after string) (PathStep, error) {
	if after != "" && (after[0] == '"' || after[0] == '\'') {
		return r.quoted(after)
	}
	number, rest, ok := strings.Cut(after, "]")
	item, err := strconv.ParseUint(number, 10, 31)
	if !ok || err != nil {
		return PathStep{}, errors.New(`a number or a quoted key and ] come after [`)
	}
	r.rest = rest
	return PathStep{Item: int(item), IsItem: true}, nil
}

func (r *pathReader) quoted(after string) (PathStep, error) {
	literal, key, err := quotedKey(after)
	if err != nil || key == "" {
		return PathStep{}, errors.New("the quoted key after [ cannot be read")
	}
	rest, ok := strings.CutPrefix(after[len(literal):], "]")
	if !ok {
		return PathStep{}, errors.New("a ] comes after the quoted key")
	}
	r.rest = rest
	return PathStep{Key: key}, nil
}

func quotedKey(after string) (literal, key string, err error) {
	if after[0] == '"' {
		if literal, err = strconv.QuotedPrefix(after); err != nil {
			return "", "", err
		}
		key, err = strconv.Unquote(literal)
		return literal, key, err
	}
	key, _, ok := strings.Cut(after[1:], "'")
	if !ok {
		return "", "", errors.New("no closing quote")
	}
	return after[:len(key)+2], key, nil
}
