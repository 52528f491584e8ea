package account

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"spaces-identity.dev/internal/identity"
)

// TrustPolicyQuota returns the account's quota for the length of a trust policy, in
// characters without white space.
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

// Role is an IAM role in the account.
type Role struct {
	ARN         string
	TrustPolicy string // JSON
	Tags        map[string]string
	Boundary    string    // ARN of the permissions boundary, or nothing
	MaxSession  int       // maximum session duration, in seconds
	LastUsed    time.Time // zero if IAM has recorded no use in the last 400 days
}

// Role reads a role with its tags. ok is false if there is none.
func (a *Account) Role(ctx context.Context, role identity.RoleARN) (found Role, ok bool, err error) {
	out, err := a.iam.GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String(role.BaseName())})
	if err != nil {
		return Role{}, false, unlessMissing(a.Caller.failed("iam:GetRole", role.String(), err))
	}
	trust, err := decodePolicy(out.Role.AssumeRolePolicyDocument, "the trust policy of "+role.String())
	found = Role{ARN: aws.ToString(out.Role.Arn), TrustPolicy: trust, Tags: tagMap(out.Role.Tags), MaxSession: int(aws.ToInt32(out.Role.MaxSessionDuration))}
	if b := out.Role.PermissionsBoundary; b != nil {
		found.Boundary = aws.ToString(b.PermissionsBoundaryArn)
	}
	if used := out.Role.RoleLastUsed; used != nil {
		found.LastUsed = aws.ToTime(used.LastUsedDate)
	}
	return found, err == nil, err
}

// NewRole is a role to be created.
type NewRole struct {
	ARN         identity.RoleARN
	TrustPolicy string // JSON
	Description string
	Tags        map[string]string
	Boundary    string // ARN of the permissions boundary, or nothing
	MaxSession  int    // maximum session duration, in seconds; 0 for AWS's default
}

// CreateRole creates a role.
func (a *Account) CreateRole(ctx context.Context, r NewRole) error {
	in := &iam.CreateRoleInput{RoleName: aws.String(r.ARN.BaseName()), Path: aws.String(r.ARN.Path()),
		AssumeRolePolicyDocument: aws.String(r.TrustPolicy), Description: aws.String(r.Description), Tags: iamTags(r.Tags), PermissionsBoundary: optionalString(r.Boundary)}
	if r.MaxSession != 0 {
		in.MaxSessionDuration = aws.Int32(int32(r.MaxSession))
	}
	_, err := a.iam.CreateRole(ctx, in)
	return a.Caller.failed("iam:CreateRole", r.ARN.String(), err)
}

// SetTrustPolicy replaces the trust policy of a role. It makes only one attempt. Before
// the next one the caller must read the policy again, because somebody else may have
// changed it. [IsTransient] reports whether another attempt makes sense.
func (a *Account) SetTrustPolicy(ctx context.Context, role identity.RoleARN, policy string) error {
	once := func(o *iam.Options) { o.Retryer = aws.NopRetryer{} }
	_, err := a.iam.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{RoleName: aws.String(role.BaseName()), PolicyDocument: aws.String(policy)}, once)
	if IsTransient(err) {
		a.reports.retrying("IAM", shortError(err))
	}
	return a.Caller.failed("iam:UpdateAssumeRolePolicy", role.String(), err)
}

// TagRole sets tags of a role and keeps the others.
func (a *Account) TagRole(ctx context.Context, role identity.RoleARN, t map[string]string) error {
	_, err := a.iam.TagRole(ctx, &iam.TagRoleInput{RoleName: aws.String(role.BaseName()), Tags: iamTags(t)})
	return a.Caller.failed("iam:TagRole", role.String(), err)
}

// InlinePolicies lists the names of a role's inline policies. The list is empty if there
// is no such role.
func (a *Account) InlinePolicies(ctx context.Context, role identity.RoleARN) ([]string, error) {
	var names []string
	pages := iam.NewListRolePoliciesPaginator(a.iam, &iam.ListRolePoliciesInput{RoleName: aws.String(role.BaseName())})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, unlessMissing(a.Caller.failed("iam:ListRolePolicies", role.String(), err))
		}
		names = append(names, page.PolicyNames...)
	}
	return names, nil
}

// InlinePolicy reads an inline policy of a role as JSON. ok is false if the policy or the
// role does not exist.
func (a *Account) InlinePolicy(ctx context.Context, role identity.RoleARN, name string) (policy string, ok bool, err error) {
	out, err := a.iam.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: aws.String(role.BaseName()), PolicyName: aws.String(name)})
	if err != nil {
		return "", false, unlessMissing(a.Caller.failed("iam:GetRolePolicy", role.String(), err))
	}
	policy, err = decodePolicy(out.PolicyDocument, "the policy "+name+" of "+role.String())
	return policy, err == nil, err
}

// SetInlinePolicy creates or replaces an inline policy of a role.
func (a *Account) SetInlinePolicy(ctx context.Context, role identity.RoleARN, name, policy string) error {
	_, err := a.iam.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: aws.String(role.BaseName()), PolicyName: aws.String(name), PolicyDocument: aws.String(policy)})
	return a.Caller.failed("iam:PutRolePolicy", role.String(), err)
}

// DeleteInlinePolicy removes an inline policy of a role. It returns no error if there is
// none.
func (a *Account) DeleteInlinePolicy(ctx context.Context, role identity.RoleARN, name string) error {
	_, err := a.iam.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: aws.String(role.BaseName()), PolicyName: aws.String(name)})
	return unlessMissing(a.Caller.failed("iam:DeleteRolePolicy", role.String(), err))
}

// Policies reads all permissions policies of a role as JSON. These are its inline policies
// and the default versions of its attached policies, whose ARNs it returns too.
func (a *Account) Policies(ctx context.Context, role identity.RoleARN) (all, attached []string, err error) {
	names, err := a.InlinePolicies(ctx, role)
	if err != nil {
		return nil, nil, err
	}
	for _, name := range names {
		policy, _, err := a.InlinePolicy(ctx, role, name)
		if err != nil {
			return nil, nil, err
		}
		all = append(all, policy)
	}
	attached, err = a.AttachedPolicies(ctx, role)
	if err != nil {
		return nil, nil, err
	}
	for _, arn := range attached {
		policy, err := a.ManagedPolicy(ctx, arn)
		if err != nil {
			return nil, nil, err
		}
		all = append(all, policy)
	}
	return all, attached, nil
}

// ManagedPolicy reads the default version of a managed policy as JSON.
func (a *Account) ManagedPolicy(ctx context.Context, arn string) (string, error) {
	policy, err := a.iam.GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: aws.String(arn)})
	if err != nil {
		return "", a.Caller.failed("iam:GetPolicy", arn, err)
	}
	version, err := a.iam.GetPolicyVersion(ctx, &iam.GetPolicyVersionInput{PolicyArn: aws.String(arn), VersionId: policy.Policy.DefaultVersionId})
	if err != nil {
		return "", a.Caller.failed("iam:GetPolicyVersion", arn, err)
	}
	return decodePolicy(version.PolicyVersion.Document, "the policy "+arn)
}

// ProviderAudiences returns the audiences (client IDs) of an IAM OIDC provider. ok is
// false if there is no such provider.
func (a *Account) ProviderAudiences(ctx context.Context, arn string) (audiences []string, ok bool, err error) {
	found, ok, err := a.Provider(ctx, arn)
	return found.Audiences, ok, err
}

// CreateProvider creates an IAM OIDC provider for the issuer. It needs no thumbprint,
// because IAM trusts the certificate authority of the EKS issuers.
//
// Source: IAM API reference, CreateOpenIDConnectProvider.
func (a *Account) CreateProvider(ctx context.Context, arn, issuerURL, audience string, t map[string]string) error {
	_, err := a.iam.CreateOpenIDConnectProvider(ctx, &iam.CreateOpenIDConnectProviderInput{
		Url: aws.String(issuerURL), ClientIDList: []string{audience}, Tags: iamTags(t)})
	return a.Caller.failed("iam:CreateOpenIDConnectProvider", arn, err)
}

// AddAudience adds a client ID to an IAM OIDC provider.
func (a *Account) AddAudience(ctx context.Context, arn, audience string) error {
	_, err := a.iam.AddClientIDToOpenIDConnectProvider(ctx, &iam.AddClientIDToOpenIDConnectProviderInput{
		OpenIDConnectProviderArn: aws.String(arn), ClientID: aws.String(audience)})
	return a.Caller.failed("iam:AddClientIDToOpenIDConnectProvider", arn, err)
}

// decodePolicy returns a policy as JSON. IAM returns policies URL-encoded.
func decodePolicy(policy *string, what string) (string, error) {
	text, err := url.PathUnescape(aws.ToString(policy))
	if err != nil {
		return "", fmt.Errorf("%s is not URL-encoded: %w", what, err)
	}
	return text, nil
}

func tagMap(tags []types.Tag) map[string]string {
	all := map[string]string{}
	for _, tag := range tags {
		all[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return all
}

func iamTags(all map[string]string) []types.Tag {
	var out []types.Tag
	for _, key := range slices.Sorted(maps.Keys(all)) {
		out = append(out, types.Tag{Key: aws.String(key), Value: aws.String(all[key])})
	}
	return out
}
