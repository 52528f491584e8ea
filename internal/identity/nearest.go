package identity

import "strings"

// Nearest returns the choice that a misspelt word most likely means, or nothing
// where none is near. Case, dashes and underscores do not count.
func Nearest(word string, choices []string) string {
	word = fold(word)
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

// distance is the number of characters to insert, delete or replace to make b
// of a (Levenshtein). Words too long to be a misspelling are just far apart.
func distance(a, b string) int {
	const longest = 256
	if len(a) > longest || len(b) > longest {
		return longest
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			step := diagonal
			if a[i] != b[j] {
				step++
			}
			diagonal = row[j+1]
			row[j+1] = min(step, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// didYouMean is the end of a message that names the nearest choice, if any.
func didYouMean(word string, choices []string) string {
	if near := Nearest(word, choices); near != "" {
		return ", did you mean " + near + "?"
	}
	return ""
}
