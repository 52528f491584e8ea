package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
)

// Reconciler plans and carries out plans in one account.
type Reconciler struct {
	Cloud
	Adopt   bool // take over what already grants what the config asks for
	Prune   bool // remove what the config no longer names
	ReadAll bool // read every association, also those that are as they were last left
	Clock   Clock
	Pace    float64 // calls a second about associations

	// Progress is told how many of the associations are done; nil for nobody.
	Progress func(done, total int)

	pacer *pacer
}

// Plan reads AWS and finds what differs from the config. The namespaces of spec
// must be complete: those in the file and those that were discovered.
//
// It is an error where a setting is missing, where the role is in another account
// than the credentials, where AWS cannot be read, and where the trust policy
// would be longer than the account allows: then nothing is planned.
func (r *Reconciler) Plan(ctx context.Context, spec identity.Spec) (*Plan, error) {
	p := newPlan(r.Caller)
	if err := r.checkAccount(spec); err != nil {
		return nil, err
	}
	quota, err := r.IAM.TrustPolicyQuota(ctx)
	if err != nil {
		return nil, err
	}
	spec, err = r.planClusters(ctx, p, spec)
	if err != nil {
		return nil, err
	}
	if err := checkBudget(spec, quota); err != nil {
		return nil, err
	}
	if err := r.planProviders(ctx, p, spec); err != nil {
		return nil, err
	}
	tags, err := r.planRoles(ctx, p, spec, quota)
	if err != nil {
		return nil, err
	}
	if err := r.planAssociations(ctx, p, spec, tags); err != nil {
		return nil, err
	}
	p.warn()
	return p, nil
}

// checkAccount refuses to look for a role by its name in another account than
// its own.
func (r *Reconciler) checkAccount(spec identity.Spec) error {
	var problems []error
	for _, c := range spec.Components {
		if err := spec.Require(c.Name, identity.NeedRole); err != nil {
			problems = append(problems, err)
			continue
		}
		if c.Role.Account != r.Caller.Account || c.Role.Partition != r.Caller.Partition {
			problems = append(problems, fmt.Errorf("role %s is in account %s (%s), and the credentials are of %s in account %s (%s): use credentials of the role's account, such as with --profile",
				c.Role, c.Role.Account, c.Role.Partition, r.Caller.ARN, r.Caller.Account, r.Caller.Partition))
		}
	}
	return errors.Join(problems...)
}

// checkBudget measures what the config asks for, before anything else is read.
func checkBudget(spec identity.Spec, quota int) error {
	roles, err := wantedRoles(spec)
	if err != nil {
		return err
	}
	var problems []error
	for _, role := range roles {
		b, err := budget(spec, role, role.trust, quota)
		problems = append(problems, err)
		if err == nil {
			problems = append(problems, tooLong(role.arn, b))
		}
	}
	return errors.Join(problems...)
}

// planClusters reads the clusters that the config names, fills in the issuers
// that it leaves open, and looks for the agent where associations need it.
func (r *Reconciler) planClusters(ctx context.Context, p *Plan, spec identity.Spec) (identity.Spec, error) {
	spec.AdditionalClusters = slices.Clone(spec.AdditionalClusters)
	clusters := []*identity.Cluster{&spec.Cluster}
	for i := range spec.AdditionalClusters {
		clusters = append(clusters, &spec.AdditionalClusters[i])
	}
	for _, c := range clusters {
		if c.Name == "" || c.Region == "" {
			continue // under IRSA the issuer alone is enough
		}
		if err := r.planCluster(ctx, p, spec, c); err != nil {
			return spec, err
		}
	}
	return spec, nil
}

func (r *Reconciler) planCluster(ctx context.Context, p *Plan, spec identity.Spec, c *identity.Cluster) error {
	found, ok, err := r.Region(c.Region).Cluster(ctx, c.Name)
	if err != nil {
		return err
	}
	if !ok && usesPodIdentity(spec) {
		return fmt.Errorf("account %s has no cluster %s in %s, and EKS Pod Identity wants the role in the cluster's account: correct cluster.name and cluster.region, or use credentials of the cluster's account",
			r.Caller.Account, c.Name, c.Region)
	}
	if !ok {
		p.Warnings = append(p.Warnings, fmt.Sprintf("account %s has no cluster %s in %s: if it is in another account, the role is outside the cluster's account, which works for mode irsa only, with the cluster's issuer as an OIDC provider of the role's account",
			r.Caller.Account, c.Name, c.Region))
		return nil
	}
	if err := p.issuer(c, found.Issuer); err != nil {
		return err
	}
	if !usesPodIdentity(spec) || found.AutoMode {
		return nil
	}
	return r.planAgent(ctx, p, *c)
}

// issuer fills in the cluster's issuer, or compares the config's with it.
func (p *Plan) issuer(c *identity.Cluster, url string) error {
	live, err := identity.ParseOIDCProvider(url)
	switch {
	case url == "":
	case err != nil:
		return fmt.Errorf("the issuer of cluster %s: %w", c.Name, err)
	case c.OIDC.IsZero():
		c.OIDC = live
	case c.OIDC.HostPath != live.HostPath:
		p.Warnings = append(p.Warnings, fmt.Sprintf("cluster %s has the issuer %s, and the config says %s: no token of the cluster fits the trust policy; correct cluster.oidcProvider",
			c.Name, live.HostPath, c.OIDC.HostPath))
	}
	return nil
}

func (r *Reconciler) planAgent(ctx context.Context, p *Plan, c identity.Cluster) error {
	status, ok, err := r.Region(c.Region).AgentStatus(ctx, c.Name)
	if err != nil {
		return err
	}
	action := None
	if !ok {
		action = Create
	}
	p.Agents = append(p.Agents, AgentChange{c.Name, c.Region, action})
	if ok && status != "ACTIVE" && status != "CREATING" && status != "UPDATING" {
		p.Warnings = append(p.Warnings, fmt.Sprintf("the add-on eks-pod-identity-agent of cluster %s is %s: pods may get no credentials", c.Name, status))
	}
	return nil
}

func usesPodIdentity(spec identity.Spec) bool {
	return slices.ContainsFunc(spec.Components, func(c identity.Component) bool { return c.Mode.UsesPodIdentity() })
}

func usesIRSA(spec identity.Spec) bool {
	return slices.ContainsFunc(spec.Components, func(c identity.Component) bool { return c.Mode.UsesIRSA() })
}

// planProviders looks for the IAM OIDC provider of each cluster, in the account
// of the roles.
func (r *Reconciler) planProviders(ctx context.Context, p *Plan, spec identity.Spec) error {
	if !usesIRSA(spec) {
		return nil
	}
	for _, c := range spec.AllClusters() {
		arn := c.OIDC.ARN(spec.Components[0].Role)
		audiences, ok, err := r.IAM.ProviderAudiences(ctx, arn)
		if err != nil {
			return err
		}
		action := None
		switch {
		case !ok:
			action = Create
		case !slices.Contains(audiences, iam.Audience):
			action = Change
		}
		p.Providers = append(p.Providers, ProviderChange{arn, action})
	}
	return nil
}
