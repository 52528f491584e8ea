package account

import (
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
)

// RefusedError is the error if AWS denied an action to an identity.
type RefusedError struct {
	Identity string // ARN
	Action   string // such as iam:GetRole
	Resource string // ARN or name
	Err      error
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("AWS does not allow %s to call %s on %s: %v", e.Identity, e.Action, e.Resource, e.Err)
}

// Hint returns the next step.
func (e *RefusedError) Hint() string {
	return "give this identity the policy that `spaces-identity policy self` prints"
}

// Unwrap returns the SDK's error.
func (e *RefusedError) Unwrap() error { return e.Err }

// CredentialsError is the error if there are no credentials, or if AWS rejects them.
type CredentialsError struct {
	Profile  string // as in the Options
	Rejected bool   // whether AWS rejected them; otherwise there are none
	Err      error
}

func (e *CredentialsError) Error() string {
	profile := "the default profile"
	if e.Profile != "" {
		profile = "profile " + e.Profile
	}
	if e.Rejected {
		return fmt.Sprintf("AWS rejects the credentials of %s: %v", profile, e.Err)
	}
	return fmt.Sprintf("found no working AWS credentials with %s: %v", profile, e.Err)
}

// Hint returns the next step.
func (e *CredentialsError) Hint() string {
	return "log in (aws sso login, aws configure), or choose another profile"
}

// Unwrap returns the SDK's error.
func (e *CredentialsError) Unwrap() error { return e.Err }

func credentialsError(o Options, err error) error {
	response, answered := errors.AsType[*awshttp.ResponseError](err)
	return &CredentialsError{o.Profile, answered && response.HTTPStatusCode() == http.StatusForbidden, shortError(err)}
}

// failed adds the action and the resource to an error.
func (c Caller) failed(action, resource string, err error) error {
	if err == nil {
		return nil
	}
	if isCode(err, "AccessDenied", "AccessDeniedException", "UnauthorizedOperation") {
		return &RefusedError{c.ARN, action, resource, shortError(err)}
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
	if a.ErrorMessage() == "" {
		return a.ErrorCode()
	}
	return a.ErrorCode() + ": " + a.ErrorMessage()
}

func (a apiError) Unwrap() error { return a.whole }

func isCode(err error, codes ...string) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	return ok && slices.Contains(codes, api.ErrorCode())
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

// IsUnseen reports whether EKS rejected a role, perhaps because it cannot see it yet.
func IsUnseen(err error) bool {
	return isCode(err, "InvalidParameterException") || IsMissing(err)
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
