package account

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

// Prover exchanges the tokens of pods for credentials, and uses these. It needs no
// credentials of its own, unless a pod has EKS Pod Identity.
type Prover struct{ aws aws.Config }

// NewProver returns a prover for a region.
func NewProver(ctx context.Context, o Options) (*Prover, error) {
	cfg, err := loadConfig(ctx, o)
	return &Prover{cfg}, err
}

// sessionName is the name of the sessions of a prover, which CloudTrail records.
const sessionName = "spaces-identity-verify"

// Session has credentials of a role. It never prints them.
type Session struct{ aws aws.Config }

// RejectedError is the error if AWS answered and refused what a pod would ask for.
type RejectedError struct {
	Call string // such as sts:AssumeRoleWithWebIdentity
	Code string // such as AccessDenied
	Text string
}

func (e *RejectedError) Error() string {
	return strings.TrimSuffix(fmt.Sprintf("AWS rejects %s: %s: %s", e.Call, e.Code, e.Text), ": ")
}

// AssumeWithToken exchanges a service account token for credentials of a role, as IRSA
// does. The call has no signature.
//
// Source: AWS STS API reference, AssumeRoleWithWebIdentity.
func (p *Prover) AssumeWithToken(ctx context.Context, role, token string) (*Session, error) {
	client := sts.NewFromConfig(p.aws, func(o *sts.Options) { o.Credentials = aws.AnonymousCredentials{} })
	out, err := client.AssumeRoleWithWebIdentity(ctx, &sts.AssumeRoleWithWebIdentityInput{RoleArn: aws.String(role),
		RoleSessionName: aws.String(sessionName), WebIdentityToken: aws.String(token), DurationSeconds: aws.Int32(minDuration)})
	if err != nil {
		return nil, rejected("sts:AssumeRoleWithWebIdentity", err)
	}
	c := out.Credentials
	return p.session(aws.ToString(c.AccessKeyId), aws.ToString(c.SecretAccessKey), aws.ToString(c.SessionToken)), nil
}

// minDuration is the shortest session, in seconds.
//
// Source: AWS STS API reference, AssumeRoleWithWebIdentity.
const minDuration = 900

// AssumeForPod exchanges a token of a running pod for the credentials of its association,
// as the EKS Pod Identity agent does. The caller's own credentials sign the call. They need
// the permission eks-auth:AssumeRoleForPodIdentity.
//
// Source: Amazon EKS API reference, "EKS Auth: AssumeRoleForPodIdentity".
func (p *Prover) AssumeForPod(ctx context.Context, cluster, token string) (*Session, error) {
	const call = "eks-auth:AssumeRoleForPodIdentity"
	body, err := json.Marshal(map[string]string{"token": token})
	if err != nil {
		return nil, err
	}
	endpoint := "https://eks-auth." + p.aws.Region + "." + dualStackSuffix(p.aws.Region)
	address := cmp.Or(aws.ToString(p.aws.BaseEndpoint), endpoint) + "/clusters/" + url.PathEscape(cluster) + "/assume-role-for-pod-identity"
	answer, err := send(ctx, p.aws, call, "eks-auth", http.MethodPost, address, body)
	if err != nil {
		return nil, err
	}
	var out struct {
		Credentials struct{ AccessKeyID, SecretAccessKey, SessionToken string }
	}
	if err := json.Unmarshal(answer, &out); err != nil {
		return nil, errors.New(call + ": the answer is not the JSON of the API") // its text may have the credentials
	}
	c := out.Credentials
	return p.session(c.AccessKeyID, c.SecretAccessKey, c.SessionToken), nil
}

// dualStackSuffix returns the domain of the EKS Auth endpoint, which has IPv4 and IPv6.
//
// Source: botocore, the endpoint rules of eks-auth; partitions.json of the AWS SDKs.
func dualStackSuffix(region string) string {
	if strings.HasPrefix(region, "cn-") {
		return "api.amazonwebservices.com.cn"
	}
	return "api.aws"
}

func (p *Prover) session(id, secret, token string) *Session {
	cfg := p.aws.Copy()
	cfg.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: id, SecretAccessKey: secret, SessionToken: token}, nil
	})
	return &Session{cfg}
}

// Caller returns the ARN of the session.
func (s *Session) Caller(ctx context.Context) (string, error) {
	out, err := sts.NewFromConfig(s.aws).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return "", rejected("sts:GetCallerIdentity", err)
	}
	return aws.ToString(out.Arn), nil
}

// Bucket says where backups are.
type Bucket struct {
	Name, Region string
	Endpoint     string // host, with a port if it has one
	Prefix       string // without a slash at its end
}

// url returns the address of a key, or of the bucket, with the bucket in the path.
func (s *Session) url(b Bucket, key string, query url.Values) string {
	address := cmp.Or(aws.ToString(s.aws.BaseEndpoint), "https://"+b.Endpoint) + "/" + b.Name
	if key != "" {
		address += "/" + (&url.URL{Path: key}).EscapedPath()
	}
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	return address
}

func (s *Session) s3(ctx context.Context, b Bucket, operation, method, address string, body []byte) error {
	cfg := s.aws.Copy()
	cfg.Region = b.Region
	_, err := send(ctx, cfg, "s3:"+operation, "s3", method, address, body)
	return err
}

// Read lists the bucket below the prefix. Without a prefix it asks for the bucket first; a
// role that is limited to a prefix may not do that.
//
// Source: Amazon S3 API reference, HeadBucket and ListObjectsV2.
func (s *Session) Read(ctx context.Context, b Bucket) error {
	query := url.Values{"list-type": {"2"}, "max-keys": {"1"}}
	if b.Prefix != "" {
		query.Set("prefix", b.Prefix+"/")
	} else if err := s.s3(ctx, b, "HeadBucket", http.MethodHead, s.url(b, "", nil), nil); err != nil {
		return err
	}
	return s.s3(ctx, b, "ListObjectsV2", http.MethodGet, s.url(b, "", query), nil)
}

// ProofObject is the name of the object that [Session.Write] puts below the prefix.
const ProofObject = "spaces-identity-proof"

// Write puts an object below the prefix and deletes it. In a bucket with versions, a
// version and a delete marker stay.
//
// Source: Amazon S3 API reference, PutObject and DeleteObject.
func (s *Session) Write(ctx context.Context, b Bucket) error {
	address := s.url(b, strings.TrimPrefix(b.Prefix+"/"+ProofObject, "/"), nil)
	if err := s.s3(ctx, b, "PutObject", http.MethodPut, address, []byte("written and deleted by spaces-identity verify\n")); err != nil {
		return err
	}
	return s.s3(ctx, b, "DeleteObject", http.MethodDelete, address, nil)
}

// send signs a request with Signature Version 4, sends it and returns the body of the
// answer.
//
// Source: IAM User Guide, "AWS Signature Version 4 for API requests".
func send(ctx context.Context, cfg aws.Config, call, service, method, address string, body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(string(body)))
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:])
	request.Header.Set("X-Amz-Content-Sha256", hash)
	if service != "s3" {
		request.Header.Set("Content-Type", "application/json")
	}
	if cfg.Credentials == nil {
		return nil, errors.New(call + ": there are no AWS credentials")
	}
	keys, err := cfg.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", call, shortError(err))
	}
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = service == "s3" })
	if err := signer.SignHTTP(ctx, keys, request, hash, service, cfg.Region, time.Now()); err != nil {
		return nil, fmt.Errorf("%s: %w", call, err)
	}
	response, err := cfg.HTTPClient.Do(request)
	if err != nil {
		return nil, &UnreachableError{strings.Split(call, ":")[0], request.URL.Scheme + "://" + request.URL.Host, err}
	}
	defer func() { _ = response.Body.Close() }() // it was read
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", call, err)
	}
	if response.StatusCode >= http.StatusMultipleChoices {
		return nil, refusal(call, response, answer)
	}
	return answer, nil
}

// maxAnswer is more than any of the answers has, in bytes.
const maxAnswer = 1 << 20

// refusal returns the error of an answer. Errors of S3 are XML, those of EKS are JSON, and
// those of HEAD have no body.
func refusal(call string, response *http.Response, answer []byte) error {
	rejection := &RejectedError{Call: call, Code: response.Status}
	var text struct{ Code, Message string }
	if xml.Unmarshal(answer, &text) == nil && text.Code != "" {
		rejection.Code, rejection.Text = text.Code, text.Message
	} else if json.Unmarshal(answer, &text) == nil {
		rejection.Text = text.Message
	}
	if code, _, _ := strings.Cut(response.Header.Get("X-Amzn-Errortype"), ":"); code != "" {
		rejection.Code = code
	}
	if region := response.Header.Get("X-Amz-Bucket-Region"); response.StatusCode == http.StatusMovedPermanently && region != "" {
		rejection.Text = "the bucket is in " + region
	}
	if response.StatusCode >= http.StatusInternalServerError {
		return errors.New(rejection.Error())
	}
	return rejection
}

// rejected returns a RejectedError if AWS answered that it refuses a call of the SDK.
func rejected(call string, err error) error {
	if unreachable := asUnreachable(strings.ToUpper(strings.Split(call, ":")[0]), err); unreachable != nil {
		return unreachable
	}
	if api, ok := errors.AsType[smithy.APIError](err); ok && !IsTransient(err) {
		return &RejectedError{call, api.ErrorCode(), api.ErrorMessage()}
	}
	return fmt.Errorf("%s: %w", call, shortError(err))
}
