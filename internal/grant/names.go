package grant

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"
)

var notInObjectName = regexp.MustCompile(`[^a-z0-9-]+`)

// objectName makes the name of a Kubernetes object of names from AWS and
// Kubernetes. Where a character had to give way, or the name is too long, a hash
// keeps it apart from others.
func objectName(parts ...string) string {
	const longest = 253 // Kubernetes, "Object Names and IDs"
	plain := strings.Join(parts, "-")
	name := strings.Trim(notInObjectName.ReplaceAllString(strings.ToLower(plain), "-"), "-")
	if name == plain {
		return shorten(name, longest)
	}
	return shorten(name, longest-9) + "-" + hash(plain)
}

// shorten cuts a name that is too long and marks it with a hash of the whole.
func shorten(name string, longest int) string {
	if len(name) <= longest {
		return name
	}
	return strings.TrimRight(name[:longest-9], "-.") + "-" + hash(name)
}

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:4])
}
