package live

import (
	"context"
	"fmt"

	"spaces-identity.dev/internal/account"
	"spaces-identity.dev/internal/cli"
	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/verify"
)

// accountFor connects to the account that the spec's roles are in. Without
// credentials there is none, and the account's half is not checked; a profile that
// was named must work.
func accountFor(ctx context.Context, env *cli.Env, state desired.State, profile string) (verify.AWS, error) {
	connected, err := account.Connect(ctx, account.Options{Profile: profile, Region: state.Clusters[0].Region})
	if err != nil && profile != "" {
		return nil, err
	}
	if err != nil {
		env.Note(fmt.Sprintf("the AWS half is not checked: %v", err))
		return nil, nil
	}
	return verifyAccount{connected}, nil
}

// verifyAccount answers what verify asks of AWS.
type verifyAccount struct{ *account.Account }

// Role reads a role with its trust policy and all of its permissions policies.
func (a verifyAccount) Role(ctx context.Context, role identity.RoleARN) (verify.Role, error) {
	found, ok, err := a.Account.Role(ctx, role)
	if err != nil {
		return verify.Role{}, err
	}
	if !ok {
		return verify.Role{}, fmt.Errorf("the role %s is %w", role, verify.ErrAbsent)
	}
	read := verify.Role{}
	if read.Trust, err = iam.Parse([]byte(found.TrustPolicy)); err != nil {
		return read, fmt.Errorf("the trust policy of %s: %w", role, err)
	}
	policies, err := a.Policies(ctx, role)
	if err != nil {
		return read, err
	}
	for _, policy := range policies {
		doc, err := iam.Parse([]byte(policy))
		if err != nil {
			return read, fmt.Errorf("a permissions policy of %s: %w", role, err)
		}
		read.Permissions = append(read.Permissions, doc)
	}
	return read, nil
}

// OIDCProvider reads the audiences of a provider.
func (a verifyAccount) OIDCProvider(ctx context.Context, arn string) ([]string, error) {
	audiences, ok, err := a.ProviderAudiences(ctx, arn)
	if err == nil && !ok {
		err = fmt.Errorf("the OIDC provider %s is %w", arn, verify.ErrAbsent)
	}
	return audiences, err
}

// Associations reads the Pod Identity associations of the components' service
// accounts.
func (a verifyAccount) Associations(ctx context.Context, cluster identity.Cluster) ([]verify.AssociationOf, error) {
	region := a.Region(cluster.Region)
	listed, err := region.Associations(ctx, cluster.Name, "")
	if err != nil {
		return nil, err
	}
	all := make([]verify.AssociationOf, 0, len(listed))
	for _, l := range listed {
		all = append(all, verify.AssociationOf{Namespace: l.Namespace, ServiceAccount: l.ServiceAccount})
	}
	return all, nil
}
