package identity

import (
	"errors"
	"fmt"
	"strings"
)

const oidcExample = "oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E"

// ParseOIDCProvider reads the issuer of a cluster's tokens in any of its three
// spellings: host and path, the issuer URL (https://…), or the ARN of the
// provider in IAM. The host is in lower case and without a port, the path of
// letters, digits and ._~-, so that nothing but an issuer fits into the
// condition keys <host/path>:aud and <host/path>:sub of a trust policy.
func ParseOIDCProvider(value string) (OIDCProvider, error) {
	if err := checkPlain(value); err != nil {
		return OIDCProvider{}, err
	}
	if strings.HasPrefix(value, "arn:") {
		return parseProviderARN(value)
	}
	hostPath, err := withoutScheme(value)
	if err == nil {
		err = checkHostPath(hostPath)
	}
	if err != nil {
		return OIDCProvider{}, fmt.Errorf("%s %w: write it like %s", quote(value), err, oidcExample)
	}
	return OIDCProvider{HostPath: hostPath}, nil
}

func parseProviderARN(value string) (OIDCProvider, error) {
	const example = "arn:aws:iam::123456789012:oidc-provider/" + oidcExample
	a, err := parseARN(value, example)
	if err != nil {
		return OIDCProvider{}, err
	}
	if a.Service == "eks" {
		return OIDCProvider{}, fmt.Errorf("%s is the cluster's ARN: write its OIDC issuer, like %s", quote(value), oidcExample)
	}
	if err := checkIAM(value, a, example); err != nil {
		return OIDCProvider{}, err
	}
	hostPath, ok := strings.CutPrefix(a.Resource, "oidc-provider/")
	if !ok {
		return OIDCProvider{}, fmt.Errorf("%s is not an OIDC provider: write it like %s", quote(value), example)
	}
	if err := checkHostPath(hostPath); err != nil {
		return OIDCProvider{}, fmt.Errorf("%s %w: write it like %s", quote(value), err, example)
	}
	return OIDCProvider{HostPath: hostPath, Partition: a.Partition, Account: a.AccountID}, nil
}

func withoutScheme(value string) (string, error) {
	scheme, rest, ok := strings.Cut(value, "://")
	if !ok {
		return value, nil
	}
	if scheme != "https" {
		return "", fmt.Errorf("begins with %s://, an issuer with https://", scheme)
	}
	return rest, nil
}

func checkHostPath(hostPath string) error {
	host, path, _ := strings.Cut(hostPath, "/")
	if len(hostPath) > 255 {
		return errors.New("is longer than IAM's 255 characters")
	}
	if err := checkIssuerHost(host); err != nil {
		return err
	}
	if strings.HasSuffix(hostPath, "/") {
		return errors.New("ends in a slash, which counts in an issuer and does not belong to it")
	}
	if isEKSHost(host) && (!strings.HasPrefix(path, "id/") || strings.Count(path, "/") != 1) {
		return errors.New("is not the whole issuer of an EKS cluster, which ends in /id/ and an ID")
	}
	return checkIssuerPath(path)
}

func checkIssuerHost(host string) error {
	switch {
	case strings.Contains(host, ":"):
		return errors.New("has a port, which IAM does not take")
	case strings.ToLower(host) != host:
		return errors.New("has capital letters in the host")
	case !strings.Contains(host, "."):
		return fmt.Errorf("has no host name before the path but %q", host)
	}
	if err := checkSubdomain(host); err != nil {
		return fmt.Errorf("has no valid host: it %w", err)
	}
	return nil
}

func isEKSHost(host string) bool {
	return strings.HasPrefix(host, "oidc.eks.") || strings.HasPrefix(host, "oidc-eks.")
}

func checkIssuerPath(path string) error {
	if r, strange := stranger(path, alnumAnd("._~/-")); strange {
		return fmt.Errorf("has %q in its path", r)
	}
	if path == "" {
		return nil
	}
	for step := range strings.SplitSeq(path, "/") {
		if step == "" || step == "." || step == ".." {
			return fmt.Errorf("has the step %q in its path", step)
		}
	}
	return nil
}
