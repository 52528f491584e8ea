package identity

import (
	"errors"
	"fmt"
	"strings"
)

// errEmpty is the answer to a value that must not be empty.
var errEmpty = errors.New("is empty: write a value, or leave the setting out")

// checkPlain refuses what no name, ARN or path carries: nothing at all, space
// around it, and the quotes that a shell or YAML should have taken away.
func checkPlain(value string) error {
	if value == "" {
		return errEmpty
	}
	if err := CheckSpace(value); err != nil {
		return err
	}
	if bare := strings.Trim(value, `"'`); bare != value {
		return fmt.Errorf("%s carries quotes: write %s", quote(value), bare)
	}
	return nil
}

// CheckSpace refuses white space around a value. It comes from copying, as in
// --set "key= value", and no value of the program begins or ends with it.
func CheckSpace(value string) error {
	trimmed := strings.TrimSpace(value)
	if trimmed == value {
		return nil
	}
	if trimmed == "" {
		return fmt.Errorf("%s is only white space", quote(value))
	}
	return fmt.Errorf("%s has space around it: write %s", quote(value), quote(trimmed))
}

// quote shows a user's value, cut where it is too long for a message.
func quote(value string) string {
	const longest = 120
	if runes := []rune(value); len(runes) > longest {
		value = string(runes[:longest]) + "…"
	}
	return fmt.Sprintf("%q", value)
}

// stranger returns the first character that is not of the set.
func stranger(value string, inSet func(rune) bool) (rune, bool) {
	for _, r := range value {
		if !inSet(r) {
			return r, true
		}
	}
	return 0, false
}

// lowerAnd makes the set of lower-case letters, digits and the characters given.
func lowerAnd(others string) func(rune) bool {
	return func(r rune) bool { return isLower(r) || isDigit(r) || strings.ContainsRune(others, r) }
}

// alnumAnd makes the set of letters, digits and the characters given.
func alnumAnd(others string) func(rune) bool {
	return func(r rune) bool { return isAlnum(r) || strings.ContainsRune(others, r) }
}

func isLower(r rune) bool { return 'a' <= r && r <= 'z' }
func isUpper(r rune) bool { return 'A' <= r && r <= 'Z' }
func isDigit(r rune) bool { return '0' <= r && r <= '9' }
func isAlnum(r rune) bool { return isLower(r) || isUpper(r) || isDigit(r) }

// alnumEnds reports whether the first and the last byte are letters or digits.
func alnumEnds(value string) bool {
	return value != "" && isAlnum(rune(value[0])) && isAlnum(rune(value[len(value)-1]))
}
