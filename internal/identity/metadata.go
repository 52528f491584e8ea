package identity

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
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
// where the webhook reads it. The role's own annotation is refused, because the
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
	if meant := Misspelt(key); meant != "" {
		return fmt.Errorf("%s is not the key that EKS reads, %s", quote(key), rightKey(meant))
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

func rightKey(meant string) string {
	if meant == RoleAnnotation {
		return "that is " + RoleAnnotation + ": set roleARN, and the program writes it"
	}
	return "did you mean " + meant + "?"
}

// Misspelt returns the key of the webhook's that this one was meant to be, or
// nothing where it is right or something else.
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

// checkName is the name of Kubernetes' qualified names, and a label's value.
func checkName(name string) error {
	if len(name) > 63 {
		return fmt.Errorf("has %d characters, up to 63 are allowed", len(name))
	}
	if r, strange := stranger(name, alnumAnd("-_.")); strange {
		return fmt.Errorf("has %q, only letters, digits, -, _ and . are allowed", r)
	}
	if !alnumEnds(name) {
		return errors.New("does not begin and end with a letter or digit")
	}
	return nil
}

// checkWebhookValue checks the annotations that the Amazon EKS Pod Identity
// Webhook reads; it would only log what it cannot use.
func checkWebhookValue(key, value string) error {
	switch key {
	case RoleAnnotation:
		return fmt.Errorf("%s is written by the program: set roleARN instead", RoleAnnotation)
	case webhookDomain + "/audience":
		if value != Audience {
			return fmt.Errorf("%s is %s, and the trust policy admits only the audience %s: leave the annotation out", key, quote(value), Audience)
		}
	case webhookDomain + "/token-expiration":
		if seconds, err := strconv.ParseUint(value, 10, 32); err != nil || seconds < 600 {
			return fmt.Errorf("%s is %s: write a whole number of seconds, at least 600", key, quote(value))
		}
	case webhookDomain + "/sts-regional-endpoints":
		if value != "true" && value != "false" {
			return fmt.Errorf("%s is %s: write true or false", key, quote(value))
		}
	}
	return nil
}
