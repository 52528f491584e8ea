package identity

import (
	"errors"
	"fmt"
	"strings"
)

// OIDCProvider is the issuer of a cluster's service account tokens as IAM knows
// it.
type OIDCProvider struct {
	HostPath  string // such as oidc.eks.us-west-2.amazonaws.com/id/EXAMPLE
	Partition string // set only if the user gave an ARN
	Account   string // set only if the user gave an ARN
}

// IsZero reports whether no provider is set.
func (p OIDCProvider) IsZero() bool { return p == OIDCProvider{} }

// String returns the provider as the user gave it: its ARN, or host and path.
func (p OIDCProvider) String() string {
	if p.Account == "" && p.Partition == "" {
		return p.HostPath
	}
	return p.ARN(RoleARN{Partition: p.Partition, Account: p.Account})
}

// ARN returns the provider in the account of the role: IAM takes no others.
func (p OIDCProvider) ARN(role RoleARN) string {
	return "arn:" + role.Partition + ":iam::" + role.Account + ":oidc-provider/" + p.HostPath
}

const (
	issuerExample   = "oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E"
	providerExample = "arn:aws:iam::123456789012:oidc-provider/" + issuerExample
)

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
	hostPath := value
	if scheme, rest, ok := strings.Cut(value, "://"); ok {
		if scheme != "https" {
			return OIDCProvider{}, WithHint("write it like "+issuerExample, "%s begins with %s://, an issuer with https://", quote(value), scheme)
		}
		hostPath = rest
	}
	if err := checkHostPath(hostPath); err != nil {
		return OIDCProvider{}, WithHint("write it like "+issuerExample, "%s %w", quote(value), err)
	}
	return OIDCProvider{HostPath: hostPath}, nil
}

func parseProviderARN(value string) (OIDCProvider, error) {
	a, err := parseARN(value, providerExample)
	if err != nil {
		return OIDCProvider{}, err
	}
	if a.Service == "eks" {
		return OIDCProvider{}, WithHint("write its OIDC issuer, like "+issuerExample, "%s is the cluster's ARN", quote(value))
	}
	if err := checkIAM(value, a, providerExample); err != nil {
		return OIDCProvider{}, err
	}
	hostPath, ok := strings.CutPrefix(a.Resource, "oidc-provider/")
	if !ok {
		return OIDCProvider{}, WithHint("write it like "+providerExample, "%s is not an OIDC provider", quote(value))
	}
	provider := OIDCProvider{HostPath: hostPath, Partition: a.Partition, Account: a.AccountID}
	if err := provider.check(); err != nil {
		return OIDCProvider{}, err
	}
	return provider, nil
}

// check checks a provider that is set, however it was made.
func (p OIDCProvider) check() error {
	example := issuerExample
	if p.Account != "" || p.Partition != "" {
		example = providerExample
		if err := checkOwner(p.String(), p.Partition, p.Account); err != nil {
			return err
		}
		if p.Account == "" {
			return WithHint("write it like "+example, "%s has no account", quote(p.String()))
		}
	}
	if err := checkHostPath(p.HostPath); err != nil {
		return WithHint("write it like "+example, "%s %w", quote(p.String()), err)
	}
	return nil
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
		return errors.New("ends in a slash, which the issuer does not have")
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
	if r, ok := notIn(path, alnumAnd("._~/-")); ok {
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
