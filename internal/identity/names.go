package identity

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
)

// checkLabel checks a DNS label of RFC 1123 as Kubernetes reads it. Its errors
// continue a sentence that begins with the value.
func checkLabel(name string) error {
	if len(name) > 63 {
		return fmt.Errorf("has %d characters, up to 63 are allowed", len(name))
	}
	return checkDNS(name)
}

// checkSubdomain checks a DNS subdomain of RFC 1123 as Kubernetes reads it.
func checkSubdomain(name string) error {
	if len(name) > 253 {
		return fmt.Errorf("has %d characters, up to 253 are allowed", len(name))
	}
	for label := range strings.SplitSeq(name, ".") {
		if err := checkDNS(label); err != nil {
			return err
		}
	}
	return nil
}

func checkDNS(label string) error {
	if r, ok := notIn(label, lowerAnd("-")); ok {
		return fmt.Errorf("has %q, only lower-case letters, digits and - are allowed", r)
	}
	if !alnumEnds(label) {
		return errors.New("does not begin and end with a letter or digit")
	}
	return nil
}

// ValidateNamespace checks an exact host namespace: a DNS label of up to 63
// characters, as Kubernetes names namespaces (RFC 1123). Patterns are refused,
// because StringEquals takes a * literally.
func ValidateNamespace(name string) error {
	if err := checkPlain(name); err != nil {
		return err
	}
	if strings.ContainsAny(name, "*?") {
		return WithHint("set the pattern as controlPlanes.match", "%s is a pattern, and only exact namespaces are allowed here", quote(name))
	}
	if err := checkLabel(name); err != nil {
		return fmt.Errorf("%s is not a namespace: it %w", quote(name), err)
	}
	return nil
}

// HostNamespace returns the host namespace that a Space gives to a control plane
// by itself: mxp-<UUID>-system. Every other notation of that form comes from here.
func HostNamespace(id string) string { return "mxp-" + id + "-system" }

// uuidOf returns the form of a UUID, with each digit written as one of.
func uuidOf(digits func(n int) string) string {
	return strings.Join([]string{digits(8), digits(4), digits(4), digits(4), digits(12)}, "-")
}

// Match is a pattern of host namespaces: the word "uuid", or lower-case letters,
// digits and dashes with the wildcards * and ?.
type Match string

// MatchUUID admits the namespaces that [HostNamespace] returns.
const MatchUUID Match = "uuid"

// Pattern returns the pattern in IAM's wildcards, or nothing.
func (m Match) Pattern() string {
	if m == MatchUUID {
		return HostNamespace(uuidOf(func(n int) string { return strings.Repeat("?", n) }))
	}
	return string(m)
}

// Regexp returns the pattern as an anchored regular expression of RE2. It is tighter
// than IAM's wildcards: of "uuid" it admits the digits of UUIDs only, and a wildcard
// matches characters of namespaces only.
func (m Match) Regexp() string {
	if m == MatchUUID {
		return "^" + HostNamespace(uuidOf(func(n int) string { return fmt.Sprintf("[0-9a-f]{%d}", n) })) + "$"
	}
	const character = "[a-z0-9-]"
	return "^" + strings.NewReplacer(`\*`, character+"*", `\?`, character).Replace(regexp.QuoteMeta(string(m))) + "$"
}

// Admits reports whether the namespace has the form of the pattern, by its regular
// expression. The empty pattern admits none.
func (m Match) Admits(namespace string) bool {
	switch m {
	case "":
		return false
	case MatchUUID:
		return uuidRegexp().MatchString(namespace)
	}
	return regexp.MustCompile(m.Regexp()).MatchString(namespace)
}

// uuidRegexp is compiled once: discovery asks it about every namespace.
var uuidRegexp = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(MatchUUID.Regexp()) })

// ParseMatch reads a pattern of host namespaces: the word uuid, or up to 63 of
// [a-z0-9*?-] with at least one letter or digit, so that it can never admit every
// namespace of a cluster.
func ParseMatch(value string) (Match, error) {
	if value == string(MatchUUID) {
		return MatchUUID, nil
	}
	if err := checkPlain(value); err != nil {
		return "", err
	}
	hint := "write uuid, or a pattern like " + HostNamespace("*")
	if r, ok := notIn(value, lowerAnd("*?-")); ok {
		return "", WithHint(hint, "%s has %q: a pattern is of lower-case letters, digits, -, * and ?", quote(value), r)
	}
	if len(value) > 63 {
		return "", fmt.Errorf("%s has %d characters: a namespace has up to 63", quote(value), len(value))
	}
	if strings.Trim(value, "*?-") == "" {
		return "", WithHint(hint, "%s would admit every namespace", quote(value))
	}
	for _, namespace := range []string{"kube-system", "default"} {
		if Match(value).Admits(namespace) {
			return "", WithHint(hint, "%s admits the namespace %s, which is no control plane's", quote(value), namespace)
		}
	}
	return Match(value), nil
}

// ValidateServiceAccount checks the name of a ServiceAccount: a DNS subdomain
// (RFC 1123) of up to 253 characters.
func ValidateServiceAccount(name string) error {
	return validateSubdomain(name, "the name of a service account")
}

// ValidateComponentName checks a component's name. It begins the names of the
// component's artifacts and is a DNS subdomain, so that it cannot be a path.
func ValidateComponentName(name string) error {
	return validateSubdomain(name, "the name of a component")
}

// ValidateObjectName checks the name of a Kubernetes object: a DNS subdomain
// (RFC 1123) of up to 253 characters.
func ValidateObjectName(name string) error {
	return validateSubdomain(name, "the name of an object")
}

func validateSubdomain(name, what string) error {
	if err := checkPlain(name); err != nil {
		return err
	}
	if strings.HasPrefix(name, "system:serviceaccount:") {
		return WithHint("write only its last part, "+name[strings.LastIndexByte(name, ':')+1:], "%s is a token's subject", quote(name))
	}
	if err := checkSubdomain(name); err != nil {
		return fmt.Errorf("%s is not %s: it %w", quote(name), what, err)
	}
	return nil
}

// ValidateKind checks the kind of a Kubernetes object: letters and digits that
// begin with a capital.
func ValidateKind(kind string) error {
	if err := checkPlain(kind); err != nil {
		return err
	}
	if _, bad := notIn(kind, alnumAnd("")); bad || !isUpper(rune(kind[0])) || len(kind) > 63 {
		return WithHint("write it as manifests do, like ConfigMap", "%s is not a kind", quote(kind))
	}
	return nil
}

// ValidateRegion checks the code of an AWS region, such as us-west-2 or
// us-gov-east-1.
func ValidateRegion(region string) error {
	if err := checkPlain(region); err != nil {
		return err
	}
	if isRegion(region) {
		return nil
	}
	if zone := region[:len(region)-1]; isRegion(zone) && isLower(rune(region[len(region)-1])) {
		return WithHint("write its region, "+zone, "%s is an availability zone", quote(region))
	}
	return WithHint("write its code, like us-west-2", "%s is not a region", quote(region))
}

// isRegion knows the form of region codes, not their list, which grows.
func isRegion(region string) bool {
	steps := strings.Split(region, "-")
	if len(steps) < 3 || len(region) > 32 {
		return false
	}
	last := len(steps) - 1
	for _, step := range steps[:last] {
		if _, bad := notIn(step, isLower); bad || len(step) < 2 {
			return false
		}
	}
	_, bad := notIn(steps[last], isDigit)
	return !bad && (len(steps[last]) == 1 || len(steps[last]) == 2)
}

// ValidateClusterName checks the name of an EKS cluster as its CreateCluster
// does: up to 100 letters, digits, dashes and underscores that begin with a
// letter or digit.
func ValidateClusterName(name string) error {
	if err := checkPlain(name); err != nil {
		return err
	}
	if _, after, ok := strings.Cut(name, ":cluster/"); ok && strings.HasPrefix(name, "arn:") {
		return WithHint("write its name, "+after, "%s is the cluster's ARN", quote(name))
	}
	_, bad := notIn(name, alnumAnd("-_"))
	if bad || !isAlnum(rune(name[0])) || len(name) > 100 {
		return fmt.Errorf("%s is not the name of an EKS cluster: it has up to 100 letters, digits, - and _, and begins with a letter or digit", quote(name))
	}
	return nil
}

// ValidateArtifactsDir checks the directory of the artifacts, relative to the
// working directory, or the word none.
func ValidateArtifactsDir(dir string) error {
	if err := checkPlain(dir); err != nil {
		return err
	}
	if strings.ContainsRune(dir, 0) {
		return WithHint("write the path of a directory, or none", "%s has a NUL byte", quote(dir))
	}
	return nil
}
