package reconcile

import (
	"context"

	"spaces-identity.dev/internal/account"
	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/identity"
)

// Quotas reads the maximum length of the account's trust policies, in characters.
type Quotas interface {
	TrustPolicyQuota(ctx context.Context) (int, error)
}

// Roles reads and writes IAM roles.
type Roles interface {
	Role(ctx context.Context, role identity.RoleARN) (found account.Role, ok bool, err error)
	CreateRole(ctx context.Context, role account.NewRole) error
	SetTrustPolicy(ctx context.Context, role identity.RoleARN, policy string) error
	TagRole(ctx context.Context, role identity.RoleARN, tags map[string]string) error
	UntagRole(ctx context.Context, role identity.RoleARN, keys ...string) error
	TrustPolicies(ctx context.Context) (byRole map[string]string, err error)
	InstanceProfiles(ctx context.Context, role identity.RoleARN) (names []string, err error)
	DeleteRole(ctx context.Context, role identity.RoleARN) error
}

// Limits sets what a role has besides its policies.
type Limits interface {
	SetBoundary(ctx context.Context, role identity.RoleARN, policy string) error
	SetMaxSessionDuration(ctx context.Context, role identity.RoleARN, seconds int) error
}

// Attachments reads and writes the managed policies of a role.
type Attachments interface {
	PolicyExists(ctx context.Context, arn string) (bool, error)
	AttachedPolicies(ctx context.Context, role identity.RoleARN) (arns []string, err error)
	AttachPolicy(ctx context.Context, role identity.RoleARN, arn string) error
	DetachPolicy(ctx context.Context, role identity.RoleARN, arn string) error
}

// Policies reads and writes the inline policies of a role.
type Policies interface {
	InlinePolicies(ctx context.Context, role identity.RoleARN) (names []string, err error)
	InlinePolicy(ctx context.Context, role identity.RoleARN, name string) (policy string, ok bool, err error)
	SetInlinePolicy(ctx context.Context, role identity.RoleARN, name, policy string) error
	DeleteInlinePolicy(ctx context.Context, role identity.RoleARN, name string) error
}

// Providers reads and writes IAM OIDC providers.
type Providers interface {
	Provider(ctx context.Context, arn string) (found account.Provider, ok bool, err error)
	CreateProvider(ctx context.Context, arn, issuerURL, audience string, tags map[string]string) error
	AddAudience(ctx context.Context, arn, audience string) error
	TagProvider(ctx context.Context, arn string, tags map[string]string) error
	DeleteProvider(ctx context.Context, arn string) error
}

// Clusters reads EKS clusters and installs their Pod Identity agent.
type Clusters interface {
	Cluster(ctx context.Context, name string) (found account.Cluster, ok bool, err error)
	AgentStatus(ctx context.Context, cluster string) (status string, ok bool, err error)
	AddAgent(ctx context.Context, cluster string, tags map[string]string) error
}

// AssociationReader reads EKS Pod Identity associations.
type AssociationReader interface {
	Associations(ctx context.Context, cluster, serviceAccount string) ([]account.Listed, error)
	ReadAssociations(ctx context.Context, cluster string, listed []account.Listed, progress func(done, total int)) (map[string]desired.Association, error)
}

// AssociationWriter writes EKS Pod Identity associations.
type AssociationWriter interface {
	CreateAssociation(ctx context.Context, a desired.Association) (id string, err error)
	UpdateAssociation(ctx context.Context, id string, before, after desired.Association) error
	DeleteAssociation(ctx context.Context, cluster, id string) error
	TagAssociation(ctx context.Context, cluster, id string, tags map[string]string) error
}

// IAM reads and writes the part of the account that has no region.
type IAM interface {
	Quotas
	Roles
	Limits
	Policies
	Attachments
	Providers
}

// Region reads and writes EKS in one region.
type Region interface {
	Clusters
	AssociationReader
	AssociationWriter
}

// Cloud is an AWS account and the identity of the credentials in it.
type Cloud struct {
	Caller account.Caller
	IAM    IAM
	Region func(name string) Region
}

// CloudOf returns the account as this package uses it.
func CloudOf(a *account.Account) Cloud {
	return Cloud{a.Caller, a, func(name string) Region { return a.Region(name) }}
}
