package account

import (
	"context"
	"fmt"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"spaces-identity.dev/internal/identity"
)

// Policies are all permissions policies of a role, as JSON: the inline ones and
// the attached ones, each in its default version.
func (a *Account) Policies(ctx context.Context, role identity.RoleARN) ([]string, error) {
	var all []string
	inline := iam.NewListRolePoliciesPaginator(a.iam, &iam.ListRolePoliciesInput{RoleName: aws.String(roleName(role))})
	for inline.HasMorePages() {
		page, err := inline.NextPage(ctx)
		if err != nil {
			return nil, a.Caller.failed("iam:ListRolePolicies", role.String(), err)
		}
		for _, name := range page.PolicyNames {
			policy, _, err := a.InlinePolicy(ctx, role, name)
			if err != nil {
				return nil, err
			}
			all = append(all, policy)
		}
	}
	attached := iam.NewListAttachedRolePoliciesPaginator(a.iam, &iam.ListAttachedRolePoliciesInput{RoleName: aws.String(roleName(role))})
	for attached.HasMorePages() {
		page, err := attached.NextPage(ctx)
		if err != nil {
			return nil, a.Caller.failed("iam:ListAttachedRolePolicies", role.String(), err)
		}
		for _, p := range page.AttachedPolicies {
			policy, err := a.managedPolicy(ctx, aws.ToString(p.PolicyArn))
			if err != nil {
				return nil, err
			}
			all = append(all, policy)
		}
	}
	return all, nil
}

// managedPolicy is the default version of a managed policy.
func (a *Account) managedPolicy(ctx context.Context, arn string) (string, error) {
	policy, err := a.iam.GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: aws.String(arn)})
	if err != nil {
		return "", a.Caller.failed("iam:GetPolicy", arn, err)
	}
	version, err := a.iam.GetPolicyVersion(ctx, &iam.GetPolicyVersionInput{PolicyArn: aws.String(arn), VersionId: policy.Policy.DefaultVersionId})
	if err != nil {
		return "", a.Caller.failed("iam:GetPolicyVersion", arn, err)
	}
	text, err := url.PathUnescape(aws.ToString(version.PolicyVersion.Document))
	if err != nil {
		return "", fmt.Errorf("the policy %s is not encoded as IAM does it: %w", arn, err)
	}
	return text, nil
}
