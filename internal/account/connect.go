package account

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// Options say how to reach AWS. The SDK finds what they leave empty like every AWS tool:
// in the environment (including AWS_ENDPOINT_URL), in the shared files, by SSO, by web
// identity or from the instance.
//
// Source: AWS SDKs and Tools Reference Guide, "Standardized credential providers".
type Options struct {
	Profile string // of the shared config and credentials files
	Region  string // of the clusters, such as us-west-2; also the region of STS

	// Partition, such as aws-cn, selects the region of STS and IAM if no region is set.
	// Empty means aws.
	Partition string

	HTTPClient aws.HTTPClient // nil for the SDK's own; tests pass one that needs no network
}

// maxAttempts is how often a call is tried. Even if AWS throttles a third of all calls,
// only one call in 500,000 fails every attempt.
const maxAttempts = 12

// Account is the AWS account that the credentials belong to.
type Account struct {
	Caller Caller
	aws    aws.Config
	iam    *iam.Client
}

// Caller is the identity of the credentials.
type Caller struct {
	Account   string // twelve digits
	Partition string // aws, aws-cn, aws-us-gov, …
	ARN       string // as sts:GetCallerIdentity returns it
}

// Connect finds the credentials and asks STS for their identity. The error is a
// [*CredentialsError] if there are none that AWS accepts.
func Connect(ctx context.Context, o Options) (*Account, error) {
	cfg, err := loadConfig(ctx, o)
	if err != nil {
		return nil, &CredentialsError{Profile: o.Profile, Err: err}
	}
	if cfg.Region == "" {
		cfg.Region = homeRegion(o.Partition)
	}
	out, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return nil, credentialsError(o, err)
	}
	caller := Caller{Account: aws.ToString(out.Account), ARN: aws.ToString(out.Arn)}
	caller.Partition = strings.Split(caller.ARN+"::", ":")[1]
	return &Account{Caller: caller, aws: cfg, iam: iam.NewFromConfig(cfg)}, nil
}

// homeRegion returns the region of a partition's global services.
//
// Source: AWS SDKs, partitions.json, implicitGlobalRegion.
func homeRegion(partition string) string {
	home := map[string]string{"aws-cn": "cn-northwest-1", "aws-us-gov": "us-gov-west-1", "aws-iso": "us-iso-east-1",
		"aws-iso-b": "us-isob-east-1", "aws-iso-e": "eu-isoe-west-1", "aws-iso-f": "us-isof-south-1"}
	if region, ok := home[partition]; ok {
		return region
	}
	return "us-east-1"
}

func loadConfig(ctx context.Context, o Options) (aws.Config, error) {
	settings := []func(*config.LoadOptions) error{config.WithAppID("spaces-identity"), config.WithRetryer(newRetryer)}
	if o.Profile != "" {
		settings = append(settings, config.WithSharedConfigProfile(o.Profile))
	}
	if o.Region != "" {
		settings = append(settings, config.WithRegion(o.Region))
	}
	if o.HTTPClient != nil {
		settings = append(settings, config.WithHTTPClient(o.HTTPClient))
	}
	return config.LoadDefaultConfig(ctx, settings...)
}

// newRetryer returns a retryer that retries long enough for unattended runs. It switches
// off the SDK's rate limit for retries, which is meant for servers with many parallel
// calls. Only the number of attempts limits the retries.
func newRetryer() aws.Retryer {
	standard := retry.NewStandard(func(s *retry.StandardOptions) {
		s.MaxAttempts = maxAttempts
		s.RateLimiter = ratelimit.None
	})
	return retry.AddWithErrorCodes(standard, concurrentModification)
}

// Region returns EKS in a region of the account.
func (a *Account) Region(region string) *Region {
	cfg := a.aws.Copy()
	cfg.Region = region
	return &Region{Name: region, caller: a.Caller, eks: eks.NewFromConfig(cfg)}
}

// DefaultRegion returns the region that the AWS configuration names.
func (a *Account) DefaultRegion() string { return a.aws.Region }

// Region reads and writes EKS in one region.
type Region struct {
	Name   string
	caller Caller
	eks    *eks.Client
}
