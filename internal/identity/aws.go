package identity

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ValidateBucket checks the name of a general purpose S3 bucket by the rules of
// the Amazon S3 User Guide (3 to 63 lower-case letters, digits, dots and
// dashes). What would widen the permissions policy is refused with the reason.
func ValidateBucket(name string) error {
	if err := checkPlain(name); err != nil {
		return err
	}
	if err := checkNoWildcard(name, "the permissions would reach other buckets"); err != nil {
		return err
	}
	if bucket, ok := bucketIn(name); ok {
		return fmt.Errorf("%s is not a bucket's name: write %s, and what follows it as the prefix", quote(name), quote(bucket))
	}
	if err := checkBucketName(name); err != nil {
		return fmt.Errorf("%s is not a bucket's name: it %w", quote(name), err)
	}
	return nil
}

// bucketIn finds the bucket in an ARN or an s3:// URL.
func bucketIn(value string) (bucket string, ok bool) {
	rest, ok := strings.CutPrefix(value, "s3://")
	if _, after, isARN := strings.Cut(value, ":s3:::"); isARN && strings.HasPrefix(value, "arn:") {
		rest, ok = after, true
	}
	bucket, _, _ = strings.Cut(rest, "/")
	return bucket, ok && checkBucketName(bucket) == nil
}

func checkBucketName(name string) error {
	if len(name) < 3 || len(name) > 63 {
		return fmt.Errorf("has %d characters, 3 to 63 are allowed", len(name))
	}
	if r, strange := stranger(name, lowerAnd(".-")); strange {
		return fmt.Errorf("has %q, only lower-case letters, digits, dots and dashes are allowed", r)
	}
	if !alnumEnds(name) {
		return errors.New("does not begin and end with a letter or digit")
	}
	if strings.Contains(name, "..") {
		return errors.New("has two dots side by side")
	}
	if looksLikeIPv4(name) {
		return errors.New("looks like an IP address")
	}
	return checkBucketReserved(name)
}

func checkBucketReserved(name string) error {
	for _, prefix := range []string{"xn--", "sthree-"} {
		if strings.HasPrefix(name, prefix) {
			return fmt.Errorf("begins with %s, which S3 keeps for itself", prefix)
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

func looksLikeIPv4(name string) bool {
	_, strange := stranger(name, func(r rune) bool { return isDigit(r) || r == '.' })
	return !strange && strings.Count(name, ".") == 3
}

// ParsePrefix reads the prefix of S3 keys that limits the permissions to p and
// p/*. A slash at its end is taken away; one at its start is refused, because
// keys have none. Empty is no limit.
func ParsePrefix(value string) (string, error) {
	if value == "" {
		return "", nil
	}
	if err := checkPlain(value); err != nil {
		return "", err
	}
	if err := checkNoWildcard(value, "the permissions would reach other keys"); err != nil {
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
		return errors.New("is a URL: write only what follows the bucket, without the slash")
	case strings.HasPrefix(value, "/"):
		return errors.New("begins with a slash, and the keys of S3 do not: take it away")
	case strings.Contains(value, "//"):
		return errors.New("has two slashes side by side: write one")
	case len(value) > 1000: // a key has up to 1,024 bytes, and something must follow
		return fmt.Errorf("has %d bytes: a key of S3 has up to 1,024 with what follows", len(value))
	case !utf8.ValidString(value):
		return errors.New("is not UTF-8, and the keys of S3 are")
	}
	ok := func(r rune) bool { return unicode.IsPrint(r) && !strings.ContainsRune(`"\`, r) }
	if r, strange := stranger(value, ok); strange {
		return fmt.Errorf("has %q: take it away", r)
	}
	if !inIAMCharset(value) {
		return errors.New("has characters that IAM takes in no policy: use those up to U+00FF")
	}
	return nil
}

// checkNoWildcard refuses what IAM does not take literally in a resource: the
// wildcards * and ?, and policy variables ${…}.
func checkNoWildcard(value, reason string) error {
	for _, mark := range []string{"*", "?", "${"} {
		if strings.Contains(value, mark) {
			return fmt.Errorf("%s has %s, and %s: write the name itself", quote(value), mark, reason)
		}
	}
	return nil
}

// ParseKMSKeyARN reads arn:<partition>:kms:<region>:<account>:key/<ID>. An
// alias is refused: IAM grants on keys only (AWS KMS Developer Guide).
func ParseKMSKeyARN(value string) (KMSKeyARN, error) {
	const example = "arn:aws:kms:us-west-2:123456789012:key/KEY-ID"
	a, err := parseARN(value, example)
	if err != nil {
		return KMSKeyARN{}, err
	}
	id, isKey := strings.CutPrefix(a.Resource, "key/")
	switch {
	case a.Service != "kms":
		return KMSKeyARN{}, fmt.Errorf("%s is an ARN of %s, not of kms: write it like %s", quote(value), quote(a.Service), example)
	case strings.HasPrefix(a.Resource, "alias/"):
		return KMSKeyARN{}, fmt.Errorf("%s is an alias: IAM grants only on the key itself, write it like %s", quote(value), example)
	case !isKey || a.AccountID == "":
		return KMSKeyARN{}, fmt.Errorf("%s is not a key: write it like %s", quote(value), example)
	}
	if err := ValidateRegion(a.Region); err != nil {
		return KMSKeyARN{}, fmt.Errorf("%s has no valid region: %w", quote(value), err)
	}
	if _, strange := stranger(id, alnumAnd("-")); strange || id == "" {
		return KMSKeyARN{}, fmt.Errorf("%s has no valid key ID: write it like %s", quote(value), example)
	}
	return KMSKeyARN{a.Partition, a.Region, a.AccountID, id}, nil
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
		return fmt.Errorf("%s is an availability zone: write its region, %s", quote(region), zone)
	}
	return fmt.Errorf("%s is not a region: write its code, like us-west-2", quote(region))
}

// isRegion knows the shape of region codes, not the list, which grows.
func isRegion(region string) bool {
	steps := strings.Split(region, "-")
	if len(steps) < 3 || len(region) > 32 {
		return false
	}
	last := len(steps) - 1
	for _, step := range steps[:last] {
		if _, strange := stranger(step, isLower); strange || len(step) < 2 {
			return false
		}
	}
	_, strange := stranger(steps[last], isDigit)
	return !strange && (len(steps[last]) == 1 || len(steps[last]) == 2)
}

// ValidateClusterName checks the name of an EKS cluster as its CreateCluster
// does: up to 100 letters, digits, dashes and underscores that begin with a
// letter or digit.
func ValidateClusterName(name string) error {
	if err := checkPlain(name); err != nil {
		return err
	}
	if _, after, ok := strings.Cut(name, ":cluster/"); ok && strings.HasPrefix(name, "arn:") {
		return fmt.Errorf("%s is the cluster's ARN: write its name, %s", quote(name), after)
	}
	_, strange := stranger(name, alnumAnd("-_"))
	if strange || !isAlnum(rune(name[0])) || len(name) > 100 {
		return fmt.Errorf("%s is not the name of an EKS cluster: it has up to 100 letters, digits, - and _, and begins with a letter or digit", quote(name))
	}
	return nil
}

// ValidateEndpoint checks the host of an S3 endpoint, with a port where it has
// one: object store configs take it without https://.
func ValidateEndpoint(endpoint string) error {
	const example = "s3.us-west-2.amazonaws.com"
	if err := checkPlain(endpoint); err != nil {
		return err
	}
	if _, rest, ok := strings.Cut(endpoint, "://"); ok {
		return fmt.Errorf("%s is a URL: write only its host, %s", quote(endpoint), strings.TrimSuffix(rest, "/"))
	}
	host, port, hasPort := strings.Cut(endpoint, ":")
	if _, strange := stranger(port, isDigit); strange || hasPort && (port == "" || len(port) > 5) {
		return fmt.Errorf("%s has no valid port: write it like %s", quote(endpoint), example)
	}
	if err := checkSubdomain(host); err != nil {
		return fmt.Errorf("%s is not a host: it %w, write it like %s", quote(endpoint), err, example)
	}
	return nil
}
