package account

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"spaces-identity.dev/internal/identity"
)

// This file has the calls that limit and delete roles.

// SetBoundary sets the permissions boundary of a role.
func (a *Account) SetBoundary(ctx context.Context, role identity.RoleARN, policy string) error {
	_, err := a.iam.PutRolePermissionsBoundary(ctx, &iam.PutRolePermissionsBoundaryInput{RoleName: aws.String(role.BaseName()), PermissionsBoundary: aws.String(policy)})
	return a.Caller.failed("iam:PutRolePermissionsBoundary", role.String(), err)
}

// SetMaxSessionDuration sets the longest session of a role, in seconds.
func (a *Account) SetMaxSessionDuration(ctx context.Context, role identity.RoleARN, seconds int) error {
	_, err := a.iam.UpdateRole(ctx, &iam.UpdateRoleInput{RoleName: aws.String(role.BaseName()), MaxSessionDuration: aws.Int32(int32(seconds))})
	return a.Caller.failed("iam:UpdateRole", role.String(), err)
}

// UntagRole removes tags of a role by their keys.
func (a *Account) UntagRole(ctx context.Context, role identity.RoleARN, keys ...string) error {
	_, err := a.iam.UntagRole(ctx, &iam.UntagRoleInput{RoleName: aws.String(role.BaseName()), TagKeys: keys})
	return a.Caller.failed("iam:UntagRole", role.String(), err)
}

// PolicyExists reports whether a managed policy exists.
func (a *Account) PolicyExists(ctx context.Context, arn string) (bool, error) {
	_, err := a.iam.GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: aws.String(arn)})
	if IsMissing(err) {
		return false, nil
	}
	return err == nil, a.Caller.failed("iam:GetPolicy", arn, err)
}

// AttachedPolicies lists the ARNs of the managed policies of a role. The list is empty if
// there is no such role.
func (a *Account) AttachedPolicies(ctx context.Context, role identity.RoleARN) ([]string, error) {
	var all []string
	pages := iam.NewListAttachedRolePoliciesPaginator(a.iam, &iam.ListAttachedRolePoliciesInput{RoleName: aws.String(role.BaseName())})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, unlessMissing(a.Caller.failed("iam:ListAttachedRolePolicies", role.String(), err))
		}
		for _, p := range page.AttachedPolicies {
			all = append(all, aws.ToString(p.PolicyArn))
		}
	}
	return all, nil
}

// AttachPolicy attaches a managed policy to a role.
func (a *Account) AttachPolicy(ctx context.Context, role identity.RoleARN, policy string) error {
	_, err := a.iam.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: aws.String(role.BaseName()), PolicyArn: aws.String(policy)})
	return a.Caller.failed("iam:AttachRolePolicy", policy+" of "+role.String(), err)
}

// DetachPolicy detaches a managed policy from a role. It returns no error if it is not
// attached.
func (a *Account) DetachPolicy(ctx context.Context, role identity.RoleARN, policy string) error {
	_, err := a.iam.DetachRolePolicy(ctx, &iam.DetachRolePolicyInput{RoleName: aws.String(role.BaseName()), PolicyArn: aws.String(policy)})
	return unlessMissing(a.Caller.failed("iam:DetachRolePolicy", policy+" of "+role.String(), err))
}

// InstanceProfiles lists the names of the instance profiles that contain a role.
func (a *Account) InstanceProfiles(ctx context.Context, role identity.RoleARN) ([]string, error) {
	var all []string
	pages := iam.NewListInstanceProfilesForRolePaginator(a.iam, &iam.ListInstanceProfilesForRoleInput{RoleName: aws.String(role.BaseName())})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, unlessMissing(a.Caller.failed("iam:ListInstanceProfilesForRole", role.String(), err))
		}
		for _, p := range page.InstanceProfiles {
			all = append(all, aws.ToString(p.InstanceProfileName))
		}
	}
	return all, nil
}

// DeleteRole deletes a role. It returns no error if there is none. IAM refuses to delete a
// role that has policies or is in an instance profile.
func (a *Account) DeleteRole(ctx context.Context, role identity.RoleARN) error {
	_, err := a.iam.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: aws.String(role.BaseName())})
	return unlessMissing(a.Caller.failed("iam:DeleteRole", role.String(), err))
}

// TrustPolicies returns the trust policies of all roles of the account as JSON, by the ARN
// of the role.
func (a *Account) TrustPolicies(ctx context.Context) (map[string]string, error) {
	all := map[string]string{}
	pages := iam.NewListRolesPaginator(a.iam, &iam.ListRolesInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, a.Caller.failed("iam:ListRoles", "account "+a.Caller.Account, err)
		}
		for _, r := range page.Roles {
			arn := aws.ToString(r.Arn)
			if all[arn], err = decodePolicy(r.AssumeRolePolicyDocument, "the trust policy of "+arn); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

// Provider is an IAM OIDC provider.
type Provider struct {
	Audiences []string // client IDs
	Tags      map[string]string
}

// Provider reads an IAM OIDC provider. ok is false if there is none.
func (a *Account) Provider(ctx context.Context, arn string) (found Provider, ok bool, err error) {
	out, err := a.iam.GetOpenIDConnectProvider(ctx, &iam.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: aws.String(arn)})
	if err != nil {
		return Provider{}, false, unlessMissing(a.Caller.failed("iam:GetOpenIDConnectProvider", arn, err))
	}
	return Provider{out.ClientIDList, tagMap(out.Tags)}, true, nil
}

// TagProvider sets tags of an IAM OIDC provider and keeps the others.
func (a *Account) TagProvider(ctx context.Context, arn string, t map[string]string) error {
	_, err := a.iam.TagOpenIDConnectProvider(ctx, &iam.TagOpenIDConnectProviderInput{OpenIDConnectProviderArn: aws.String(arn), Tags: iamTags(t)})
	return a.Caller.failed("iam:TagOpenIDConnectProvider", arn, err)
}

// DeleteProvider deletes an IAM OIDC provider. It returns no error if there is none.
func (a *Account) DeleteProvider(ctx context.Context, arn string) error {
	_, err := a.iam.DeleteOpenIDConnectProvider(ctx, &iam.DeleteOpenIDConnectProviderInput{OpenIDConnectProviderArn: aws.String(arn)})
	return unlessMissing(a.Caller.failed("iam:DeleteOpenIDConnectProvider", arn, err))
}
