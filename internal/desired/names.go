package desired

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"strings"

	"spaces-identity.dev/internal/iam"
)

// The tag of the roles and associations that this program manages.
const (
	ManagedByTag   = "spaces-identity.dev/managed-by"
	ManagedByValue = "spaces-identity"
)

// IsManaged reports whether the tags are those of something that the program manages.
func IsManaged(tags map[string]string) bool { return tags[ManagedByTag] == ManagedByValue }

// Tags returns the tags of everything that the program creates: those of the config and the
// program's own, which wins.
func (s State) Tags() map[string]string { return managedTags(s.spec.Tags) }

// managedTags merges tags, of which the later ones win. The program's own tag wins over all.
func managedTags(tags ...map[string]string) map[string]string {
	all := map[string]string{}
	for _, t := range tags {
		maps.Copy(all, t)
	}
	all[ManagedByTag] = ManagedByValue
	return all
}

// attachedTag begins the tags of a role that record which managed policies the program has
// attached for a component. Others may attach policies to the same role.
const attachedTag = "spaces-identity.dev/managed-policies."

// AttachedTag returns the key of the role's tag that records the managed policies that the
// program has attached for a component.
func AttachedTag(component string) string {
	key := attachedTag + component
	if len(key) > longestTagKey {
		return attachedTag + ShortHash(component)
	}
	return key
}

// IsAttachedTag reports whether a tag of a role records managed policies.
func IsAttachedTag(key string) bool { return strings.HasPrefix(key, attachedTag) }

// longestTagKey is a number of characters (IAM User Guide, "Tags for IAM resources").
const longestTagKey = 128

// SidPrefix begins the Sid of every statement that the program writes.
const SidPrefix = "SpacesIdentity"

// The Sids of statements that no config asks for and only live policies have. KeptSid
// begins the Sid of a statement with kept subjects. NobodySid is for a policy that admits
// nobody.
const (
	KeptSid   = SidPrefix + "Kept"
	NobodySid = SidPrefix + "Nobody"
)

// Manages reports whether the program wrote the statement, by its Sid.
func Manages(s iam.Statement) bool { return strings.HasPrefix(s.Sid, SidPrefix) }

// longestPolicyName is a number of characters (IAM API reference, PutRolePolicy).
const longestPolicyName = 128

// PolicyName returns the name of the inline policy with a component's permissions. It
// contains the component's name, because components can share a role.
func PolicyName(component string) string {
	name := SidPrefix + "-" + component
	if len(name) > longestPolicyName {
		return SidPrefix + "-" + ShortHash(component)
	}
	return name
}

// ManagesPolicy reports whether the program wrote the inline policy, by its name.
func ManagesPolicy(name string) bool { return strings.HasPrefix(name, SidPrefix+"-") }

// FormerPolicyName returns the name of the same policy in forms that an earlier version
// exported.
func FormerPolicyName(component string) string {
	name := "spaces-identity-" + component
	if len(name) > longestPolicyName {
		return strings.TrimRight(name[:longestPolicyName-9], "-.") + "-" + ShortHash(name)
	}
	return name
}

// ReadmePolicyName is the name that an earlier README gave to the policy. Others may use
// it too, so a policy of that name may be foreign.
const ReadmePolicyName = "backup"

// ShortHash returns the first eight hexadecimal digits of the SHA-256 of a text, to make a
// name unique or shorter.
func ShortHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:4])
}

// RestartAnnotation is the restart annotation of a pod template. Its value changes with the
// identity of the pods, so that an upgrade replaces them. EKS injects credentials only
// when a pod is created.
const RestartAnnotation = "spaces-identity.dev/identity"

// RestartValue returns the value of the restart annotation for pods that depend on
// the components: sixteen hexadecimal digits.
func RestartValue(components ...Component) string {
	digest := sha256.New()
	encoder := json.NewEncoder(digest)
	for _, c := range components {
		// Neither call can fail: these types always encode, and a hash accepts every write.
		_ = encoder.Encode([]any{c.Name, c.Mode, c.Role.String(), c.ExtraAnnotations, c.PodLabels})
	}
	return hex.EncodeToString(digest.Sum(nil))[:16]
}
