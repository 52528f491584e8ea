package rewrite

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"spaces-identity.dev/internal/identity"
)

// names are the texts without which a document holds no place.
type names [][]byte

// namesOf are the names that the rules look for.
func namesOf(spec identity.Spec) names {
	n := valuesNames(spec)
	for _, c := range spec.Components {
		n = n.with(c.ServiceAccount)
	}
	for _, p := range spec.Places {
		n = n.with(p.Name)
	}
	return n
}

// valuesNames are the last keys of the components' values paths.
func valuesNames(spec identity.Spec) names {
	var n names
	for _, c := range spec.Components {
		if keys := c.Values.Component; len(keys) > 0 {
			n = n.with(keys[len(keys)-1])
		}
	}
	return n
}

func (n names) with(name string) names {
	if name == "" || slices.ContainsFunc(n, func(known []byte) bool { return string(known) == name }) {
		return n
	}
	return append(n, []byte(name))
}

// mayBeIn reports whether a text may hold one of the names: as it is, behind
// escapes, or in the base64 of a Secret.
func (n names) mayBeIn(text []byte) bool {
	return n.in(text) || n.escapedIn(text) || mayBeSecret(text)
}

// in reports whether a text holds one of the names as it is.
func (n names) in(text []byte) bool {
	return slices.ContainsFunc(n, func(name []byte) bool { return contains(text, name) })
}

// contains is bytes.Contains for a name in a text of many words: it looks for
// the name from its rarest letter on, because a search that meets its first
// letter all the time is several times slower.
func contains(text, name []byte) bool {
	rare := rarest(name)
	for at := 0; ; at++ {
		i := bytes.Index(text[at:], name[rare:])
		if i < 0 {
			return false
		}
		at += i
		if at >= rare && bytes.HasPrefix(text[at-rare:], name) {
			return true
		}
	}
}

// byFrequency are the characters that manifests have most, the most frequent
// first.
const byFrequency = " etaoinsrlcdpmu-:hgfybv.wk"

// rarest is the offset of a name's character that manifests have least.
func rarest(name []byte) int {
	best, rank := 0, -1
	for i, c := range name {
		r := strings.IndexByte(byFrequency, c)
		if r < 0 {
			return i
		}
		if r > rank {
			best, rank = i, r
		}
	}
	return best
}

// escapedIn reports whether a text has an escape of a quoted scalar that stands
// for a character of a name, or joins what may be the halves of one.
func (n names) escapedIn(text []byte) bool {
	for at := 0; ; at++ {
		i := bytes.IndexByte(text[at:], '\\')
		if i < 0 || at+i+1 >= len(text) {
			return false
		}
		at += i
		switch text[at+1] {
		case 'x':
			if n.hasCharacter(text[at+2:], 2) {
				return true
			}
		case 'u':
			if n.hasCharacter(text[at+2:], 4) {
				return true
			}
		case 'U':
			if n.hasCharacter(text[at+2:], 8) {
				return true
			}
		case '\n', '\r':
			if n.joined(text[:at], text[at+1:]) {
				return true
			}
		}
	}
}

// hasCharacter reports whether hexadecimal digits stand for a character of a
// name.
func (n names) hasCharacter(text []byte, digits int) bool {
	if len(text) < digits {
		return false
	}
	r, err := strconv.ParseUint(string(text[:digits]), 16, 32)
	return err == nil && slices.ContainsFunc(n, func(name []byte) bool { return bytes.ContainsRune(name, rune(r)) })
}

// joined reports whether the character before and the one after an escaped line
// break follow each other in a name.
func (n names) joined(before, after []byte) bool {
	after = bytes.TrimLeft(after, " \t\r\n\\")
	if len(before) == 0 || len(after) == 0 {
		return false
	}
	pair := []byte{before[len(before)-1], after[0]}
	return slices.ContainsFunc(n, func(name []byte) bool { return bytes.Contains(name, pair) })
}

// mayBeSecret reports whether a text may hold an object of kind Secret, whose
// data is base64.
func mayBeSecret(text []byte) bool {
	for {
		i := bytes.Index(text, []byte("Secret"))
		if i < 0 {
			return false
		}
		if bytes.Contains(text[max(0, i-64):i], []byte("kind")) {
			return true
		}
		text = text[i+len("Secret"):]
	}
}
