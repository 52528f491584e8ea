package identity

import (
	"errors"
	"fmt"
	"path"
	"strings"
)

// checkLabel is the DNS label of RFC 1123 as Kubernetes reads it. Errors read
// on after the value.
func checkLabel(name string) error {
	if len(name) > 63 {
		return fmt.Errorf("has %d characters, up to 63 are allowed", len(name))
	}
	return checkDNS(name, "-")
}

// checkSubdomain is the DNS subdomain of RFC 1123 as Kubernetes reads it.
func checkSubdomain(name string) error {
	if len(name) > 253 {
		return fmt.Errorf("has %d characters, up to 253 are allowed", len(name))
	}
	for label := range strings.SplitSeq(name, ".") {
		if err := checkDNS(label, "-"); err != nil {
			return err
		}
	}
	return nil
}

func checkDNS(name, others string) error {
	if r, strange := stranger(name, lowerAnd(others)); strange {
		return fmt.Errorf("has %q, only lower-case letters, digits and %s are allowed", r, others)
	}
	if !alnumEnds(name) {
		return errors.New("does not begin and end with a letter or digit")
	}
	return nil
}

// ValidateNamespace checks an exact host namespace: a DNS label of up to 63
// characters, as Kubernetes names namespaces (RFC 1123). Patterns are refused,
// because under StringEquals a * is only a star.
func ValidateNamespace(name string) error {
	if err := checkPlain(name); err != nil {
		return err
	}
	if strings.ContainsAny(name, "*?") {
		return fmt.Errorf("%s is a pattern, and exact namespaces stand here: give it as controlPlanes.match or --match", quote(name))
	}
	if err := checkLabel(name); err != nil {
		return fmt.Errorf("%s is not a namespace: it %w", quote(name), err)
	}
	return nil
}

// ParseMatch reads a pattern of host namespaces: the word uuid, or up to 63 of
// [a-z0-9*?-] with at least one letter or digit, so that it can never stand for
// every namespace of a cluster.
func ParseMatch(value string) (Match, error) {
	if value == string(MatchUUID) {
		return MatchUUID, nil
	}
	if err := checkPlain(value); err != nil {
		return "", err
	}
	if r, strange := stranger(value, lowerAnd("*?-")); strange {
		return "", fmt.Errorf("%s has %q: a pattern is uuid, or of lower-case letters, digits, -, * and ?, like mxp-*-system", quote(value), r)
	}
	if len(value) > 63 {
		return "", fmt.Errorf("%s has %d characters: a namespace has up to 63", quote(value), len(value))
	}
	if _, literal := stranger(value, func(r rune) bool { return strings.ContainsRune("*?-", r) }); !literal {
		return "", fmt.Errorf("%s would admit every namespace: put a letter or digit into it, like mxp-*-system, or write uuid", quote(value))
	}
	for _, namespace := range []string{"kube-system", "default"} {
		if admits, _ := path.Match(value, namespace); admits { // the characters above make no bad pattern
			return "", fmt.Errorf("%s admits the namespace %s, where no control plane lives: write more of the names' own characters, like mxp-*-system, or uuid", quote(value), namespace)
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
// component's artifacts and is a DNS subdomain, so that no path fits in.
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
		return fmt.Errorf("%s is a token's subject: write only its last part, %s", quote(name), name[strings.LastIndexByte(name, ':')+1:])
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
	if _, strange := stranger(kind, alnumAnd("")); strange || !isUpper(rune(kind[0])) || len(kind) > 63 {
		return fmt.Errorf("%s is not a kind: write it as manifests do, like ConfigMap", quote(kind))
	}
	return nil
}
