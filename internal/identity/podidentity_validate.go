package identity

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"unicode/utf8"
)

// tagText are the characters that AWS allows in tags everywhere.
//
// Source: Amazon EKS API reference, CreatePodIdentityAssociation, tags.
var tagText = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+@-]*$`) })

// ValidateTag checks an AWS tag of an association.
func ValidateTag(key, value string) error {
	switch {
	case key == "" || utf8.RuneCountInString(key) > 128 || !tagText().MatchString(key):
		return fmt.Errorf("key %s: 1 to 128 letters, digits, spaces and _.:/=+@-", quote(key))
	case utf8.RuneCountInString(value) > 256 || !tagText().MatchString(value):
		return fmt.Errorf("value of %s: at most 256 letters, digits, spaces and _.:/=+@-", quote(key))
	case strings.HasPrefix(strings.ToLower(key), "aws:"):
		return fmt.Errorf("key %s: AWS keeps the prefix aws: to itself", quote(key))
	}
	return nil
}

// ValidateSourceARN checks a pattern of ARNs that aws:SourceArn is compared with.
func ValidateSourceARN(arn string) error {
	if strings.Count(arn, ":") >= 5 && strings.HasPrefix(arn, "arn:") && !strings.Contains(arn, "${") && inIAMCharset(arn) {
		return nil
	}
	return fmt.Errorf("source ARN %s is no ARN: it has the form arn:partition:service:region:account:resource, "+
		"and * and ? stand for any characters", quote(arn))
}

// ValidateSessionPolicy checks that a session policy is JSON. What is in it is
// AWS's to judge.
func ValidateSessionPolicy(policy string) error {
	if json.Valid([]byte(policy)) {
		return nil
	}
	return errors.New("the session policy is no JSON")
}

// inIAMCharset reports whether IAM takes the text in a policy: printable
// characters up to U+00FF.
//
// Source: IAM API reference, UpdateAssumeRolePolicy, PolicyDocument.
func inIAMCharset(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < 0x20 || r > 0xFF })
}
