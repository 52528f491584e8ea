package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	eksaccount "spaces-identity.dev/internal/account"
	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/injection"
	"spaces-identity.dev/internal/space"
)

// AWS reads the account of the credentials. If something does not exist, the error wraps
// [ErrAbsent]. Any other error means that it could not be read.
type AWS interface {
	// AccountID returns the account of the credentials.
	AccountID() string
	// TrustPolicyQuota reads the account's quota for the length of a trust policy, in
	// characters.
	TrustPolicyQuota(ctx context.Context) (int, error)
	// Role reads a role with its trust policy, all of its permissions policies, inline and
	// attached, and its permissions boundary.
	Role(ctx context.Context, role identity.RoleARN) (Role, error)
	// OIDCProvider reads the audiences (client IDs) of a provider.
	OIDCProvider(ctx context.Context, arn string) (audiences []string, err error)
	// Cluster reads an EKS cluster, and the status of its agent if that is wanted. The
	// status is empty if there is no agent.
	Cluster(ctx context.Context, cluster identity.Cluster, agent bool) (Cluster, error)
	// Associations reads the Pod Identity associations of a cluster that are wanted.
	Associations(ctx context.Context, cluster identity.Cluster, wanted func(space.Key) bool) (map[space.Key]desired.Association, error)
}

// ErrAbsent is the error if something does not exist.
var ErrAbsent = errors.New("not in the account")

// Access says how to read the account.
type Access struct {
	AWS     AWS
	Err     error  // why there are no credentials
	LeftOut string // why the user leaves the account out; or nothing
}

// Role is what a role has in the account.
type Role struct {
	ARN         string
	Trust       iam.Document
	Permissions []iam.Document
	Boundary    *iam.Document // nil if there is none
	Limits      Limits
	LastUsed    time.Time // zero if IAM has recorded no use
}

// Limits are what a role has besides its policies.
type Limits struct {
	Boundary   string // ARN, or nothing
	MaxSession int    // seconds
	Attached   []string
}

// Cluster is an EKS cluster.
type Cluster struct {
	Issuer   string // URL
	AutoMode bool   // whether EKS Auto Mode is on, which includes the agent
	Agent    string // status of the add-on, such as ACTIVE; empty if there is none
}

// OfAccount returns the account as Verify reads it.
func OfAccount(a *eksaccount.Account) AWS { return liveAccount{a} }

// liveAccount implements [AWS] with the clients of an account.
type liveAccount struct{ *eksaccount.Account }

func (a liveAccount) AccountID() string { return a.Caller.Account }

func (a liveAccount) Role(ctx context.Context, arn identity.RoleARN) (Role, error) {
	found, exists, err := a.Account.Role(ctx, arn)
	if err != nil {
		return Role{}, err
	}
	if !exists {
		return Role{}, fmt.Errorf("the role %s is %w", arn, ErrAbsent)
	}
	texts, attached, err := a.Policies(ctx, arn)
	limits := Limits{found.Boundary, found.MaxSession, attached}
	if err == nil && found.Boundary != "" {
		var boundary string
		boundary, err = a.ManagedPolicy(ctx, found.Boundary)
		texts = append([]string{boundary}, texts...)
	}
	if err != nil {
		return Role{}, err
	}
	docs := make([]iam.Document, 1+len(texts))
	for i, text := range append([]string{found.TrustPolicy}, texts...) {
		if docs[i], err = iam.Parse([]byte(text)); err != nil {
			return Role{}, fmt.Errorf("a policy of %s: %w", arn, err)
		}
	}
	role := Role{ARN: found.ARN, Trust: docs[0], Permissions: docs[1:], Limits: limits, LastUsed: found.LastUsed}
	if found.Boundary != "" {
		role.Boundary, role.Permissions = &docs[1], docs[2:]
	}
	return role, nil
}

func (a liveAccount) OIDCProvider(ctx context.Context, arn string) ([]string, error) {
	audiences, exists, err := a.ProviderAudiences(ctx, arn)
	if err == nil && !exists {
		err = fmt.Errorf("the OIDC provider %s is %w", arn, ErrAbsent)
	}
	return audiences, err
}

func (a liveAccount) Cluster(ctx context.Context, cluster identity.Cluster, agent bool) (Cluster, error) {
	region := a.Region(cluster.Region)
	found, exists, err := region.Cluster(ctx, cluster.Name)
	if err == nil && !exists {
		err = fmt.Errorf("the cluster %s in %s is %w", cluster.Name, cluster.Region, ErrAbsent)
	}
	c := Cluster{Issuer: found.Issuer, AutoMode: found.AutoMode}
	if err == nil && agent && !c.AutoMode {
		c.Agent, _, err = region.AgentStatus(ctx, cluster.Name)
	}
	return c, err
}

func (a liveAccount) Associations(ctx context.Context, cluster identity.Cluster, wanted func(space.Key) bool) (map[space.Key]desired.Association, error) {
	region := a.Region(cluster.Region)
	listed, err := region.Associations(ctx, cluster.Name, "")
	if err != nil {
		return nil, err
	}
	listed = slices.DeleteFunc(listed, func(l eksaccount.Listed) bool {
		return !wanted(space.Key{Namespace: l.Namespace, Name: l.ServiceAccount})
	})
	found, err := region.ReadAssociations(ctx, cluster.Name, listed, nil)
	if err != nil {
		return nil, err
	}
	all := map[space.Key]desired.Association{}
	for _, one := range found {
		all[space.Key{Namespace: one.Namespace, Name: one.ServiceAccount}] = one
	}
	return all, nil
}

// accountState is what the account has for the components.
type accountState struct {
	err          error  // why nothing could be read
	without      string // why the user left the account out, or nothing
	id           string // of the account; empty if it was not read
	quota        readResult[int]
	cluster      readResult[Cluster]
	roles        map[identity.RoleARN]readResult[Role]
	audiences    map[string]readResult[[]string] // by the provider's ARN
	associations readResult[map[space.Key]desired.Association]
}

// readResult is what was read, or the error.
type readResult[T any] struct {
	value T
	err   error
}

// leftOut returns the checks that did not run.
func (a accountState) leftOut() []LeftOut {
	if a.without == "" {
		return []LeftOut{}
	}
	names := LeftOut{Reason: a.without}
	for _, c := range allChecks {
		if c.account {
			names.Checks = append(names.Checks, c.name)
		}
	}
	return []LeftOut{names}
}

// resolve returns the state with the issuer that EKS reports, if the config has none.
func (a accountState) resolve(s desired.State) desired.State {
	if !s.Clusters[0].OIDC.IsZero() || a.cluster.value.Issuer == "" {
		return s
	}
	provider, err := identity.ParseOIDCProvider(a.cluster.value.Issuer)
	if err != nil {
		return s
	}
	return desired.Of(s.Spec().WithProvider(0, provider))
}

// readAccount reads the cluster, each role and each provider once. If the config uses EKS
// Pod Identity, it also reads the associations of the control planes.
func readAccount(ctx context.Context, access Access, s desired.State, o space.Observed) accountState {
	a := accountState{err: access.Err, without: access.LeftOut, roles: map[identity.RoleARN]readResult[Role]{}, audiences: map[string]readResult[[]string]{}}
	if access.AWS == nil {
		return a
	}
	a.readQuota(ctx, access.AWS)
	cluster := s.Clusters[0]
	if cluster.Name != "" && cluster.Region != "" {
		a.cluster.value, a.cluster.err = access.AWS.Cluster(ctx, cluster, s.UsesPodIdentity())
	}
	s = a.resolve(s)
	for _, c := range s.Components {
		a.readRole(ctx, access.AWS, c.Role)
		if c.HasTarget() {
			a.readRole(ctx, access.AWS, c.PodIdentity.TargetRole)
		}
		for _, p := range providersOf(s, c) {
			if _, done := a.audiences[p.ARN]; !done {
				a.audiences[p.ARN] = readProvider(ctx, access.AWS, c.Role, p.ARN)
			}
		}
	}
	if s.UsesPodIdentity() {
		a.associations.value, a.associations.err = access.AWS.Associations(ctx, cluster, wantedAssociations(s, o))
	}
	return a
}

// readRole reads a role once.
func (a *accountState) readRole(ctx context.Context, aws AWS, arn identity.RoleARN) {
	if _, done := a.roles[arn]; done {
		return
	}
	if err := foreignAccount(aws, arn); err != nil {
		a.roles[arn] = readResult[Role]{err: err}
		return
	}
	role, err := aws.Role(ctx, arn)
	a.roles[arn] = readResult[Role]{role, err}
}

func readProvider(ctx context.Context, aws AWS, role identity.RoleARN, arn string) readResult[[]string] {
	if err := foreignAccount(aws, role); err != nil {
		return readResult[[]string]{err: err}
	}
	audiences, err := aws.OIDCProvider(ctx, arn)
	return readResult[[]string]{audiences, err}
}

// foreignAccount returns an error if the role is not in the account of the credentials. A
// role of the same name here would be another one.
func foreignAccount(aws AWS, role identity.RoleARN) error {
	if role.Account == aws.AccountID() {
		return nil
	}
	return identity.WithHint("use credentials of account "+role.Account, "the role is in account %s, and the credentials are of account %s, so it was not read", role.Account, aws.AccountID())
}

// wantedAssociations selects the service accounts of the components.
func wantedAssociations(s desired.State, o space.Observed) func(space.Key) bool {
	sites := map[space.Key]bool{}
	for _, site := range injection.Sites(o, s) {
		sites[site.Key()] = true
	}
	return func(at space.Key) bool { return sites[at] }
}

// providersOf returns the OIDC provider of the cluster that is verified, if it is known.
func providersOf(s desired.State, c desired.Component) []desired.Provider {
	if s.Clusters[0].OIDC.IsZero() {
		return nil
	}
	return s.OnCluster(s.Clusters[0]).Providers(c)
}
