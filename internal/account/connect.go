package account

import (
	"cmp"
	"context"
	"net"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/logging"

	"spaces-identity.dev/internal/identity"
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

	// Rate is the most calls per second to one service in one region; 0 means DefaultRate.
	Rate float64

	// Report is called with a line for the user while calls are retried; it may be nil.
	Report func(text string)
}

// Account is the AWS account that the credentials belong to.
type Account struct {
	Caller  Caller
	aws     aws.Config
	iam     *iam.Client
	reports *reports
	rate    float64
	mutex   sync.Mutex
	regions map[string]*Region
}

// Caller is the identity of the credentials.
type Caller struct {
	Account   string // twelve digits
	Partition string // aws, aws-cn, aws-us-gov, …
	ARN       string // as sts:GetCallerIdentity returns it
}

// Connect finds the credentials and asks STS for their identity. The error is a
// [*CredentialsError] if there are none that AWS accepts, an [*UnreachableError] if STS or
// the source of the credentials cannot be reached, and a [*RefusedError] if AWS denies the
// call.
func Connect(ctx context.Context, o Options) (*Account, error) {
	cfg, err := loadConfig(ctx, o)
	if err != nil {
		return nil, &CredentialsError{Source: o.sourceOf(aws.Credentials{}), Err: err}
	}
	cfg.Region = cmp.Or(cfg.Region, homeRegion(o.Partition))
	found, err := cfg.Credentials.Retrieve(ctx)
	source := o.sourceOf(found)
	if err != nil {
		return nil, connectError(source, err)
	}
	all := &reports{report: o.Report}
	client := sts.NewFromConfig(cfg, func(s *sts.Options) { s.Retryer = newRetryer("STS", o.Rate, all) })
	out, err := client.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return nil, connectError(source, err)
	}
	caller := Caller{Account: aws.ToString(out.Account), ARN: aws.ToString(out.Arn)}
	if caller.Account == "" || caller.ARN == "" {
		return nil, errNoCaller
	}
	caller.Partition = strings.Split(caller.ARN+"::", ":")[1]
	return &Account{Caller: caller, aws: cfg, reports: all, rate: o.Rate, regions: map[string]*Region{},
		iam: iam.NewFromConfig(cfg, func(i *iam.Options) { i.Retryer = newRetryer("IAM", o.Rate, all) })}, nil
}

// errNoCaller is the error if STS names nobody, which AWS never does.
var errNoCaller = identity.WithHint("check AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_STS and endpoint_url in the AWS config file: another server may answer there",
	"the answer to sts:GetCallerIdentity has no account and no ARN, so it is not from AWS")

// homeRegion returns the region of a partition's global services.
//
// Source: AWS SDKs, partitions.json, implicitGlobalRegion.
func homeRegion(partition string) string {
	home := map[string]string{"aws-cn": "cn-northwest-1", "aws-us-gov": "us-gov-west-1", "aws-iso": "us-iso-east-1",
		"aws-iso-b": "us-isob-east-1", "aws-iso-e": "eu-isoe-west-1", "aws-iso-f": "us-isof-south-1"}
	return cmp.Or(home[partition], "us-east-1")
}

// loadConfig silences the SDK's own log. What it warns of either ends in an error or
// concerns nobody.
func loadConfig(ctx context.Context, o Options) (aws.Config, error) {
	settings := []func(*config.LoadOptions) error{config.WithAppID("spaces-identity"), config.WithLogger(logging.Nop{})}
	if o.Profile != "" {
		settings = append(settings, config.WithSharedConfigProfile(o.Profile))
	}
	if o.Region != "" {
		settings = append(settings, config.WithRegion(o.Region))
	}
	if o.HTTPClient == nil {
		o.HTTPClient = awshttp.NewBuildableClient().WithTimeout(callTimeout).WithDialerOptions(func(d *net.Dialer) { d.Timeout = callTimeout / 2 })
	}
	settings = append(settings, config.WithHTTPClient(o.HTTPClient))
	return config.LoadDefaultConfig(ctx, settings...)
}

// Region returns EKS in a region of the account.
func (a *Account) Region(region string) *Region {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if a.regions[region] == nil {
		cfg := a.aws.Copy()
		cfg.Region = region
		client := eks.NewFromConfig(cfg, func(e *eks.Options) { e.Retryer = newRetryer("EKS", a.rate, a.reports) })
		a.regions[region] = &Region{Name: region, caller: a.Caller, eks: client}
	}
	return a.regions[region]
}

// DefaultRegion returns the region that the AWS configuration names.
func (a *Account) DefaultRegion() string { return a.aws.Region }

// Region reads and writes EKS in one region.
type Region struct {
	Name   string
	caller Caller
	eks    *eks.Client
}
