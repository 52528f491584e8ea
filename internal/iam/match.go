package iam

import "strings"

// pattern is a policy value: its characters, and the wildcards * and ? as the two
// values below. A * or ? that is only a character, as in a value of
// a request or in the policy variable ${*}, remains that character.
//
// Source: IAM User Guide, "IAM JSON policy elements: Condition operators", string
// condition operators; "… Resource", wildcards in resource ARNs.
type pattern []rune

const (
	oneCharacter  rune = -1 // ?
	anyCharacters rune = -2 // *, none included
)

// newPattern reads the wildcards of a text.
func newPattern(text string) pattern {
	p := pattern(text)
	for i, r := range p {
		switch r {
		case '*':
			p[i] = anyCharacters
		case '?':
			p[i] = oneCharacter
		}
	}
	return p
}

// String is the pattern as a policy writes it.
func (p pattern) String() string {
	text := make([]rune, len(p))
	for i, r := range p {
		switch r {
		case anyCharacters:
			r = '*'
		case oneCharacter:
			r = '?'
		}
		text[i] = r
	}
	return string(text)
}

// Like reports whether a value matches a pattern with IAM's wildcards: * for any
// characters or none, ? for one. A wildcard in the value is only a character.
func Like(wildcards, value string) bool { return newPattern(wildcards).covers(pattern(value)) }

// PatternCovers reports whether everything that the pattern other matches is
// matched by wildcards as well. It returns false if unsure.
func PatternCovers(wildcards, other string) bool {
	return newPattern(wildcards).covers(newPattern(other))
}

// covers reports whether p matches all that other matches. It lets only a * of p
// match a * of other. That is exact for values; for patterns it returns false if
// unsure. It goes back only to the last *, so its time is at most the product
// of the lengths.
func (p pattern) covers(other pattern) bool {
	at, i, star, resume := 0, 0, -1, 0
	for i < len(other) {
		switch {
		case at < len(p) && p[at] == anyCharacters:
			star, resume = at, i
			at++
		case at < len(p) && (p[at] == other[i] || p[at] == oneCharacter && other[i] != anyCharacters):
			at++
			i++
		case star >= 0:
			resume++
			at, i = star+1, resume
		default:
			return false
		}
	}
	for at < len(p) && p[at] == anyCharacters {
		at++
	}
	return at == len(p)
}

func hasWildcard(text string) bool { return strings.ContainsAny(text, "*?") }

// overlaps reports whether some value matches both patterns.
func (p pattern) overlaps(other pattern) bool {
	// meets[j] says whether p from i on and other from j on have a value in common.
	meets := make([]bool, len(other)+1)
	for i := len(p); i >= 0; i-- {
		diagonal := false // meets[j+1] of the row before
		for j := len(other); j >= 0; j-- {
			below := meets[j]
			meets[j] = p.meetsAt(i, other, j, below, j < len(other) && meets[j+1], diagonal)
			diagonal = below
		}
	}
	return meets[0]
}

// meetsAt is one step of overlaps: below, right and diagonal say the same of p
// from i+1 on, of other from j+1 on, and of both.
func (p pattern) meetsAt(i int, other pattern, j int, below, right, diagonal bool) bool {
	switch {
	case i == len(p) && j == len(other):
		return true
	case i < len(p) && p[i] == anyCharacters:
		return below || right
	case j < len(other) && other[j] == anyCharacters:
		return below && i < len(p) || right
	case i == len(p) || j == len(other):
		return false
	}
	return diagonal && (p[i] == other[j] || p[i] == oneCharacter || other[j] == oneCharacter)
}
