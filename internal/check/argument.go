package check

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// argument is the text of one of Helm's arguments, with the place of each of its bytes.
type argument struct {
	text   string
	isText bool // all values are strings
	place  func(offset int) place
}

// problem is what is wrong with the syntax of an argument.
type problem struct {
	at       place
	text     string
	root     string // the first key
	brackets string // what is in the brackets that are not an index
}

// settings reads an argument as Helm does: keys with dots between them, an index in
// brackets, =, and a value that ends at a comma. A backslash takes the next character
// literally.
//
// Source: Helm, package strvals; Helm documentation, "The Format and Limitations of --set".
func (a argument) settings() (all []setting, problems []problem) {
	r := argumentReader{argument: a}
	for r.at < len(a.text) {
		start := r.at
		s, wrong := r.setting()
		if wrong != nil {
			wrong.root, _, _ = strings.Cut(a.text[start:], ".")
			return all, append(problems, *wrong)
		}
		all = append(all, s...)
	}
	return all, problems
}

// noValue does not quote the key, because it may be the rest of a password with a comma.
const noValue = "this key has no value, so Helm rejects the argument"

type argumentReader struct {
	argument
	at int
}

// setting reads up to the next comma that is not part of a value.
func (r *argumentReader) setting() ([]setting, *problem) {
	var keys []key
	start := r.at
	name, begin := strings.Builder{}, r.at
	add := func() {
		if name.Len() > 0 || r.at > begin {
			keys = append(keys, key{name: name.String(), at: r.place(begin)})
		}
		name.Reset()
	}
	for r.at < len(r.text) {
		c, size := utf8.DecodeRuneInString(r.text[r.at:])
		switch {
		case c == '\\' && r.at+1 < len(r.text):
			next, n := utf8.DecodeRuneInString(r.text[r.at+1:])
			name.WriteRune(next)
			r.at += 1 + n
			continue
		case c == '.':
			add()
			r.at++
			begin = r.at
			continue
		case c == '[':
			add()
			wrong := r.index(&keys)
			if wrong != nil {
				return nil, wrong
			}
			begin = r.at
			if r.at < len(r.text) && r.text[r.at] == '.' {
				r.at++
				begin = r.at
			}
			continue
		case c == '=':
			add()
			r.at++
			return r.value(keys), nil
		case c == ',':
			return nil, &problem{at: r.place(start), text: noValue}
		}
		name.WriteRune(c)
		r.at += size
	}
	return nil, &problem{at: r.place(start), text: noValue}
}

// index reads an index in brackets.
func (r *argumentReader) index(keys *[]key) *problem {
	inside, _, closed := strings.Cut(r.text[r.at+1:], "]")
	if _, err := strconv.ParseUint(inside, 10, 31); err != nil || !closed {
		what := "the text in brackets"
		if strings.Contains(inside, "/") {
			what = "[" + inside + "]"
		}
		return &problem{at: r.place(r.at), text: "Helm reads " + what + " as the index of a list, which is a number", brackets: inside}
	}
	*keys = append(*keys, key{name: inside, item: true, at: r.place(r.at)})
	r.at += len(inside) + 2
	return nil
}

// value reads the value of keys: a text up to the next comma, or a list in braces.
func (r *argumentReader) value(keys []key) []setting {
	start := r.at
	if r.at < len(r.text) && r.text[r.at] == '{' {
		if end := strings.IndexByte(r.text[r.at:], '}'); end >= 0 {
			r.at += end + 1
			if r.at < len(r.text) && r.text[r.at] == ',' {
				r.at++
			}
			return []setting{{keys: keys, kind: emptyValue, at: r.place(start)}}
		}
	}
	var value strings.Builder
	for r.at < len(r.text) && r.text[r.at] != ',' {
		if r.text[r.at] == '\\' && r.at+1 < len(r.text) {
			r.at++
		}
		value.WriteByte(r.text[r.at])
		r.at++
	}
	r.at++ // the comma
	if len(keys) == 0 {
		return nil
	}
	return []setting{{keys: keys, text: value.String(), kind: r.kind(value.String()), at: r.place(start), syntax: true}}
}

// kind returns the type that Helm gives a value.
//
// Source: Helm, package strvals, typedVal.
func (a argument) kind(value string) valueKind {
	switch word := strings.ToLower(value); {
	case a.isText:
		return textValue
	case word == "true" || word == "false":
		return boolValue
	case value == "null":
		return nullValue
	case value == "0":
		return numberValue
	case value != "" && value[0] != '0':
		if _, err := strconv.ParseInt(value, 10, 64); err == nil {
			return numberValue
		}
	}
	return textValue
}

// escapedKey returns the key of an annotation or label as Helm's arguments need it.
func escapedKey(key string) string { return strings.NewReplacer(`\`, `\\`, ".", `\.`).Replace(key) }

// escapedPath returns keys as Helm's arguments need them.
func escapedPath(keys []string) string {
	escaped := make([]string, len(keys))
	for i, k := range keys {
		escaped[i] = escapedKey(k)
	}
	return strings.Join(escaped, ".")
}
