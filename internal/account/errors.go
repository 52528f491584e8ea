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

// RefusedError says that AWS did not let an identity do something.
type RefusedError struct {
	Identity string // ARN
	Action   string // such as iam:GetRole
	Resource string // ARN or name
	Err      error
}

// Error names the identity, the action and the resource, and the next step.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("%s may not %s on %s: %s\n`spaces-identity policy self` prints the policy that this identity needs",
		e.Identity, e.Action, e.Resource, message(e.Err))
}

// Unwrap is the SDK's error.
func (e *RefusedError) Unwrap() error { return e.Err }

// failed says which action on which resource went wrong.
func (c Caller) failed(action, resource string, err error) error {
	if err == nil {
		return nil
	}
	if isCode(err, "AccessDenied", "AccessDeniedException", "UnauthorizedOperation") {
		return &RefusedError{c.ARN, action, resource, err}
	}
	return fmt.Errorf("%s on %s: %w", action, resource, brief(err))
}

// brief takes the wrapping of the SDK off an answer of AWS; what is no answer,
// such as a connection that failed, keeps it.
func brief(err error) error {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return answer{api, err}
	}
	return err
}

// answer is what AWS said, as code and message.
type answer struct {
	smithy.APIError
	whole error
}

func (a answer) Error() string { return message(a.APIError) }

// Unwrap is the SDK's error, with the response that it came in.
func (a answer) Unwrap() error { return a.whole }

func message(err error) string {
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return err.Error()
	}
	if api.ErrorMessage() == "" {
		return api.ErrorCode()
	}
	return api.ErrorCode() + ": " + api.ErrorMessage()
}

func isCode(err error, codes ...string) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	return ok && slices.Contains(codes, api.ErrorCode())
}

// isMissing reports whether the answer is that the thing is not there.
func isMissing(err error) bool {
	return isCode(err, "NoSuchEntity", "NoSuchEntityException", "ResourceNotFoundException")
}

// IsExists reports whether AWS refused to make what is there already: another
// run was quicker, or an attempt took effect whose answer was lost.
func IsExists(err error) bool { return isCode(err, "EntityAlreadyExists", "ResourceInUseException") }

// IsMissing reports whether a write failed because what it is for is not there,
// or cannot be seen yet.
func IsMissing(err error) bool { return isMissing(err) }

// IsUnseen reports whether EKS refused a role that IAM may not have told it of
// yet.
func IsUnseen(err error) bool {
	return isCode(err, "InvalidParameterException") || isMissing(err)
}

// IsTooLong reports whether IAM refused a policy for its length.
func IsTooLong(err error) bool { return isCode(err, "LimitExceeded") }

// IsTransient reports whether the same call may succeed a little later: AWS
// throttled it or failed, or the connection did.
func IsTransient(err error) bool {
	known := retry.IsErrorRetryables(append(slices.Clone(retry.DefaultRetryables),
		retry.RetryableErrorCode{Codes: map[string]struct{}{"ConcurrentModification": {}}}))
	return err != nil && known.IsErrorRetryable(err) == aws.TrueTernary
}

// explainCredentials says what to do where there are no credentials, or none
// that AWS takes.
func explainCredentials(o Options, err error) error {
	what := "the default profile"
	if o.Profile != "" {
		what = "profile " + o.Profile
	}
	response, answered := errors.AsType[*awshttp.ResponseError](err)
	if answered && response.HTTPStatusCode() == http.StatusForbidden {
		return fmt.Errorf("AWS does not take the credentials of %s: %w: log in again, or name others with --profile", what, brief(err))
	}
	return fmt.Errorf("no AWS credentials that work, with %s: %w: log in (aws sso login, aws configure), or name a profile with --profile", what, brief(err))
}
