package account

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// CredentialsError is the error if there are no credentials, or if AWS rejects them.
type CredentialsError struct {
	Source   string // such as "profile ci"
	Rejected bool   // whether AWS rejected them; otherwise there are none
	Err      error
}

func (e *CredentialsError) Error() string {
	if e.Rejected {
		return fmt.Sprintf("AWS rejects the credentials of %s: %v", e.Source, e.Err)
	}
	reason := strings.TrimPrefix(e.Err.Error(), "failed to refresh cached credentials, ")
	if service, _ := innermostCall(e.Err); service == instanceMetadata {
		reason = "there are none in the environment, in the shared files or from the instance"
	}
	return fmt.Sprintf("found no working AWS credentials with %s: %s", e.Source, reason)
}

// instanceMetadata is the service of an EC2 instance, the last source of credentials.
const instanceMetadata = "ec2imds"

// sourceOf returns the source of credentials as a user knows it.
func (o Options) sourceOf(found aws.Credentials) string {
	profile := cmp.Or(o.Profile, os.Getenv("AWS_PROFILE"))
	switch {
	case found.Source == config.CredentialsSourceName:
		return "the environment"
	case profile == "":
		return "the default profile"
	}
	return "profile " + profile
}

// Hint returns the next step.
func (e *CredentialsError) Hint() string {
	return "log in (aws sso login, aws configure), or choose another profile"
}

// Unwrap returns the SDK's error.
func (e *CredentialsError) Unwrap() error { return e.Err }

// connectError returns the error of a call that finds out who the caller is, or that
// fetches credentials.
func connectError(source string, err error) error {
	service, operation := innermostCall(err)
	api, answered := errors.AsType[smithy.APIError](err)
	if unreachable := asUnreachable(service, err); unreachable != nil && service != instanceMetadata { // its absence means that there are no credentials
		return unreachable
	}
	switch {
	case answered && isCode(err, deniedCodes...):
		return &RefusedError{callerIn(api.ErrorMessage()), strings.ToLower(service) + ":" + operation, "", shortError(err)}
	case answered && isCode(err, rejectedCodes...):
		return &CredentialsError{source, true, shortError(err)}
	case answered && service == "STS":
		return fmt.Errorf("sts:%s: %w", operation, shortError(err))
	}
	return &CredentialsError{source, false, shortError(err)}
}

// rejectedCodes are the error codes with which AWS rejects credentials.
//
// Source: IAM API reference, "Common Errors"; AWS STS API reference, "Common Errors".
var rejectedCodes = []string{"AuthFailure", "ExpiredToken", "ExpiredTokenException", "IncompleteSignature", "InvalidClientTokenId",
	"InvalidSignatureException", "MissingAuthenticationToken", "RequestExpired", "SignatureDoesNotMatch", "UnrecognizedClientException"}

// innermostCall returns the service and the operation that failed. Fetching credentials is
// a call inside a call.
func innermostCall(err error) (service, operation string) {
	service, operation = "STS", "GetCallerIdentity"
	for {
		call, ok := errors.AsType[*smithy.OperationError](err)
		if !ok {
			return service, operation
		}
		service, operation, err = call.ServiceID, call.OperationName, call.Err
	}
}

// UnreachableError is the error if a service could not be called at all.
type UnreachableError struct {
	Service  string // such as STS
	Endpoint string // URL
	Err      error
}

func (e *UnreachableError) Error() string {
	reason := e.reason().Error()
	if isTimeout(e.Err) && strings.Contains(reason, "deadline exceeded") {
		reason = fmt.Sprintf("no answer within %s", callTimeout)
	}
	return fmt.Sprintf("cannot reach %s at %s: %s", e.Service, e.Endpoint, reason)
}

// reason returns the error of the connection without the URL.
func (e *UnreachableError) reason() error {
	if answer := strangeAnswer(e.Err); answer != nil {
		return fmt.Errorf("the answer with HTTP status %d is not one of AWS", answer.HTTPStatusCode())
	}
	if sent, ok := errors.AsType[*url.Error](e.Err); ok {
		return sent.Err
	}
	return e.Err
}

// Hint returns the next step.
func (e *UnreachableError) Hint() string {
	reason := e.reason().Error()
	switch {
	case strings.HasPrefix(reason, "proxyconnect"):
		return "check HTTPS_PROXY and NO_PROXY"
	case strings.HasPrefix(reason, "tls:"):
		return "check AWS_CA_BUNDLE, and whether a proxy replaces the certificates of AWS"
	case strings.Contains(reason, "no such host"):
		return "check the region, AWS_ENDPOINT_URL and the network"
	}
	return "check the network, HTTPS_PROXY and AWS_ENDPOINT_URL"
}

// Unwrap returns the SDK's error.
func (e *UnreachableError) Unwrap() error { return e.Err }

// asUnreachable returns an error if a request got no answer, or none of AWS. Otherwise it
// returns nil.
func asUnreachable(service string, err error) *UnreachableError {
	if _, canceled := errors.AsType[*smithy.CanceledError](err); canceled {
		return nil
	}
	if answer := strangeAnswer(err); answer != nil {
		return &UnreachableError{service, origin(answer.Response.Request.URL), err}
	}
	sent, ok := errors.AsType[*url.Error](err)
	if _, answered := errors.AsType[smithy.APIError](err); answered || !ok {
		return nil
	}
	endpoint := sent.URL
	if parsed, err := url.Parse(sent.URL); err == nil {
		endpoint = origin(parsed)
	}
	return &UnreachableError{service, endpoint, err}
}

func origin(u *url.URL) string { return u.Scheme + "://" + u.Host }

// strangeAnswer returns the response if it is not one of AWS, such as the page of a proxy.
// The SDK cannot read it, or finds no error code in it. Otherwise strangeAnswer returns nil,
// also if the answer is not complete.
func strangeAnswer(err error) *smithyhttp.ResponseError {
	_, readable := errors.AsType[smithy.APIError](err)
	_, broken := errors.AsType[net.Error](err)
	broken = broken || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, context.Canceled)
	response, ok := errors.AsType[*smithyhttp.ResponseError](err)
	if !ok || broken || response.Response.Request == nil || readable && !isCode(err, "UnknownError") {
		return nil
	}
	return response
}

// failed adds the action and the resource to an error.
func (c Caller) failed(action, resource string, err error) error {
	if err == nil {
		return nil
	}
	if isCode(err, deniedCodes...) {
		return &RefusedError{c.ARN, action, resource, shortError(err)}
	}
	service, _ := innermostCall(err)
	if unreachable := asUnreachable(service, err); unreachable != nil {
		return fmt.Errorf("%s on %s: %w", action, resource, unreachable)
	}
	return fmt.Errorf("%s on %s: %w", action, resource, shortError(err))
}

// shortError shortens an error that AWS returned to its code and message. It does not
// change other errors, such as a failed connection.
func shortError(err error) error {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return apiError{api, err}
	}
	return err
}

// apiError is an error that AWS returned. It wraps the SDK's error with the response.
type apiError struct {
	smithy.APIError
	whole error
}

func (a apiError) Error() string {
	return strings.TrimSuffix(a.ErrorCode()+": "+a.ErrorMessage(), ": ")
}

// Hint returns the next step, or nothing.
func (a apiError) Hint() string {
	switch {
	case a.ErrorCode() == "UnmodifiableEntity":
		return "AWS owns this role: name a role of your own"
	case strings.Contains(a.ErrorMessage(), "Invalid principal in policy"):
		return "a statement names a user or role that no longer exists: remove it from the trust policy, for example in the IAM console"
	case strings.Contains(a.ErrorMessage(), "Maximum policy size"):
		return "AWS raises this quota for nobody: turn other inline policies of the role into managed policies"
	case strings.Contains(a.ErrorMessage(), "TagsPerRole"):
		return "AWS raises this quota for nobody: remove tags of the role that are no longer needed"
	case isCode(a, "LimitExceeded", "LimitExceededException", "ResourceLimitExceededException"):
		return "remove what is no longer needed, or request a higher quota in Service Quotas"
	case strings.HasPrefix(a.ErrorCode(), "Throttl"), a.ErrorCode() == "TooManyRequestsException":
		return "AWS limits the calls of the account: run the command again later"
	}
	return ""
}

func (a apiError) Unwrap() error { return a.whole }

func isCode(err error, codes ...string) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	return ok && slices.Contains(codes, api.ErrorCode())
}

// IsRefused reports whether AWS denied an action to the caller.
func IsRefused(err error) bool {
	_, ok := errors.AsType[*RefusedError](err)
	return ok
}

// IsExists reports whether something could not be created because it exists already.
// Another run may have created it, or an earlier attempt whose answer was lost.
func IsExists(err error) bool { return isCode(err, "EntityAlreadyExists", "ResourceInUseException") }

// IsMissing reports whether the resource of a call does not exist. It may also have just
// been created and not be visible yet.
func IsMissing(err error) bool {
	return isCode(err, "NoSuchEntity", "NoSuchEntityException", "ResourceNotFoundException")
}

// unlessMissing ignores the error that a resource does not exist.
func unlessMissing(err error) error {
	if IsMissing(err) {
		return nil
	}
	return err
}

// IsUnseen reports whether EKS rejected the role of an association, perhaps because it
// cannot see the role or its trust policy yet. EKS has only one code for all parameters
// that are not valid, so the message decides.
//
// Source: hashicorp/terraform-provider-aws, pull request 34717 and issue 41483.
func IsUnseen(err error) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	return ok && api.ErrorCode() == "InvalidParameterException" && slices.ContainsFunc([]string{
		"Role provided in the request does not exist", "Trust policy of the role provided is invalid"},
		func(text string) bool { return strings.Contains(api.ErrorMessage(), text) })
}

// IsDeleteConflict reports whether IAM refused to delete a role because something is left in
// it.
func IsDeleteConflict(err error) bool { return isCode(err, "DeleteConflict") }

// IsTagLimit reports whether a resource would have more tags than AWS allows.
func IsTagLimit(err error) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	return ok && api.ErrorCode() == "LimitExceeded" && strings.Contains(api.ErrorMessage(), "TagsPerRole")
}

// concurrentModification is an error code of IAM that the SDK does not retry by default.
const concurrentModification = "ConcurrentModification"

// IsTransient reports whether the same call may succeed a little later, because AWS
// throttled it, AWS failed, or the connection failed.
func IsTransient(err error) bool {
	known := retry.IsErrorRetryables(append(slices.Clone(retry.DefaultRetryables),
		retry.RetryableErrorCode{Codes: map[string]struct{}{concurrentModification: {}}}))
	return err != nil && known.IsErrorRetryable(err) == aws.TrueTernary
}
