package identity

import "strings"

// Nearest returns the choice that a misspelt word most likely means, or nothing
// where none is near. Case, dashes and underscores do not count.
func Nearest(word string, choices []string) string {
	word = fold(word)
	if len(word) > longestWord {
		return ""
	}
	best, least := "", len(word)/3+1
	for _, choice := range choices {
		if d := distance(word, fold(choice)); d < least || d == 0 {
			best, least = choice, d
		}
	}
	return best
}

// fold takes away what people vary in the spelling of a name.
func fold(word string) string {
	return strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(word))
}

// longestWord is the length from which no word is a misspelling of anything.
const longestWord = 256

// distance is the number of characters to insert, delete, replace or swap with
// the next to make b of a (optimal string alignment). Words too long to be a
// misspelling are just far apart.
func distance(a, b string) int {
	if len(a) > longestWord || len(b) > longestWord {
		return longestWord
	}
	d := firstRow(len(a), len(b))
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			replace := d[i-1][j-1]
			if a[i-1] != b[j-1] {
				replace++
			}
			d[i][j] = min(replace, d[i-1][j]+1, d[i][j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d[i][j] = min(d[i][j], d[i-2][j-2]+1)
			}
		}
	}
	return d[len(a)][len(b)]
}

// firstRow makes the table of distances with what it costs to make a word of
// nothing.
func firstRow(rows, columns int) [][]int {
	d := make([][]int, rows+1)
	for i := range d {
		d[i] = make([]int, columns+1)
		d[i][0] = i
	}
	for j := range d[0] {
		d[0][j] = j
	}
	return d
}

// didYouMean is the end of a message that names the nearest choice, if any.
func didYouMean(word string, choices []string) string {
	if near := Nearest(word, choices); near != "" {
		return ", did you mean " + near + "?"
	}
	return ""
}
