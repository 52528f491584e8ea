package identity

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// RoleAnnotation is the ServiceAccount's annotation that names the role
	// (Amazon EKS Pod Identity Webhook).
	RoleAnnotation = "eks.amazonaws.com/role-arn"
	// Audience is the audience of the tokens in every partition of AWS.
	Audience = "sts.amazonaws.com"
)

// webhookDomain is the prefix of the annotations that EKS's webhook reads.
const webhookDomain = "eks.amazonaws.com"

func webhookNames() []string {
	return []string{"role-arn", "audience", "sts-regional-endpoints", "token-expiration"}
}

// ValidateAnnotation checks an annotation that the user adds to a
// ServiceAccount: the key by Kubernetes' rules, the value by the webhook's
// if the webhook reads it. The role's own annotation is refused, because the
// program writes it from roleARN, and so are keys that look like it.
func ValidateAnnotation(key, value string) error {
	if err := ValidateMetadataKey(key); err != nil {
		return err
	}
	const most = 256 << 10 // bytes of all annotations of an object, as Kubernetes limits them
	if len(value) > most {
		return fmt.Errorf("the value of %s has %d bytes: Kubernetes takes up to %d", key, len(value), most)
	}
	if err := CheckSpace(value); err != nil {
		return fmt.Errorf("the value of %s: %w", key, err)
	}
	return checkWebhookValue(key, value)
}

// ValidateLabel checks a label that the user adds to pods, by Kubernetes' rules:
// a qualified name as key, and a value of up to 63 letters, digits and -_. that
// begins and ends with a letter or digit, or is empty.
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
	if value == "" {
		return nil
	}
	if err := checkName(value); err != nil {
		return fmt.Errorf("the value of %s, %s, %w", key, quote(value), err)
	}
	return nil
}

// ValidateMetadataKey checks the key of an annotation or label: a name of up to
// 63 letters, digits and -_. after an optional DNS subdomain and a slash. Near
// misses of the webhook's keys are errors, because nobody else reports them.
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
		domain, name = "", key
	}
	if err := checkName(name); err != nil {
		return fmt.Errorf("the key %s %w", quote(key), err)
	}
	if !qualified {
		return nil
	}
	if err := checkSubdomain(domain); err != nil {
		return fmt.Errorf("the key %s has no valid domain before the slash: it %w", quote(key), err)
	}
	return nil
}

// Misspelt returns the key of the webhook's that this one was meant to be, or
// nothing if it is right or something else.
func Misspelt(key string) string {
	domain, name, qualified := strings.Cut(key, "/")
	if !qualified {
		domain, name = webhookDomain, key
	}
	if qualified && domain == webhookDomain && slices.Contains(webhookNames(), name) {
		return ""
	}
	if distance(strings.ToLower(domain), webhookDomain) > 5 { // eks.amazon.aws is 5 away
		return ""
	}
	for _, right := range webhookNames() {
		if distance(fold(name), fold(right)) <= 1 && (qualified || fold(name) == fold("role-arn")) {
			return webhookDomain + "/" + right
		}
	}
	return ""
}

// checkName checks the name in a qualified name of Kubernetes, or a label's value.
func checkName(name string) error {
	if len(name) > 63 {
		return fmt.Errorf("has %d characters, up to 63 are allowed", len(name))
	}
	if r, ok := notIn(name, alnumAnd("-_.")); ok {
		return fmt.Errorf("has %q, only letters, digits, -, _ and . are allowed", r)
	}
	if !alnumEnds(name) {
		return errors.New("does not begin and end with a letter or digit")
	}
	return nil
}

// checkWebhookValue checks the annotations that the Amazon EKS Pod Identity
// Webhook reads. It would only log what it cannot use.
func checkWebhookValue(key, value string) error {
	switch key {
	case RoleAnnotation:
		return WithHint("set roleARN instead", "%s is written by the program", RoleAnnotation)
	case webhookDomain + "/audience":
		if value != Audience {
			return WithHint("leave the annotation out", "%s is %s, and the trust policy admits only the audience %s", key, quote(value), Audience)
		}
	case webhookDomain + "/token-expiration":
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

// ValidateTag checks an AWS tag of an association.
//
// Source: Amazon EKS API reference, CreatePodIdentityAssociation, tags.
func ValidateTag(key, value string) error {
	const set = "letters, digits, spaces and _.:/=+@-"
	switch {
	case key == "" || utf8.RuneCountInString(key) > 128 || !isTagText(key):
		return fmt.Errorf("the key %s is not allowed: AWS takes 1 to 128 "+set, quote(key))
	case utf8.RuneCountInString(value) > 256 || !isTagText(value):
		return fmt.Errorf("the value of %s is not allowed: AWS takes up to 256 "+set, quote(key))
	case strings.HasPrefix(strings.ToLower(key), "aws:"):
		return fmt.Errorf("the key %s is not allowed: AWS reserves the prefix aws:", quote(key))
	}
	return nil
}

func isTagText(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool {
		return !unicode.In(r, unicode.L, unicode.Z, unicode.N) && !strings.ContainsRune("_.:/=+@-", r)
	})
}
