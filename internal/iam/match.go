package iam

import "strings"

// pattern is a policy value: its characters, with the wildcards * and ? as the two values
// below. A literal * or ?, such as in a value of a request or in the policy variable
// ${*}, stays that character.
//
// Source: IAM User Guide, "IAM JSON policy elements: Condition operators", string
// condition operators; "… Resource", wildcards in resource ARNs.
type pattern []rune

const (
	oneCharacter  rune = -1 // ?
	anyCharacters rune = -2 // *, also for no character
)

// newPattern parses the wildcards of a text.
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

// String returns the pattern as a policy writes it.
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

// Like reports whether a value matches a pattern with IAM's wildcards: * for any number of
// characters, ? for one. In the value, * and ? are ordinary characters.
func Like(wildcards, value string) bool { return newPattern(wildcards).covers(pattern(value)) }

// PatternCovers reports whether wildcards matches every value that other matches. It returns
// false if unsure.
func PatternCovers(wildcards, other string) bool {
	return newPattern(wildcards).covers(newPattern(other))
}

// covers reports whether p matches every value that other matches. It is exact if other has
// no wildcards. Otherwise it returns false if unsure, because only a * of p matches a *
// of other. It goes back only to the last *, so its time is at most the product of the
// lengths.
func (p pattern) covers(other pattern) bool {
	at, i := 0, 0
	star, resume := -1, 0 //mutate:equivalent star is only compared with 0, and resume is set together with it
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
	// meets[j] reports whether some value matches both p[i:] and other[j:].
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

// meetsAt returns whether some value matches both p[i:] and other[j:]. The last three are
// the results for (i+1, j), for (i, j+1) and for (i+1, j+1).
func (p pattern) meetsAt(i int, other pattern, j int, below, right, diagonal bool) bool {
	switch {
	case i == len(p) && j == len(other):
		return true
	case i < len(p) && p[i] == anyCharacters:
		return below || right
	case j < len(other) && other[j] == anyCharacters:
		return below && i < len(p) || right
	case i == len(p) || j == len(other): //mutate:equivalent [&&] diagonal is false at both ends
		return false
	}
	return diagonal && (p[i] == other[j] || p[i] == oneCharacter || other[j] == oneCharacter)
}
