package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	eksaccount "spaces-identity.dev/internal/account"
	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/space"
)

// AWS reads the account. If something does not exist, the error wraps [ErrAbsent]. Any
// other error means that it could not be read.
type AWS interface {
	// Role reads a role with its trust policy and all of its permissions
	// policies, both inline and attached.
	Role(ctx context.Context, role identity.RoleARN) (Role, error)
	// OIDCProvider reads the audiences (client IDs) of a provider.
	OIDCProvider(ctx context.Context, arn string) (audiences []string, err error)
	// Associations reads all Pod Identity associations of a cluster.
	Associations(ctx context.Context, cluster identity.Cluster) ([]AssociationOf, error)
}

// ErrAbsent is the error if something does not exist.
var ErrAbsent = errors.New("not in the account")

// Role is the trust policy and the permissions policies of a role.
type Role struct {
	Trust       iam.Document
	Permissions []iam.Document
}

// AssociationOf is an association. The role is empty if it was not read: EKS lists
// associations without their roles.
type AssociationOf struct {
	Namespace, ServiceAccount, RoleARN string
}

// OfAccount returns the account as Verify reads it.
func OfAccount(a *eksaccount.Account) AWS { return liveAccount{a} }

// liveAccount implements [AWS] with the clients of an account.
type liveAccount struct{ *eksaccount.Account }

func (a liveAccount) Role(ctx context.Context, arn identity.RoleARN) (Role, error) {
	found, exists, err := a.Account.Role(ctx, arn)
	if err != nil {
		return Role{}, err
	}
	if !exists {
		return Role{}, fmt.Errorf("the role %s is %w", arn, ErrAbsent)
	}
	texts, err := a.Policies(ctx, arn)
	if err != nil {
		return Role{}, err
	}
	docs := make([]iam.Document, 1+len(texts))
	for i, text := range append([]string{found.TrustPolicy}, texts...) {
		if docs[i], err = iam.Parse([]byte(text)); err != nil {
			return Role{}, fmt.Errorf("a policy of %s: %w", arn, err)
		}
	}
	return Role{docs[0], docs[1:]}, nil
}

func (a liveAccount) OIDCProvider(ctx context.Context, arn string) ([]string, error) {
	audiences, exists, err := a.ProviderAudiences(ctx, arn)
	if err == nil && !exists {
		err = fmt.Errorf("the OIDC provider %s is %w", arn, ErrAbsent)
	}
	return audiences, err
}

func (a liveAccount) Associations(ctx context.Context, cluster identity.Cluster) ([]AssociationOf, error) {
	listed, err := a.Region(cluster.Region).Associations(ctx, cluster.Name, "")
	var all []AssociationOf
	for _, one := range listed {
		all = append(all, AssociationOf{Namespace: one.Namespace, ServiceAccount: one.ServiceAccount})
	}
	return all, err
}

// accountState is what the account has for the components.
type accountState struct {
	connected    bool // if false, the checks of the account do not apply
	roles        map[identity.RoleARN]readResult[Role]
	audiences    map[string]readResult[[]string]  // by the provider's ARN
	associations readResult[map[space.Key]string] // roles by namespace and service account
	problems     []string                         // what could not be read
}

// readResult is what was read, or the error.
type readResult[T any] struct {
	value T
	err   error
}

// readAccount reads each role, each provider and the cluster's associations once. The
// number of calls does not depend on the number of control planes.
func readAccount(ctx context.Context, aws AWS, s desired.State) accountState {
	a := accountState{connected: aws != nil, roles: map[identity.RoleARN]readResult[Role]{}, audiences: map[string]readResult[[]string]{}}
	if aws == nil {
		return a
	}
	for _, c := range s.Components {
		if _, done := a.roles[c.Role]; !done {
			role, err := aws.Role(ctx, c.Role)
			a.roles[c.Role] = readResult[Role]{role, a.recordProblem(err)}
		}
		for _, p := range providersOf(s, c) {
			if _, done := a.audiences[p.ARN]; !done {
				audiences, err := aws.OIDCProvider(ctx, p.ARN)
				a.audiences[p.ARN] = readResult[[]string]{audiences, a.recordProblem(err)}
			}
		}
	}
	if s.UsesPodIdentity() {
		list, err := aws.Associations(ctx, s.Clusters[0])
		a.associations = readResult[map[space.Key]string]{map[space.Key]string{}, a.recordProblem(err)}
		for _, one := range list {
			a.associations.value[space.Key{Namespace: one.Namespace, Name: one.ServiceAccount}] = one.RoleARN
		}
	}
	return a
}

// recordProblem adds an error to the problems, unless it wraps ErrAbsent. It returns err.
func (a *accountState) recordProblem(err error) error {
	if err != nil && !errors.Is(err, ErrAbsent) {
		a.problems = append(a.problems, "AWS: "+err.Error())
	}
	return err
}

// ownCluster returns the state for only the cluster that is verified.
func ownCluster(s desired.State) desired.State { return s.OnCluster(s.Clusters[0]) }

// providersOf returns the OIDC provider of the cluster that is verified, if it is known.
func providersOf(s desired.State, c desired.Component) []desired.Provider {
	if s.Clusters[0].OIDC.IsZero() {
		return nil
	}
	return ownCluster(s).Providers(c)
}

// ofAccount returns a check that applies only with access to the account.
func ofAccount(run func(*checkInput) Check) func(*checkInput) Check {
	return func(f *checkInput) Check {
		if !f.account.connected {
			return Check{}
		}
		return run(f)
	}
}

// ofRole returns a check of a role's policies.
func ofRole(run func(*checkInput, Role) Check) func(*checkInput) Check {
	return ofAccount(func(f *checkInput) Check {
		role := f.account.roles[f.component.Role]
		if role.err != nil {
			return unknownCheck(errors.New("the role could not be read"))
		}
		return run(f, role.value)
	})
}

const fixAccount = "run `spaces-identity apply`"

// absentCheck returns a failed check if err wraps ErrAbsent, or else an unknown one.
func absentCheck(err error, fix, format, thing string) Check {
	if errors.Is(err, ErrAbsent) {
		return failedCheck(fix, format, thing)
	}
	return unknownCheck(err)
}

func checkRole(f *checkInput) Check {
	if err := f.account.roles[f.component.Role].err; err != nil {
		return absentCheck(err, fixAccount+", or create the role from the artifacts", "the role %s does not exist", f.component.Role.String())
	}
	return okCheck("%s", f.component.Role)
}

func checkPermissions(f *checkInput) Check {
	if !f.component.HasPermissions() {
		return Check{}
	}
	return ofRole(checkActions)(f)
}

// checkActions evaluates the role's policies for each request of the component.
func checkActions(f *checkInput, role Role) Check {
	found := okCheck("the role's policies allow everything that the component needs")
	for _, request := range f.component.PermissionRequests() {
		decision := iam.Evaluate(request, role.Permissions...)
		switch {
		case decision.Verdict == iam.Denied || decision.Verdict == iam.CannotEvaluate && appliesInPart(decision):
			return failedCheck(fixAccount+", or attach the policy that `spaces-identity policy permissions` prints",
				"the role's policies do not allow %s on %s: %s", request.Action, request.Resource, decision.Reason)
		case decision.Verdict == iam.CannotEvaluate && found.State == OK:
			found = warningCheck("check that the conditions hold for the pods; `spaces-identity policy permissions` prints a policy without them",
				"the role's policies allow %s on %s only under conditions: %s", request.Action, request.Resource, decision.Reason)
		}
	}
	return found
}

// appliesInPart reports whether the deciding statement certainly applies, but only to some
// of the resources.
func appliesInPart(d iam.Decision) bool {
	return !slices.ContainsFunc(d.Statements[d.Statement-1].Findings, func(f iam.Finding) bool { return !strings.HasSuffix(f.Element, "Resource") })
}

func checkOIDCProvider(f *checkInput) Check {
	found := Check{}
	for _, p := range providersOf(f.state, f.component) {
		found = okCheck("%s", p.ARN)
		switch read := f.account.audiences[p.ARN]; {
		case read.err != nil:
			found = absentCheck(read.err, fixAccount, "the account has no OIDC provider %s", p.ARN)
		case !slices.Contains(read.value, p.Audience):
			found = failedCheck(fixAccount, "the OIDC provider %s does not have the audience %s", p.ARN, p.Audience)
		}
	}
	return found
}

// checkTrustPolicy evaluates the live trust policy for the service account.
func checkTrustPolicy(f *checkInput, role Role) Check {
	c := f.component
	explained, err := ownCluster(f.state).Explain(role.Trust, c, f.plane.HostNamespace, c.ServiceAccount)
	switch {
	case err != nil:
		return unknownCheck(err)
	case explained.Verdict == iam.Allowed:
		return okCheck("the live trust policy admits the service account")
	case explained.Verdict == iam.Denied:
		return failedCheck(fmt.Sprintf("%s; `spaces-identity explain %s %s` shows which condition denies it", fixAccount, f.plane.HostNamespace, c.ServiceAccount),
			"the live trust policy does not admit the service account: %s", explained.Ways[0].Reason)
	}
	return unknownCheck(errors.New("the live trust policy has conditions whose values only AWS knows, so it could not be evaluated"))
}

func checkAssociation(f *checkInput) Check {
	if !f.component.Mode.UsesPodIdentity() {
		return Check{}
	}
	if err := f.account.associations.err; err != nil {
		return unknownCheck(err)
	}
	role, exists := f.account.associations.value[f.at()]
	switch {
	case !exists:
		return failedCheck(fixAccount, "there is no Pod Identity association for %s in %s", f.component.ServiceAccount, f.plane.HostNamespace)
	case role == "":
		return okCheck("exists; run `spaces-identity plan` to check its role")
	case role != f.component.Role.String():
		return failedCheck(fixAccount, "the association gives the role %s, not %s", role, f.component.Role)
	}
	return okCheck("gives the role")
}
