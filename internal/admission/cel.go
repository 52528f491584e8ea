package admission

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"spaces-identity.dev/internal/identity"
)

// literal is a CEL string literal. Printable ASCII stands as it is, but for
// quotes and backslashes; everything else is escaped by its code point.
//
// Source: CEL language definition, "String and Bytes Values".
func literal(value string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range value {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case ' ' <= r && r <= '~':
			b.WriteRune(r)
		case r <= 0xffff:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

func literals(values []string) string {
	all := make([]string, len(values))
	for i, v := range values {
		all[i] = literal(v)
	}
	return "[" + strings.Join(all, ", ") + "]"
}

// uuidPattern is tighter than what IAM's wildcards can say: the characters of a
// UUID, not any.
const uuidPattern = `^mxp-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}-system$`

// namespaceCharacter is what a wildcard stands for: a character of a namespace.
const namespaceCharacter = "[a-z0-9-]"

// pattern is the anchored regular expression (RE2, as CEL's matches takes it) of
// a match.
func pattern(m identity.Match) string {
	if m == identity.MatchUUID {
		return uuidPattern
	}
	var b strings.Builder
	for _, r := range string(m) {
		switch r {
		case '*':
			b.WriteString(namespaceCharacter + "*")
		case '?':
			b.WriteString(namespaceCharacter)
		default:
			b.WriteString(regexp.QuoteMeta(string(r)))
		}
	}
	return "^" + b.String() + "$"
}

// entries are the pairs of a CEL map literal, sorted by key, one to a line.
func entries(pairs map[string]string, entry func(key, value string) string) string {
	var lines []string
	for _, key := range slices.Sorted(maps.Keys(pairs)) {
		lines = append(lines, entry(literal(key), literal(pairs[key])))
	}
	return strings.Join(lines, ",\n      ")
}
