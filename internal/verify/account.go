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

// AWS is what verify reads of the account. An error that wraps [ErrAbsent] says that the
// thing does not exist; any other that it could not be read.
type AWS interface {
	// Role reads a role with its trust policy and all of its permissions
	// policies, inline and attached.
	Role(ctx context.Context, role identity.RoleARN) (Role, error)
	// OIDCProvider reads the audiences (client IDs) of a provider, by its ARN.
	OIDCProvider(ctx context.Context, arn string) (audiences []string, err error)
	// Associations reads all Pod Identity associations of a cluster.
	Associations(ctx context.Context, cluster identity.Cluster) ([]AssociationOf, error)
}

// ErrAbsent is what an [AWS] wraps if a thing does not exist.
var ErrAbsent = errors.New("not in the account")

// Role is a role's live documents.
type Role struct {
	Trust       iam.Document
	Permissions []iam.Document
}

// AssociationOf is an association, with the role if the list of associations has it.
// That of EKS has not.
type AssociationOf struct {
	Namespace, ServiceAccount, RoleARN string
}

// OfAccount returns the AWS that an account is.
func OfAccount(a *eksaccount.Account) AWS { return live{a} }

// live is an account of AWS.
type live struct{ *eksaccount.Account }

func (a live) Role(ctx context.Context, arn identity.RoleARN) (Role, error) {
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

func (a live) OIDCProvider(ctx context.Context, arn string) ([]string, error) {
	audiences, exists, err := a.ProviderAudiences(ctx, arn)
	if err == nil && !exists {
		err = fmt.Errorf("the OIDC provider %s is %w", arn, ErrAbsent)
	}
	return audiences, err
}

func (a live) Associations(ctx context.Context, cluster identity.Cluster) ([]AssociationOf, error) {
	listed, err := a.Region(cluster.Region).Associations(ctx, cluster.Name, "")
	var all []AssociationOf
	for _, one := range listed {
		all = append(all, AssociationOf{Namespace: one.Namespace, ServiceAccount: one.ServiceAccount})
	}
	return all, err
}

// account is what the AWS account has of the components.
type account struct {
	connected    bool // otherwise its checks do not apply
	roles        map[identity.RoleARN]answer[Role]
	audiences    map[string]answer[[]string]  // by the provider's ARN
	associations answer[map[space.Key]string] // roles by namespace and service account
	problems     []string                     // what could not be read
}

// answer is what was read, or why it was not.
type answer[T any] struct {
	value T
	err   error
}

// readAccount reads each role and provider and the cluster's associations once, whatever
// the number of control planes.
func readAccount(ctx context.Context, aws AWS, s desired.State) account {
	a := account{connected: aws != nil, roles: map[identity.RoleARN]answer[Role]{}, audiences: map[string]answer[[]string]{}}
	if aws == nil {
		return a
	}
	for _, c := range s.Components {
		if _, done := a.roles[c.Role]; !done {
			role, err := aws.Role(ctx, c.Role)
			a.roles[c.Role] = answer[Role]{role, a.note(err)}
		}
		for _, p := range providers(s, c) {
			if _, done := a.audiences[p.ARN]; !done {
				audiences, err := aws.OIDCProvider(ctx, p.ARN)
				a.audiences[p.ARN] = answer[[]string]{audiences, a.note(err)}
			}
		}
	}
	if s.UsesPodIdentity() {
		list, err := aws.Associations(ctx, s.Clusters[0])
		a.associations = answer[map[space.Key]string]{map[space.Key]string{}, a.note(err)}
		for _, one := range list {
			a.associations.value[space.Key{Namespace: one.Namespace, Name: one.ServiceAccount}] = one.RoleARN
		}
	}
	return a
}

// note keeps an error of a thing that could not be read.
func (a *account) note(err error) error {
	if err != nil && !errors.Is(err, ErrAbsent) {
		a.problems = append(a.problems, "AWS: "+err.Error())
	}
	return err
}

// ownCluster is the state for the cluster that is verified alone.
func ownCluster(s desired.State) desired.State { return s.OnCluster(s.Clusters[0]) }

// providers returns the provider of the cluster that is verified, if it is known.
func providers(s desired.State, c desired.Component) []desired.Provider {
	if s.Clusters[0].OIDC.IsZero() {
		return nil
	}
	return ownCluster(s).Providers(c)
}

// ofAccount is a check that applies if there is access to the account.
func ofAccount(run func(*facts) Check) func(*facts) Check {
	return func(f *facts) Check {
		if !f.account.connected {
			return Check{}
		}
		return run(f)
	}
}

// ofRole is a check of a role's documents.
func ofRole(run func(*facts, Role) Check) func(*facts) Check {
	return ofAccount(func(f *facts) Check {
		role := f.account.roles[f.component.Role]
		if role.err != nil {
			return unknown(errors.New("the role could not be read"))
		}
		return run(f, role.value)
	})
}

const fixAccount = "run `spaces-identity apply`"

// absent is a check that an error decides.
func absent(err error, fix, format, thing string) Check {
	if errors.Is(err, ErrAbsent) {
		return fails(fix, format, thing)
	}
	return unknown(err)
}

func roleExists(f *facts) Check {
	if err := f.account.roles[f.component.Role].err; err != nil {
		return absent(err, fixAccount+", or create the role from the artifacts", "the role %s does not exist", f.component.Role.String())
	}
	return ok("%s", f.component.Role)
}

func permissions(f *facts) Check {
	if !f.component.HasPermissions() {
		return Check{}
	}
	return ofRole(allowed)(f)
}

// allowed evaluates the role's policies for what the component asks of AWS.
func allowed(f *facts, role Role) Check {
	found := ok("allow what is needed")
	for _, request := range f.component.PermissionRequests() {
		decision := iam.Evaluate(request, role.Permissions...)
		switch {
		case decision.Verdict == iam.Denied || decision.Verdict == iam.CannotEvaluate && partly(decision):
			return fails(fixAccount+", or attach the document of `spaces-identity policy permissions`",
				"the role's policies do not allow %s on %s: %s", request.Action, request.Resource, decision.Reason)
		case decision.Verdict == iam.CannotEvaluate && found.State == OK:
			found = warns("compare them with `spaces-identity policy permissions`",
				"the role's policies allow %s on %s only under conditions: %s", request.Action, request.Resource, decision.Reason)
		}
	}
	return found
}

// partly reports whether the statement that decides applies to only some of the
// resources, and has no other open question.
func partly(d iam.Decision) bool {
	return !slices.ContainsFunc(d.Statements[d.Statement-1].Findings, func(f iam.Finding) bool { return !strings.HasSuffix(f.Element, "Resource") })
}

func oidcProvider(f *facts) Check {
	found := Check{}
	for _, p := range providers(f.state, f.component) {
		found = ok("%s", p.ARN)
		switch read := f.account.audiences[p.ARN]; {
		case read.err != nil:
			found = absent(read.err, fixAccount, "the account has no provider %s", p.ARN)
		case !slices.Contains(read.value, p.Audience):
			found = fails(fixAccount, "the provider %s does not have the audience %s", p.ARN, p.Audience)
		}
	}
	return found
}

// trustPolicy evaluates the live trust policy for the cluster that is verified.
func trustPolicy(f *facts, role Role) Check {
	c := f.component
	explained, err := ownCluster(f.state).Explain(role.Trust, c, f.plane.HostNamespace, c.ServiceAccount)
	switch {
	case err != nil:
		return unknown(err)
	case explained.Verdict == iam.Allowed:
		return ok("admits the service account")
	case explained.Verdict == iam.Denied:
		return fails(fmt.Sprintf("%s; `spaces-identity explain %s %s` says which condition decides", fixAccount, f.plane.HostNamespace, c.ServiceAccount),
			"the live trust policy does not admit the service account: %s", explained.Ways[0].Reason)
	}
	return unknown(errors.New("the live trust policy has conditions that depend on what only AWS knows"))
}

func association(f *facts) Check {
	if !f.component.Mode.UsesPodIdentity() {
		return Check{}
	}
	if err := f.account.associations.err; err != nil {
		return unknown(err)
	}
	role, exists := f.account.associations.value[f.at()]
	switch {
	case !exists:
		return fails(fixAccount, "there is no association of %s in %s", f.component.ServiceAccount, f.plane.HostNamespace)
	case role == "":
		return ok("exists; `spaces-identity plan` compares its role")
	case role != f.component.Role.String():
		return fails(fixAccount, "the association gives the role %s", role)
	}
	return ok("gives the role")
}
