package identity

import (
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
)

// OIDCProvider is the issuer of a cluster's service account tokens as IAM knows it.
type OIDCProvider struct {
	HostPath  string // such as oidc.eks.us-west-2.amazonaws.com/id/EXAMPLE
	Partition string // set only if the user gave an ARN
	Account   string // set only if the user gave an ARN
}

// IsZero reports whether no provider is set.
func (p OIDCProvider) IsZero() bool { return p == OIDCProvider{} }

// String returns the provider as the user gave it: its ARN, or host and path.
func (p OIDCProvider) String() string {
	if !p.isARN() {
		return p.HostPath
	}
	return p.ARN(RoleARN{Partition: p.Partition, Account: p.Account})
}

func (p OIDCProvider) isARN() bool { return p.Account != "" || p.Partition != "" }

// ARN returns the ARN of the provider in the account of the role. IAM accepts only
// providers of that account.
func (p OIDCProvider) ARN(role RoleARN) string {
	return "arn:" + role.Partition + ":iam::" + role.Account + ":oidc-provider/" + p.HostPath
}

const (
	issuerExample   = "oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E"
	providerExample = "arn:aws:iam::123456789012:oidc-provider/" + issuerExample
)

// ParseOIDCProvider reads the issuer of a cluster's tokens: host and path, a URL
// (https://…), or the ARN of the provider in IAM.
//
// The host is in lower case, without a port. The path has letters, digits and ._~-. So
// the value is safe in the condition keys <host/path>:aud and <host/path>:sub of a
// trust policy.
func ParseOIDCProvider(value string) (OIDCProvider, error) {
	if strings.HasPrefix(value, "arn:") {
		return parseProviderARN(value)
	}
	if err := checkPlain(value); err != nil {
		return OIDCProvider{}, err
	}
	hostPath := value
	if scheme, rest, ok := strings.Cut(value, "://"); ok {
		if hostPath = rest; scheme != "https" {
			return OIDCProvider{}, WithHint("write it like "+issuerExample, "%s begins with %s://, but an issuer begins with https://", quote(value), scheme)
		}
	}
	if err := checkHostPath(hostPath); err != nil {
		return OIDCProvider{}, WithHint("write it like "+issuerExample, "%s %w", quote(value), err)
	}
	return OIDCProvider{HostPath: hostPath}, nil
}

func parseProviderARN(value string) (OIDCProvider, error) {
	if a, err := arn.Parse(value); err == nil && a.Service == "eks" {
		return OIDCProvider{}, WithHint("write its OIDC issuer, like "+issuerExample, "%s is the cluster's ARN", quote(value))
	}
	a, err := parseARN(value, "iam", providerExample)
	if err != nil {
		return OIDCProvider{}, err
	}
	hostPath, ok := strings.CutPrefix(a.Resource, "oidc-provider/")
	if !ok {
		return OIDCProvider{}, WithHint("write it like "+providerExample, "%s is not an OIDC provider", quote(value))
	}
	provider := OIDCProvider{HostPath: hostPath, Partition: a.Partition, Account: a.AccountID}
	return provider, provider.check()
}

// check checks a provider that is set, however it was made.
func (p OIDCProvider) check() error {
	example := issuerExample
	if p.isARN() {
		example = providerExample
		if err := checkOwner(p.String(), p.Partition, p.Account, example); err != nil {
			return err
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
	ofEKS := strings.HasPrefix(host, "oidc.eks.") || strings.HasPrefix(host, "oidc-eks.")
	if ofEKS && (!strings.HasPrefix(path, "id/") || strings.Count(path, "/") != 1) {
		return errors.New("is not the whole issuer of an EKS cluster, which ends in /id/ and an ID")
	}
	if r, ok := notIn(path, alnum+"._~/-"); ok {
		return fmt.Errorf("has %q in its path", r)
	}
	for segment := range strings.SplitSeq(path, "/") {
		if path != "" && (segment == "" || segment == "." || segment == "..") {
			return fmt.Errorf("has the segment %q in its path", segment)
		}
	}
	return nil
}

func checkIssuerHost(host string) error {
	switch {
	case strings.Contains(host, ":"):
		return errors.New("has a port, which IAM does not allow")
	case strings.ToLower(host) != host:
		return errors.New("has capital letters in the host")
	case !strings.Contains(host, "."):
		return fmt.Errorf("has %q before the path, which is not a full host name", host)
	}
	if err := checkSubdomain(host); err != nil {
		return fmt.Errorf("has no valid host: it %w", err)
	}
	return nil
}
