package identity

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"spaces-identity.dev/internal/lazyregexp"
)

// checkName checks a name of up to most characters from a set, which begins and ends with
// a letter or digit. Its errors continue a sentence that begins with the name.
func checkName(name string, most int, set, setInWords string) error {
	if len(name) > most {
		return fmt.Errorf("has %d characters, up to %d are allowed", len(name), most)
	}
	if r, ok := notIn(name, set); ok {
		return fmt.Errorf("has %q, only %s are allowed", r, setInWords)
	}
	if name == "" || strings.Trim(name[:1]+name[len(name)-1:], alnum) != "" {
		return errors.New("does not begin and end with a letter or digit")
	}
	return nil
}

// checkLabel checks a DNS label of RFC 1123 as Kubernetes reads it.
func checkLabel(name string, most int) error {
	return checkName(name, most, lower+digits+"-", "lower-case letters, digits and -")
}

// checkSubdomain checks a DNS subdomain of RFC 1123 as Kubernetes reads it.
func checkSubdomain(name string) error {
	const most = 253
	if len(name) > most {
		return fmt.Errorf("has %d characters, up to %d are allowed", len(name), most)
	}
	for label := range strings.SplitSeq(name, ".") {
		if err := checkLabel(label, most); err != nil {
			return err
		}
	}
	return nil
}

// ValidateNamespace checks the exact name of a host namespace: a DNS label (RFC 1123) of
// up to 63 characters. It rejects patterns, because StringEquals takes a * literally.
func ValidateNamespace(name string) error {
	if err := checkPlain(name); err != nil {
		return err
	}
	if strings.ContainsAny(name, "*?") {
		return WithHint("set the pattern as controlPlanes.match", "%s is a pattern, and only exact namespaces are allowed here", quote(name))
	}
	if err := checkLabel(name, 63); err != nil {
		return fmt.Errorf("%s is not a namespace: it %w", quote(name), err)
	}
	return nil
}

// validateOneNamespace checks the exact name of a namespace that is not a setting of the
// control planes.
func validateOneNamespace(name string) error {
	if strings.ContainsAny(name, "*?") {
		return WithHint("write the exact name; controlPlanes.match is for the namespaces of control planes", "%s is a pattern", quote(name))
	}
	return ValidateNamespace(name)
}

// validateVCluster checks the name of a vcluster, which is a Helm release and ends the names
// of objects.
func validateVCluster(name string) error {
	if err := checkPlain(name); err != nil {
		return err
	}
	if err := checkLabel(name, 63); err != nil {
		return fmt.Errorf("%s is not the name of a vcluster: it %w", quote(name), err)
	}
	return nil
}

// ControlPlaneLabel is the label that Spaces sets on the host namespace of a control plane.
// It is not part of the published API.
//
// Source: Upbound's command-line reference.
const ControlPlaneLabel = "internal.spaces.upbound.io/controlplane-name"

// HostNamespace returns the host namespace that a Space creates for a control plane:
// mxp-<UUID>-system. Every other notation of that form comes from here.
func HostNamespace(id string) string { return "mxp-" + id + "-system" }

// uuidForm returns the form of a UUID, with n digits written as digits(n).
func uuidForm(digits func(n int) string) string {
	return strings.Join([]string{digits(8), digits(4), digits(4), digits(4), digits(12)}, "-")
}

// Match is a pattern of host namespaces: the word "uuid", or lower-case letters,
// digits and dashes with the wildcards * and ?.
type Match string

// MatchUUID admits the namespaces that [HostNamespace] returns.
const MatchUUID Match = "uuid"

// Pattern returns the pattern in IAM's wildcards. The empty Match has none.
func (m Match) Pattern() string {
	if m == MatchUUID {
		return HostNamespace(uuidForm(func(n int) string { return strings.Repeat("?", n) }))
	}
	return string(m)
}

// Regexp returns the pattern as an anchored regular expression of RE2. It admits less
// than IAM's wildcards: "uuid" admits only hexadecimal digits, and a wildcard matches only
// characters of namespaces.
func (m Match) Regexp() string {
	if m == MatchUUID {
		return "^" + HostNamespace(uuidForm(func(n int) string { return fmt.Sprintf("[0-9a-f]{%d}", n) })) + "$"
	}
	const character = "[a-z0-9-]"
	return "^" + strings.NewReplacer(`\*`, character+"*", `\?`, character).Replace(regexp.QuoteMeta(string(m))) + "$"
}

// uuidRegexp is compiled once, because discovery matches every namespace.
var uuidRegexp = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(MatchUUID.Regexp()) })

// Admits reports whether the namespace matches [Match.Regexp]. The empty Match admits none.
func (m Match) Admits(namespace string) bool {
	switch m {
	case "":
		return false
	case MatchUUID:
		return uuidRegexp().MatchString(namespace)
	}
	return regexp.MustCompile(m.Regexp()).MatchString(namespace)
}

// ParseMatch reads a pattern of host namespaces: the word uuid, or up to 63 of
// [a-z0-9*?-]. It rejects patterns that admit every namespace or one that Kubernetes
// creates.
func ParseMatch(value string) (Match, error) {
	if value == string(MatchUUID) {
		return MatchUUID, nil
	}
	if err := checkPlain(value); err != nil {
		return "", err
	}
	hint := "write uuid, or a pattern like " + HostNamespace("*")
	if r, ok := notIn(value, lower+digits+"*?-"); ok {
		return "", WithHint(hint, "%s has %q: a pattern has only lower-case letters, digits, -, * and ?", quote(value), r)
	}
	if len(value) > 63 {
		return "", fmt.Errorf("%s has %d characters: a namespace has up to 63", quote(value), len(value))
	}
	if strings.Trim(value, "*?-") == "" {
		return "", WithHint(hint, "%s would admit every namespace", quote(value))
	}
	for _, namespace := range []string{"kube-system", "default"} {
		if Match(value).Admits(namespace) {
			return "", WithHint(hint, "%s admits the namespace %s, which does not belong to a control plane", quote(value), namespace)
		}
	}
	return Match(value), nil
}

// ValidateServiceAccount checks the name of a ServiceAccount: a DNS subdomain (RFC 1123).
func ValidateServiceAccount(name string) error {
	return validateSubdomain(name, "the name of a service account")
}

// ValidateComponentName checks a component's name: a DNS subdomain (RFC 1123). The names
// of the component's artifacts begin with it, so it must not be a path.
func ValidateComponentName(name string) error {
	return validateSubdomain(name, "the name of a component")
}

// ValidateObjectName checks the name of a Kubernetes object: a DNS subdomain (RFC 1123).
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

// The forms of values that are short enough. The JSON Schema of the config has them, too. The
// lengths are checked separately: a regexp with a large limit takes long to compile.
const (
	KindForm    = `^[A-Z][A-Za-z0-9]*$`
	RegionForm  = `^[a-z]{2,}(-[a-z]{2,})+-[0-9]{1,2}$` // AWS adds regions, so there is no list
	ClusterForm = `^[A-Za-z0-9][A-Za-z0-9_-]*$`         // Amazon EKS API reference, CreateCluster
)

var (
	kindForm    = lazyregexp.New(KindForm)
	regionForm  = lazyregexp.New(RegionForm)
	clusterForm = lazyregexp.New(ClusterForm)
)

// ValidateKind checks the kind of a Kubernetes object.
func ValidateKind(kind string) error {
	if err := checkPlain(kind); err != nil || len(kind) <= 63 && kindForm.Get().MatchString(kind) {
		return err
	}
	return WithHint("write it as manifests do, like ConfigMap", "%s is not a kind", quote(kind))
}

// ValidateRegion checks the code of an AWS region, such as us-west-2 or us-gov-east-1.
func ValidateRegion(region string) error {
	isRegion := func(code string) bool { return len(code) <= 32 && regionForm.Get().MatchString(code) }
	if err := checkPlain(region); err != nil || isRegion(region) {
		return err
	}
	if zone := region[:len(region)-1]; isRegion(zone) && strings.Contains(lower, region[len(region)-1:]) {
		return WithHint("write its region, "+zone, "%s is an availability zone", quote(region))
	}
	return WithHint("write its code, like us-west-2", "%s is not a region", quote(region))
}

// ValidateClusterName checks the name of an EKS cluster.
func ValidateClusterName(name string) error {
	if err := checkPlain(name); err != nil || len(name) <= 100 && clusterForm.Get().MatchString(name) {
		return err
	}
	if _, after, ok := strings.Cut(name, ":cluster/"); ok && strings.HasPrefix(name, "arn:") {
		return WithHint("write its name, "+after, "%s is the cluster's ARN", quote(name))
	}
	return fmt.Errorf("%s is not the name of an EKS cluster: it has up to 100 letters, digits, - and _, and begins with a letter or digit", quote(name))
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
