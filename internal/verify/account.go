package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/space"
)

// AWS is what verify asks the account. An error that wraps [ErrAbsent] says that
// a thing is not there; any other that it could not be read, with the reason.
type AWS interface {
	// Role reads a role with its trust policy and all of its permissions
	// policies, inline and attached.
	Role(ctx context.Context, role identity.RoleARN) (Role, error)
	// OIDCProvider reads the audiences (client IDs) of a provider, by its ARN.
	OIDCProvider(ctx context.Context, arn string) (audiences []string, err error)
	// Associations reads all Pod Identity associations of a cluster.
	Associations(ctx context.Context, cluster identity.Cluster) ([]AssociationOf, error)
}

// ErrAbsent is what an [AWS] wraps where a thing is not there.
var ErrAbsent = errors.New("not in the account")

// Role is a role's live documents.
type Role struct {
	Trust       iam.Document
	Permissions []iam.Document
}

// AssociationOf says that there is an association, and where the list of them
// tells it, with which role. EKS's list does not.
type AssociationOf struct {
	Namespace, ServiceAccount, RoleARN string
}

// account is what the AWS account has of the components. Without access it is
// empty and checks nothing.
type account struct {
	aws          bool
	roles        map[string]answer[Role]     // by component
	audiences    map[string]answer[[]string] // by provider's ARN
	associations answer[map[key]string]      // roles by namespace and service account
	problems     []string
}

// answer is what was read, or why not.
type answer[T any] struct {
	value T
	err   error
}

// readAccount asks once for each role, provider and cluster, whatever the number
// of control planes.
func readAccount(ctx context.Context, aws AWS, spec identity.Spec) account {
	a := account{aws: aws != nil, roles: map[string]answer[Role]{}, audiences: map[string]answer[[]string]{}}
	if aws == nil {
		return a
	}
	podIdentity := false
	for _, c := range spec.Components {
		role, err := aws.Role(ctx, c.Role)
		a.roles[c.Name] = answer[Role]{role, a.note(err)}
		podIdentity = podIdentity || c.Mode.UsesPodIdentity()
		if arn := spec.Cluster.OIDC.ARN(c.Role); c.Mode.UsesIRSA() && !spec.Cluster.OIDC.IsZero() {
			if _, asked := a.audiences[arn]; !asked {
				audiences, err := aws.OIDCProvider(ctx, arn)
				a.audiences[arn] = answer[[]string]{audiences, a.note(err)}
			}
		}
	}
	if podIdentity {
		list, err := aws.Associations(ctx, spec.Cluster)
		a.associations = answer[map[key]string]{map[key]string{}, a.note(err)}
		for _, one := range list {
			a.associations.value[key{one.Namespace, one.ServiceAccount}] = one.RoleARN
		}
	}
	return a
}

// note keeps an error that is a problem of access.
func (a *account) note(err error) error {
	if err != nil && !errors.Is(err, ErrAbsent) {
		a.problems = append(a.problems, "AWS: "+err.Error())
	}
	return err
}

// common are the checks of a component's role and provider.
func (a account) common(spec identity.Spec, c identity.Component) []Check {
	if !a.aws {
		return nil
	}
	role := a.roles[c.Name]
	if role.err != nil {
		return []Check{absent(RoleExists, role.err, "run `spaces-identity apply`, or make the role from the artifacts", "the role %s is not there", c.Role)}
	}
	all := []Check{ok(RoleExists, "%s", c.Role)}
	if c.Bucket != "" {
		all = append(all, permissions(role.value, c))
	}
	if c.Mode.UsesIRSA() && !spec.Cluster.OIDC.IsZero() {
		all = append(all, a.provider(spec.Cluster.OIDC.ARN(c.Role)))
	}
	return all
}

func absent(name string, err error, fix, format string, args ...any) Check {
	if errors.Is(err, ErrAbsent) {
		return fails(name, fix, format, args...)
	}
	return unknown(name, err)
}

func (a account) provider(arn string) Check {
	found := a.audiences[arn]
	switch {
	case found.err != nil:
		return absent(OIDCProvider, found.err, "create it: aws iam create-open-id-connect-provider with the cluster's issuer and --client-id-list "+identity.Audience, "the account has no provider %s", arn)
	case !slices.Contains(found.value, identity.Audience):
		return fails(OIDCProvider, fmt.Sprintf("aws iam add-client-id-to-open-id-connect-provider --open-id-connect-provider-arn %s --client-id %s", arn, identity.Audience),
			"the provider %s does not have the audience %s", arn, identity.Audience)
	}
	return ok(OIDCProvider, "%s", arn)
}

// checks are those of a component in a control plane that the account answers.
func (a account) checks(spec identity.Spec, c identity.Component, plane space.ControlPlane) []Check {
	if !a.aws {
		return nil
	}
	all := []Check{a.trust(spec, c, plane)}
	if c.Mode.UsesPodIdentity() {
		all = append(all, a.association(c, plane))
	}
	return all
}

// trust evaluates the live trust policy for the cluster that is verified.
func (a account) trust(spec identity.Spec, c identity.Component, plane space.ControlPlane) Check {
	role := a.roles[c.Name]
	if role.err != nil {
		return Check{Name: Trust, State: Unknown, Detail: "the role could not be read"}
	}
	spec.AdditionalClusters = nil
	explained, err := iam.Explain(role.value.Trust, spec, c, plane.HostNamespace, c.ServiceAccount)
	switch {
	case err != nil:
		return unknown(Trust, err)
	case explained.Verdict == iam.Allowed:
		return ok(Trust, "admits the service account")
	case explained.Verdict == iam.Denied:
		return fails(Trust, fmt.Sprintf("run `spaces-identity apply`; `spaces-identity explain %s %s` says which condition decides", plane.HostNamespace, c.ServiceAccount),
			"the live trust policy does not admit the service account: %s", explained.Ways[0].Reason)
	}
	return Check{Name: Trust, State: Unknown, Detail: "the live trust policy has conditions that cannot be evaluated from here"}
}

func (a account) association(c identity.Component, plane space.ControlPlane) Check {
	if a.associations.err != nil {
		return unknown(Association, a.associations.err)
	}
	role, there := a.associations.value[key{plane.HostNamespace, c.ServiceAccount}]
	switch {
	case !there:
		return fails(Association, "run `spaces-identity apply`", "there is no association of %s in %s", c.ServiceAccount, plane.HostNamespace)
	case role == "":
		return ok(Association, "is there; `spaces-identity plan` compares its role")
	case role != c.Role.String():
		return fails(Association, "run `spaces-identity apply`", "the association gives the role %s", role)
	}
	return ok(Association, "gives the role")
}
