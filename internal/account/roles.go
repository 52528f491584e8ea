package account

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"spaces-identity.dev/internal/identity"
)

// Role is an IAM role as it stands.
type Role struct {
	ARN         string
	TrustPolicy string // JSON
	Tags        map[string]string
}

// NewRole is a role to be made.
type NewRole struct {
	ARN         identity.RoleARN
	TrustPolicy string // JSON
	Description string
	Tags        map[string]string
}

// TrustPolicyQuota is the number of characters, white space not counted, that the
// account allows a trust policy.
//
// Source: IAM API reference, GetAccountSummary, AssumeRolePolicySizeQuota.
func (a *Account) TrustPolicyQuota(ctx context.Context) (int, error) {
	out, err := a.iam.GetAccountSummary(ctx, &iam.GetAccountSummaryInput{})
	if err != nil {
		return 0, a.Caller.failed("iam:GetAccountSummary", "account "+a.Caller.Account, err)
	}
	quota := out.SummaryMap["AssumeRolePolicySizeQuota"]
	if quota <= 0 {
		return identity.DefaultTrustPolicyQuota, nil
	}
	return int(quota), nil
}

// Role reads a role with its tags; ok is false where there is none.
func (a *Account) Role(ctx context.Context, role identity.RoleARN) (found Role, ok bool, err error) {
	out, err := a.iam.GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String(roleName(role))})
	if isMissing(err) {
		return Role{}, false, nil
	}
	if err != nil {
		return Role{}, false, a.Caller.failed("iam:GetRole", role.String(), err)
	}
	trust, err := url.PathUnescape(aws.ToString(out.Role.AssumeRolePolicyDocument))
	if err != nil {
		return Role{}, false, fmt.Errorf("the trust policy of %s is not encoded as IAM does it: %w", role, err)
	}
	found = Role{ARN: aws.ToString(out.Role.Arn), TrustPolicy: trust, Tags: map[string]string{}}
	for _, tag := range out.Role.Tags {
		found.Tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return found, true, nil
}

// CreateRole makes a role.
func (a *Account) CreateRole(ctx context.Context, r NewRole) error {
	_, err := a.iam.CreateRole(ctx, &iam.CreateRoleInput{
		RoleName:                 aws.String(roleName(r.ARN)),
		Path:                     aws.String(rolePath(r.ARN)),
		AssumeRolePolicyDocument: aws.String(r.TrustPolicy),
		Description:              aws.String(r.Description),
		Tags:                     tags(r.Tags),
	})
	return a.Caller.failed("iam:CreateRole", r.ARN.String(), err)
}

// SetTrustPolicy replaces the trust policy of a role. It is tried once: who tries
// again should read again before, as another may have written in the meantime
// ([IsTransient]).
func (a *Account) SetTrustPolicy(ctx context.Context, role identity.RoleARN, policy string) error {
	_, err := a.iam.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{
		RoleName: aws.String(roleName(role)), PolicyDocument: aws.String(policy)}, func(o *iam.Options) { o.Retryer = aws.NopRetryer{} })
	return a.Caller.failed("iam:UpdateAssumeRolePolicy", role.String(), err)
}

// TagRole sets tags of a role; others stay.
func (a *Account) TagRole(ctx context.Context, role identity.RoleARN, t map[string]string) error {
	_, err := a.iam.TagRole(ctx, &iam.TagRoleInput{RoleName: aws.String(roleName(role)), Tags: tags(t)})
	return a.Caller.failed("iam:TagRole", role.String(), err)
}

// InlinePolicy reads a policy that stands in a role; ok is false where there is
// none of that name, or no role.
func (a *Account) InlinePolicy(ctx context.Context, role identity.RoleARN, name string) (policy string, ok bool, err error) {
	out, err := a.iam.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: aws.String(roleName(role)), PolicyName: aws.String(name)})
	if isMissing(err) {
		return "", false, nil
	}
	if err != nil {
		return "", false, a.Caller.failed("iam:GetRolePolicy", role.String(), err)
	}
	policy, err = url.PathUnescape(aws.ToString(out.PolicyDocument))
	if err != nil {
		return "", false, fmt.Errorf("the policy %s of %s is not encoded as IAM does it: %w", name, role, err)
	}
	return policy, true, nil
}

// SetInlinePolicy makes or replaces a policy that stands in a role.
func (a *Account) SetInlinePolicy(ctx context.Context, role identity.RoleARN, name, policy string) error {
	_, err := a.iam.PutRolePolicy(ctx, &iam.PutRolePolicyInput{
		RoleName: aws.String(roleName(role)), PolicyName: aws.String(name), PolicyDocument: aws.String(policy)})
	return a.Caller.failed("iam:PutRolePolicy", role.String(), err)
}

// roleName is the name without the path, as IAM's operations take it.
func roleName(role identity.RoleARN) string {
	return role.Name[strings.LastIndexByte(role.Name, '/')+1:]
}

// rolePath is the path with its slashes, / where there is none.
func rolePath(role identity.RoleARN) string {
	return "/" + role.Name[:strings.LastIndexByte(role.Name, '/')+1]
}

func tags(all map[string]string) []types.Tag {
	var out []types.Tag
	for _, key := range slices.Sorted(maps.Keys(all)) {
		out = append(out, types.Tag{Key: aws.String(key), Value: aws.String(all[key])})
	}
	return out
}
