package identity

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"spaces-identity.dev/internal/lazyregexp"
)

// SharedBackupConfig describes the SharedBackupConfig object that post-render writes.
type SharedBackupConfig struct {
	Name      string
	Namespace string
	Endpoint  string // host of the S3 endpoint
}

// ValidateBucket checks the name of a general purpose S3 bucket. It rejects what would
// extend the permissions policy to other buckets, and says why.
//
// Source: Amazon S3 User Guide, "General purpose bucket naming rules".
func ValidateBucket(name string) error {
	if err := checkPlain(name); err != nil {
		return err
	}
	if err := checkNoWildcard(name, "the permissions would include other buckets"); err != nil {
		return err
	}
	if bucket, ok := bucketIn(name); ok {
		return WithHint("write "+quote(bucket)+", and what follows it as the prefix", "%s is not a bucket's name", quote(name))
	}
	if err := checkBucketName(name); err != nil {
		return fmt.Errorf("%s is not a bucket's name: it %w", quote(name), err)
	}
	return nil
}

// bucketIn returns the bucket in an ARN or an s3:// URL.
func bucketIn(value string) (bucket string, ok bool) {
	rest, ok := strings.CutPrefix(value, "s3://")
	if _, after, isARN := strings.Cut(value, ":s3:::"); isARN && strings.HasPrefix(value, "arn:") {
		rest, ok = after, true
	}
	bucket, _, _ = strings.Cut(rest, "/")
	return bucket, ok && checkBucketName(bucket) == nil
}

var ipv4Form = lazyregexp.New(`^[0-9]*(\.[0-9]*){3}$`)

func checkBucketName(name string) error {
	if len(name) < 3 || len(name) > 63 {
		return fmt.Errorf("has %d characters, 3 to 63 are allowed", len(name))
	}
	if err := checkName(name, 63, lower+digits+".-", "lower-case letters, digits, dots and dashes"); err != nil {
		return err
	}
	if strings.Contains(name, "..") {
		return errors.New("has two dots side by side")
	}
	if ipv4Form.Get().MatchString(name) {
		return errors.New("looks like an IP address")
	}
	for _, prefix := range []string{"xn--", "sthree-"} {
		if strings.HasPrefix(name, prefix) {
			return fmt.Errorf("begins with %s, which S3 reserves", prefix)
		}
	}
	for suffix, what := range map[string]string{
		"-s3alias": "the alias of an access point", "--ol-s3": "the alias of an Object Lambda access point",
		".mrap": "the alias of a multi-region access point", "--x-s3": "a directory bucket", "--table-s3": "a table bucket",
	} {
		if strings.HasSuffix(name, suffix) {
			return fmt.Errorf("ends in %s, which makes it %s", suffix, what)
		}
	}
	return nil
}

// ParsePrefix reads the prefix p of S3 keys that limits the permissions to p and p/*. It
// removes a slash at the end. It rejects one at the start, because keys have none. An
// empty prefix is no limit.
func ParsePrefix(value string) (string, error) {
	if value == "" {
		return "", nil
	}
	if err := checkPlain(value); err != nil {
		return "", err
	}
	if err := checkNoWildcard(value, "the permissions would include other keys"); err != nil {
		return "", err
	}
	if err := checkPrefix(value); err != nil {
		return "", fmt.Errorf("%s %w", quote(value), err)
	}
	return strings.TrimSuffix(value, "/"), nil
}

func checkPrefix(value string) error {
	switch {
	case strings.HasPrefix(value, "s3://"):
		return WithHint("write only what follows the bucket, without the slash", "is a URL")
	case strings.HasPrefix(value, "/"):
		return WithHint("remove it", "begins with a slash, and the keys of S3 do not")
	case strings.Contains(value, "//"):
		return WithHint("write one", "has two slashes side by side")
	case len(value) > 1000: // leaves 24 bytes for the rest of the key
		return fmt.Errorf("has %d bytes: a whole S3 key has up to 1,024", len(value))
	case !utf8.ValidString(value):
		return errors.New("is not UTF-8, and the keys of S3 are")
	}
	forbidden := func(r rune) bool { return !unicode.IsPrint(r) || r == '"' || r == '\\' }
	if i := strings.IndexFunc(value, forbidden); i >= 0 {
		return WithHint("remove it", "has %q", []rune(value[i:])[0])
	}
	if !inIAMCharset(value) {
		return errors.New("has characters that IAM does not allow in a policy: use those up to U+00FF")
	}
	return nil
}

// checkNoWildcard rejects what IAM does not take literally in a resource: the wildcards *
// and ?, and policy variables ${…}.
func checkNoWildcard(value, reason string) error {
	for _, mark := range []string{"*", "?", "${"} {
		if strings.Contains(value, mark) {
			return WithHint("write the name itself", "%s has %s, and %s", quote(value), mark, reason)
		}
	}
	return nil
}

// ValidateEndpoint checks the host of an S3 endpoint, with a port if it has one. Object
// store configs contain it without https://.
func ValidateEndpoint(endpoint string) error {
	const like = "write it like s3.us-west-2.amazonaws.com"
	if err := checkPlain(endpoint); err != nil {
		return err
	}
	if _, rest, ok := strings.Cut(endpoint, "://"); ok {
		return WithHint("write only its host, "+strings.TrimSuffix(rest, "/"), "%s is a URL", quote(endpoint))
	}
	host, port, hasPort := strings.Cut(endpoint, ":")
	if _, bad := notIn(port, digits); bad || hasPort && (port == "" || len(port) > 5) {
		return WithHint(like, "%s has no valid port", quote(endpoint))
	}
	if err := checkSubdomain(host); err != nil {
		return WithHint(like, "%s is not a host: it %w", quote(endpoint), err)
	}
	return nil
}
