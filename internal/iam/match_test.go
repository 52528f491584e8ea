package iam

import (
	"strings"
	"testing"
)

func TestLikeMatchesWildcards(t *testing.T) {
	tests := map[string]struct {
		wildcards, value string
		want             bool
	}{
		"text":                        {"abc", "abc", true},
		"other text":                  {"abc", "abd", false},
		"case":                        {"abc", "Abc", false},
		"* is nothing":                {"a*c", "ac", true},
		"* is several":                {"a*c", "abbbc", true},
		"* twice":                     {"*b*", "abc", true},
		"? is one":                    {"a?c", "abc", true},
		"? is not nothing":            {"a?c", "ac", false},
		"? is one character":          {"a?c", "aéc", true},
		"* in the value is text":      {"a?c", "a*c", true},
		"text does not match *":       {"abc", "*", false},
		"empty":                       {"", "", true},
		"* is empty":                  {"*", "", true},
		"goes back to the last *":     {"*ab*abc", "abababc", true},
		"goes back and still differs": {"*ab*abc", "abababd", false},
	}
	for name, tt := range tests {
		if got := Like(tt.wildcards, tt.value); got != tt.want {
			t.Errorf("%s: Like(%q, %q) = %v", name, tt.wildcards, tt.value, got)
		}
	}
}

func TestPatternCovers(t *testing.T) {
	tests := map[[2]string]bool{
		{"*", "a?b*"}:                                true,
		{"a*", "a?b*"}:                               true,
		{"a?", "a?"}:                                 true,
		{"a?", "a*"}:                                 false,
		{"mxp-*-system", "mxp-????-system"}:          true,
		{"mxp-????-system", "mxp-*-system"}:          false,
		{"arn:aws:s3:::b/*", "arn:aws:s3:::b/p/*"}:   true,
		{"arn:aws:s3:::b/p/*", "arn:aws:s3:::b/p*"}:  false,
		{"arn:aws:s3:::b/p*", "arn:aws:s3:::b/p/*"}:  true,
		{"arn:aws:s3:::b/p/*", "arn:aws:s3:::b/p/"}:  true,
		{"arn:aws:s3:::b/p/?*", "arn:aws:s3:::b/p/"}: false,
	}
	for pair, want := range tests {
		if got := PatternCovers(pair[0], pair[1]); got != want {
			t.Errorf("PatternCovers(%q, %q) = %v", pair[0], pair[1], got)
		}
	}
}

func TestPatternsOverlap(t *testing.T) {
	tests := map[[2]string]bool{
		{"", ""}:          true,
		{"", "*"}:         true,
		{"", "a"}:         false,
		{"", "?"}:         false,
		{"a", "a"}:        true,
		{"a", "b"}:        false,
		{"a", "ab"}:       false,
		{"a?", "?b"}:      true,
		{"a*", "*b"}:      true,
		{"a*c", "b*"}:     false,
		{"a*c", "a*b"}:    false,
		{"a*c", "?*b*"}:   true,
		{"*a", "*b"}:      false,
		{"a**", "a"}:      true,
		{"?", "**"}:       true,
		{"b/a*", "b/*"}:   true,
		{"b/a*", "b/c/*"}: false,
		{"ab*", "a"}:      false,
		{"a*b", "a"}:      false,
	}
	for pair, want := range tests {
		for _, p := range [][2]string{pair, {pair[1], pair[0]}} {
			if got := newPattern(p[0]).overlaps(newPattern(p[1])); got != want {
				t.Errorf("%q overlaps %q: %v", p[0], p[1], got)
			}
		}
	}
}

// TestPatternsAgainstBruteForce compares all pairs of short patterns by the values that
// they match. covers may only return true if it is true, and overlaps is exact. The values
// have a letter that no pattern has, and are as long as two patterns together.
func TestPatternsAgainstBruteForce(t *testing.T) {
	patterns, values := allTexts("ab*?", 4), allTexts("abc", 8)
	matched := make([][]uint64, len(patterns))
	for i, p := range patterns {
		matched[i] = make([]uint64, len(values)/64+1)
		for j, v := range values {
			want := matchNaively(p, v)
			if want {
				matched[i][j/64] |= 1 << (j % 64)
			}
			if len(v) <= 5 && Like(p, v) != want {
				t.Fatalf("Like(%q, %q) = %v", p, v, !want)
			}
		}
	}
	covering := 0
	for i, p := range patterns {
		for j, q := range patterns {
			contains, meets := true, false
			for k := range matched[i] {
				contains = contains && matched[j][k]&^matched[i][k] == 0
				meets = meets || matched[i][k]&matched[j][k] != 0
			}
			if PatternCovers(p, q) {
				covering++
				if !contains {
					t.Errorf("%q does not cover %q", p, q)
				}
			}
			if got := newPattern(p).overlaps(newPattern(q)); got != meets {
				t.Errorf("%q overlaps %q: %v", p, q, got)
			}
		}
	}
	if covering < 10*len(patterns) {
		t.Errorf("only %d pairs cover: PatternCovers is too careful", covering)
	}
}

// matchNaively matches by the definition of the wildcards.
func matchNaively(p, v string) bool {
	switch {
	case p == "":
		return v == ""
	case p[0] == '*':
		return matchNaively(p[1:], v) || v != "" && matchNaively(p, v[1:])
	}
	return v != "" && (p[0] == '?' || p[0] == v[0]) && matchNaively(p[1:], v[1:])
}

// allTexts returns all texts of the letters up to a length.
func allTexts(letters string, length int) []string {
	all, last := []string{""}, []string{""}
	for range length {
		var next []string
		for _, text := range last {
			for letter := range strings.SplitSeq(letters, "") {
				next = append(next, text+letter)
			}
		}
		all, last = append(all, next...), next
	}
	return all
}
