package account

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"

	"spaces-identity.dev/internal/identity"
)

// RefusedError is the error if AWS denied an action to an identity.
type RefusedError struct {
	Identity string // ARN; empty if it is not known
	Action   string // such as iam:GetRole
	Resource string // ARN or name; empty if it is not known
	Err      error
}

func (e *RefusedError) Error() string {
	text := "AWS does not allow " + cmp.Or(e.Identity, "the caller") + " to call " + e.Action
	if e.Resource != "" {
		text += " on " + e.Resource
	}
	return fmt.Sprintf("%s: %v", text, e.Err)
}

// Hint returns the next step. It depends on the kind of policy that denied the action. The
// policies of an identity cannot allow what another kind denies.
func (e *RefusedError) Hint() string {
	const self = "the policy that `spaces-identity policy self` prints"
	kind, explicit := denial(e.Err.Error())
	switch {
	case kind == "service control policy" || kind == "resource control policy":
		return "a " + kind + " of the AWS organization denies this to every identity of the account: ask the administrators of the organization"
	case kind == "permissions boundary":
		return "the permissions boundary of " + e.who() + " must allow this too: add " + self + " to it"
	case kind == "session policy":
		return "the session has a policy of its own: log in without one, or add " + self + " to it"
	case kind == "VPC endpoint policy":
		return "the policy of the VPC endpoint must allow this: change it, or call AWS without the endpoint"
	case strings.HasPrefix(e.Action, "sts:"):
		return "the trust policy of the role and the policies of the caller must allow this: change them, or choose another profile"
	case explicit:
		return "a statement with Effect Deny denies this: remove it from the policies of " + e.who()
	}
	return "give " + e.who() + " " + self
}

// who returns the identity to which a policy can be attached.
func (e *RefusedError) who() string {
	if name, _ := identity.AssumedRole(e.Identity); name != "" {
		return "the role " + name
	}
	return "this identity"
}

// Unwrap returns the SDK's error.
func (e *RefusedError) Unwrap() error { return e.Err }

// deniedCodes are the error codes with which AWS denies an action.
var deniedCodes = []string{"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}

var (
	deniedTo      = regexp.MustCompile(`^User: (\S+) is not authorized`)
	deniedBecause = regexp.MustCompile(`(with an explicit deny in an?|because no) ((?:[A-Za-z-]+ )?(?:[a-z]+ )?(?:policy|boundary))`)
)

// denial returns the kind of policy that denied an action, such as service control policy,
// and whether it has a statement with Effect Deny. The kind is empty if AWS does not say.
//
// Source: IAM User Guide, "Troubleshoot access denied error messages".
func denial(message string) (kind string, explicit bool) {
	found := deniedBecause.FindStringSubmatch(message)
	if found == nil {
		return "", false
	}
	return found[2], found[1] != "because no"
}

// callerIn returns the identity in the message of a denial.
func callerIn(message string) string {
	if found := deniedTo.FindStringSubmatch(message); found != nil {
		return found[1]
	}
	return ""
}
