package identity

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// RoleAnnotation is the ServiceAccount's annotation that names the role.
	//
	// Source: Amazon EKS Pod Identity Webhook.
	RoleAnnotation = "eks.amazonaws.com/role-arn"
	// Audience is the audience of the tokens in every partition of AWS.
	Audience = "sts.amazonaws.com"
)

// EKS's webhook reads the annotations webhookDomain/<one of webhookNames>.
const webhookDomain = "eks.amazonaws.com"

// The annotations that set the audience of tokens and, in seconds, how long they are valid.
const (
	AudienceAnnotation   = webhookDomain + "/audience"
	ExpirationAnnotation = webhookDomain + "/token-expiration"
)

var webhookNames = []string{"role-arn", "audience", "sts-regional-endpoints", "token-expiration"}

// ValidateAnnotation checks an annotation that the user adds to a ServiceAccount, by
// Kubernetes' rules. If EKS's webhook reads the annotation, it checks the value too. It
// rejects the role's annotation, which the program writes from roleARN, and keys that
// look like it.
func ValidateAnnotation(key, value string) error {
	if err := ValidateMetadataKey(key); err != nil {
		return err
	}
	const most = 256 << 10 // bytes of all annotations of an object, as Kubernetes limits them
	if len(value) > most {
		return fmt.Errorf("the value of %s has %d bytes: Kubernetes allows up to %d", key, len(value), most)
	}
	if err := CheckSpace(value); err != nil {
		return fmt.Errorf("the value of %s: %w", key, err)
	}
	return checkWebhookValue(key, value)
}

// ValidateLabel checks a label that the user adds to pods, by Kubernetes' rules. The
// value is empty or has the form of [checkQualifiedName].
func ValidateLabel(key, value string) error {
	if err := ValidateMetadataKey(key); err != nil {
		return err
	}
	if strings.HasPrefix(key, webhookDomain+"/") {
		return fmt.Errorf("%s is an annotation of service accounts: as a pod's label it does nothing", key)
	}
	if err := CheckSpace(value); err != nil {
		return fmt.Errorf("the value of %s: %w", key, err)
	}
	if err := checkQualifiedName(value); err != nil && value != "" {
		return fmt.Errorf("the value of %s, %s, %w", key, quote(value), err)
	}
	return nil
}

// ValidateMetadataKey checks the key of an annotation or label: a name, or a DNS
// subdomain, a slash and a name. It rejects misspelt keys of the webhook, because
// nothing else reports them.
func ValidateMetadataKey(key string) error {
	if err := checkPlain(key); err != nil {
		return fmt.Errorf("the key %w", err)
	}
	switch meant := Misspelt(key); meant {
	case "":
	case RoleAnnotation:
		return WithHint("set roleARN, and the program writes it", "%s is not the key that EKS reads, which is %s", quote(key), meant)
	default:
		return WithHint("did you mean "+quote(meant)+"?", "%s is not a key that EKS reads", quote(key))
	}
	domain, name, qualified := strings.Cut(key, "/")
	if !qualified {
		name = key
	}
	if err := checkQualifiedName(name); err != nil {
		return fmt.Errorf("the key %s %w", quote(key), err)
	}
	if err := checkSubdomain(domain); err != nil && qualified {
		return fmt.Errorf("the key %s has no valid domain before the slash: it %w", quote(key), err)
	}
	return nil
}

// checkQualifiedName checks a label's value, or the name in the key of an annotation or
// label.
func checkQualifiedName(name string) error {
	return checkName(name, 63, alnum+"-_.", "letters, digits, -, _ and .")
}

// Misspelt returns the webhook's key that a misspelt key means. It returns nothing if the
// key is correct or not similar to one.
func Misspelt(key string) string {
	domain, name, qualified := strings.Cut(key, "/")
	if !qualified {
		domain, name = webhookDomain, key
	}
	if qualified && domain == webhookDomain && slices.Contains(webhookNames, name) {
		return ""
	}
	if editDistance(strings.ToLower(domain), webhookDomain) > 5 { // eks.amazon.aws is 5 away
		return ""
	}
	for _, right := range webhookNames {
		if editDistance(foldName(name), foldName(right)) <= 1 && (qualified || foldName(name) == foldName("role-arn")) {
			return webhookDomain + "/" + right
		}
	}
	return ""
}

// checkWebhookValue checks an annotation that the Amazon EKS Pod Identity Webhook reads.
// The webhook itself only logs values that it cannot use.
func checkWebhookValue(key, value string) error {
	switch key {
	case RoleAnnotation:
		return WithHint("set roleARN instead", "%s is written by the program", RoleAnnotation)
	case AudienceAnnotation:
		if value != Audience {
			return WithHint("leave the annotation out", "%s is %s, and the trust policy admits only the audience %s", key, quote(value), Audience)
		}
	case ExpirationAnnotation:
		if seconds, err := strconv.ParseUint(value, 10, 32); err != nil || seconds < 600 {
			return WithHint("write a whole number of seconds, at least 600", "%s is %s", key, quote(value))
		}
	case webhookDomain + "/sts-regional-endpoints":
		if value != "true" && value != "false" {
			return WithHint("write true or false", "%s is %s", key, quote(value))
		}
	}
	return nil
}

// ValidateTag checks an AWS tag.
//
// Source: Amazon EKS API reference, CreatePodIdentityAssociation, tags; Amazon EKS User Guide,
// "Organize Amazon EKS resources with tags"; IAM User Guide, "Tags for IAM resources".
func ValidateTag(key, value string) error {
	const set = "letters, digits, spaces and _.:/=+@-"
	switch {
	case key == "" || utf8.RuneCountInString(key) > 128 || !isTagText(key):
		return fmt.Errorf("the key %s is not allowed: AWS allows 1 to 128 "+set, quote(key))
	case utf8.RuneCountInString(value) > 256 || !isTagText(value):
		return fmt.Errorf("the value of %s is not allowed: AWS allows up to 256 "+set, quote(key))
	case strings.HasPrefix(strings.ToLower(key), "aws:"):
		return fmt.Errorf("the key %s is not allowed: keys that begin with aws: belong to AWS", quote(key))
	case strings.HasPrefix(strings.ToLower(value), "aws:"):
		return fmt.Errorf("the value of %s is not allowed: it begins with aws: and EKS accepts no such value", quote(key))
	}
	return nil
}

func isTagText(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool {
		return !unicode.In(r, unicode.L, unicode.Z, unicode.N) && !strings.ContainsRune("_.:/=+@-", r)
	})
}
