package account

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// Options are what a user may say about the way to AWS. What they leave open the
// SDK finds as every AWS tool does: environment, shared files, SSO, web identity,
// instance; AWS_ENDPOINT_URL included.
//
// Source: AWS SDKs and Tools Reference Guide, "Standardized credential providers".
type Options struct {
	Profile string // of the shared config and credentials files
	Region  string // of the clusters, such as us-west-2; STS is asked there too

	// Partition says where STS and IAM are to be asked if nothing names a region,
	// such as aws-cn; aws where it is empty.
	Partition string

	// Backoff is the time before the next attempt of a call that AWS throttled or
	// failed; nil for the SDK's exponential one with jitter, up to 20 s.
	Backoff func(attempt int) time.Duration
}

// attempts is how often a call is tried: at a third of all calls throttled, one
// in 500,000 would fail for good.
const attempts = 12

// Account is the AWS account that the credentials belong to.
type Account struct {
	Caller Caller
	aws    aws.Config
	iam    *iam.Client
}

// Caller is who the credentials make the program.
type Caller struct {
	Account   string // twelve digits
	Partition string // aws, aws-cn, aws-us-gov, …
	ARN       string // as sts:GetCallerIdentity gives it
}

// Connect finds the credentials and asks STS whose they are, before anything
// else is asked.
func Connect(ctx context.Context, o Options) (*Account, error) {
	cfg, err := load(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("cannot read the AWS configuration: %w", err)
	}
	if cfg.Region == "" {
		cfg.Region = homeRegion(o.Partition)
	}
	out, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return nil, explainCredentials(o, err)
	}
	caller := Caller{Account: aws.ToString(out.Account), ARN: aws.ToString(out.Arn)}
	caller.Partition = strings.Split(caller.ARN+"::", ":")[1]
	return &Account{Caller: caller, aws: cfg, iam: iam.NewFromConfig(cfg)}, nil
}

// homeRegion is the region that stands for a partition's global services.
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

func load(ctx context.Context, o Options) (aws.Config, error) {
	settings := []func(*config.LoadOptions) error{
		config.WithAppID("spaces-identity"),
		config.WithRetryer(func() aws.Retryer { return retryer(o) }),
	}
	if o.Profile != "" {
		settings = append(settings, config.WithSharedConfigProfile(o.Profile))
	}
	if o.Region != "" {
		settings = append(settings, config.WithRegion(o.Region))
	}
	return config.LoadDefaultConfig(ctx, settings...)
}

// retryer tries long enough for a run that nobody watches. The SDK's own budget
// of retries is for servers; here the number of attempts is the bound.
func retryer(o Options) aws.Retryer {
	standard := retry.NewStandard(func(s *retry.StandardOptions) {
		s.MaxAttempts = attempts
		s.RateLimiter = ratelimit.None
		if o.Backoff != nil {
			s.Backoff = retry.BackoffDelayerFunc(func(attempt int, _ error) (time.Duration, error) { return o.Backoff(attempt), nil })
		}
	})
	return retry.AddWithErrorCodes(standard, "ConcurrentModification")
}

// Region is EKS in a region of the account.
func (a *Account) Region(region string) *Region {
	cfg := a.aws.Copy()
	cfg.Region = region
	return &Region{Name: region, caller: a.Caller, eks: eks.NewFromConfig(cfg)}
}

// DefaultRegion is the region that the configuration names.
func (a *Account) DefaultRegion() string { return a.aws.Region }

// Region is EKS in one region.
type Region struct {
	Name   string
	caller Caller
	eks    *eks.Client
}
