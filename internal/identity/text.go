package identity

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// hintedError is an error with a next step for the user.
type hintedError struct {
	error
	hint string
}

// Unwrap returns the error without the next step.
func (e *hintedError) Unwrap() error { return e.error }

// Hint returns the next step, one sentence.
func (e *hintedError) Hint() string { return e.hint }

// WithHint returns the error of fmt.Errorf, with a next step for the user. Its Error
// method omits the hint. Code that prints the error finds it by the method Hint() string.
func WithHint(hint, format string, args ...any) error {
	return &hintedError{fmt.Errorf(format, args...), hint}
}

// Hinter is an error with a next step.
type Hinter interface {
	error
	Hint() string
}

// HintOf returns the next step after an error: that of the outermost error with one, or
// nothing.
func HintOf(err error) string {
	if h, ok := errors.AsType[Hinter](err); ok {
		return h.Hint()
	}
	return ""
}

var errEmpty = WithHint("write a value, or leave the setting out", "is empty")

// checkPlain rejects an empty value, and one with space or quotes around it. A shell or
// YAML should have removed the quotes.
func checkPlain(value string) error {
	if value == "" {
		return errEmpty
	}
	if err := CheckSpace(value); err != nil {
		return err
	}
	if bare := strings.Trim(value, `"'`); bare != value {
		return WithHint("write "+bare, "%s has quotes around it", quote(value))
	}
	return nil
}

// CheckSpace rejects white space around a value. It gets there by copying, and no value
// of the program begins or ends with it.
func CheckSpace(value string) error {
	trimmed := strings.TrimSpace(value)
	if trimmed == value {
		return nil
	}
	if trimmed == "" {
		return fmt.Errorf("%s is only white space", quote(value))
	}
	return WithHint("write "+quote(trimmed), "%s has space around it", quote(value))
}

// quote returns a user's value for a message, truncated if it is long.
func quote(value string) string {
	const longest = 120
	if runes := []rune(value); len(runes) > longest {
		value = string(runes[:longest]) + "…"
	}
	return fmt.Sprintf("%q", value)
}

// checkChoice rejects a value that is not one of the choices.
func checkChoice[S ~string](value S, choices []S) error {
	if err := checkPlain(string(value)); err != nil {
		return err
	}
	if slices.Contains(choices, value) {
		return nil
	}
	words := Words(choices)
	return WithHint(DidYouMean(string(value), words), "%s is not %s", quote(string(value)), OneOf(words))
}

// Words returns words as strings.
func Words[T ~string](words []T) []string {
	var all []string
	for _, word := range words {
		all = append(all, string(word))
	}
	return all
}

// OneOf returns the words as a list with "or" before the last.
func OneOf(words []string) string { return listed(words, " or ") }

// AllOf returns the words as a list with "and" before the last.
func AllOf(words []string) string { return listed(words, " and ") }

func listed(words []string, conjunction string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + conjunction + words[last]
}

// The characters of which names are made.
const (
	digits = "0123456789"
	lower  = "abcdefghijklmnopqrstuvwxyz"
	alnum  = lower + "ABCDEFGHIJKLMNOPQRSTUVWXYZ" + digits
)

// notIn returns the first character that is not in the set.
func notIn(value, set string) (rune, bool) {
	rest := strings.TrimLeft(value, set)
	r, _ := utf8.DecodeRuneInString(rest)
	return r, rest != ""
}

// DidYouMean returns the hint that names the nearest choice, or nothing.
func DidYouMean(word string, choices []string) string {
	if near := Nearest(word, choices); near != "" {
		return "did you mean " + quote(near) + "?"
	}
	return ""
}

// Nearest returns the choice that a misspelt word most likely means, or the only one that
// begins with the word. If there is none, it returns nothing. It ignores case, dashes
// and underscores.
func Nearest(word string, choices []string) string {
	word = foldName(word)
	if len(word) > longestWord {
		return ""
	}
	best, least := "", len(word)/3+1
	var longer []string
	for _, choice := range choices {
		if d := editDistance(word, foldName(choice)); d < least || d == 0 {
			best, least = choice, d
		}
		if word != "" && strings.HasPrefix(foldName(choice), word) {
			longer = append(longer, choice)
		}
	}
	if best == "" && len(longer) == 1 {
		return longer[0]
	}
	return best
}

// foldName returns the word in lower case, without dashes and underscores.
func foldName(word string) string {
	return strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(word))
}

// longestWord is the length in bytes up to which a word can be a misspelling.
const longestWord = 256

// editDistance returns how many bytes to insert, delete, replace or swap with the next one to
// turn a into b (optimal string alignment). No module that the program already uses
// counts a swap as one edit.
func editDistance(a, b string) int {
	if len(a) > longestWord || len(b) > longestWord {
		return longestWord
	}
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		for j := range rows[i] {
			switch {
			case i == 0 || j == 0:
				rows[i][j] = i + j
			case a[i-1] == b[j-1]:
				rows[i][j] = rows[i-1][j-1]
			default:
				rows[i][j] = min(rows[i-1][j], rows[i][j-1], rows[i-1][j-1]) + 1
			}
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
