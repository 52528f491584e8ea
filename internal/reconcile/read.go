package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"spaces-identity.dev/internal/account"
	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/identity"
)

// Reconciler makes and applies plans for one account.
type Reconciler struct {
	Cloud
	Adopt bool // take over foreign things that grant no more than the config
	Prune bool // remove what the config no longer names

	// KeepRole keeps the roles when the config is deleted.
	KeepRole bool

	// SkipUnchanged does not read associations whose record is unchanged, see [recordTag].
	SkipUnchanged bool

	// Progress is called after each association that is read or written; it may be nil.
	Progress func(done, total int)
}

// Plan compares the config with AWS. The namespaces of spec must include those that were
// discovered. If the config lacks the issuer of a cluster, Plan reads it from EKS.
//
// It returns an error if a setting is missing, if AWS cannot be read, or if a trust
// policy would be longer than the account allows. If a role is in another account than
// the credentials, the error is an [*AccountError].
func (r *Reconciler) Plan(ctx context.Context, spec identity.Spec) (*Plan, error) {
	p := &Plan{Identity: r.Caller.ARN, Account: r.Caller.Account}
	if err := r.checkRoles(spec); err != nil {
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
	state := desired.Of(spec)
	roles, err := state.Roles()
	if err != nil {
		return nil, err
	}
	if err := checkBudgets(state, roles, quota); err != nil { // fail early, before other calls
		return nil, err
	}
	if err := r.planProviders(ctx, p, roles); err != nil {
		return nil, err
	}
	for _, c := range state.Components {
		if text := c.TagsWarning(); text != "" {
			p.warn("", "%s", text)
		}
	}
	for _, role := range roles {
		tags, err := r.planRole(ctx, p, state, role, quota)
		if err != nil {
			return nil, err
		}
		if err := r.planAssociations(ctx, p, state, role, tags); err != nil {
			return nil, err
		}
	}
	p.warnings()
	return p, nil
}

// AccountError is the error if a role is in another account than the credentials. IAM
// finds roles by name alone, so it would read the role of that name in the wrong account.
type AccountError struct {
	Role   identity.RoleARN
	Caller account.Caller
}

func (e *AccountError) Error() string {
	return fmt.Sprintf("role %s is in account %s (%s), but the credentials belong to %s in account %s (%s)",
		e.Role, e.Role.Account, e.Role.Partition, e.Caller.ARN, e.Caller.Account, e.Caller.Partition)
}

// Hint returns the next step.
func (e *AccountError) Hint() string { return "use credentials of account " + e.Role.Account }

// CheckAccount returns an [*AccountError] if a role is in another account than the caller.
func CheckAccount(role identity.RoleARN, caller account.Caller) error {
	if role.IsZero() || role.Account == caller.Account && role.Partition == caller.Partition {
		return nil
	}
	return &AccountError{role, caller}
}

// checkRoles returns an error for each role that the caller cannot change.
func (r *Reconciler) checkRoles(spec identity.Spec) error {
	var problems []error
	for _, c := range spec.Components {
		problems = append(problems, CheckAccount(c.Role, r.Caller), checkOwner(c.Role))
	}
	return errors.Join(problems...)
}

// planClusters reads the clusters of the config. It fills in missing issuers. If a
// component uses EKS Pod Identity, it also plans the agent.
func (r *Reconciler) planClusters(ctx context.Context, p *Plan, spec identity.Spec) (_ identity.Spec, err error) {
	podIdentity := desired.Of(spec).UsesPodIdentity()
	for i, c := range spec.AllClusters() {
		if c.Name == "" || c.Region == "" {
			continue // IRSA needs only the issuer
		}
		if spec, err = r.planCluster(ctx, p, spec, i, c, podIdentity); err != nil {
			return spec, err
		}
	}
	return spec, nil
}

func (r *Reconciler) planCluster(ctx context.Context, p *Plan, spec identity.Spec, i int, c identity.Cluster, podIdentity bool) (identity.Spec, error) {
	found, ok, err := r.Region(c.Region).Cluster(ctx, c.Name)
	switch {
	case !podIdentity && !c.OIDC.IsZero() && account.IsRefused(err):
		p.warn("", "the issuer of cluster %s could not be compared with the config: %v", c.Name, err)
		return spec, nil
	case err != nil:
		return spec, err
	case !ok:
		return spec, p.withoutCluster(identity.ClusterKey(i), c, podIdentity)
	}
	if spec, err = p.withIssuer(spec, i, c, found.Issuer); err == nil && podIdentity && !found.AutoMode {
		err = r.planAgent(ctx, p, c, desired.Of(spec).Tags())
	}
	return spec, err
}

// withoutCluster warns that the account does not have a cluster. It returns an error if the
// config needs the cluster.
func (p *Plan) withoutCluster(key string, c identity.Cluster, podIdentity bool) error {
	missing := fmt.Sprintf("account %s has no cluster %s in %s", p.Account, c.Name, c.Region)
	correct := fmt.Sprintf("correct %[1]s.name and %[1]s.region", key)
	switch {
	case podIdentity:
		return identity.WithHint(correct+", or use credentials of the cluster's account",
			"%s, and EKS Pod Identity needs the role in the cluster's account", missing)
	case c.OIDC.IsZero():
		return identity.WithHint(correct+", or set "+key+".oidcProvider if the cluster is in another account",
			"%s, so its OIDC provider is not known", missing)
	}
	p.warn("", "%s: %s, unless the cluster is in another account, which only mode irsa supports", missing, correct)
	return nil
}

// withIssuer fills in the issuer of a cluster. If the config has another one, it warns.
func (p *Plan) withIssuer(spec identity.Spec, i int, c identity.Cluster, url string) (identity.Spec, error) {
	if url == "" {
		return spec, nil
	}
	live, err := identity.ParseOIDCProvider(url)
	if err != nil {
		return spec, fmt.Errorf("EKS reports an issuer of cluster %s that is not valid: %w", c.Name, err)
	}
	if c.OIDC.IsZero() {
		return spec.WithProvider(i, live), nil
	}
	if c.OIDC.HostPath != live.HostPath {
		p.warn("", "cluster %s has the issuer %s, but the config says %s, so pods of the cluster get no credentials: correct %s.oidcProvider",
			c.Name, live.HostPath, c.OIDC.HostPath, identity.ClusterKey(i))
	}
	return spec, nil
}

func (r *Reconciler) planAgent(ctx context.Context, p *Plan, c identity.Cluster, tags map[string]string) error {
	status, ok, err := r.Region(c.Region).AgentStatus(ctx, c.Name)
	if err != nil {
		return err
	}
	change := AgentChange{c.Name, c.Region, None}
	if !ok {
		change.Action = Create
		p.add(phaseEnable, func(ctx context.Context) error {
			return unlessExists(r.Region(c.Region).AddAgent(ctx, c.Name, tags))
		})
	} else if status != account.AgentActive && status != "CREATING" && status != "UPDATING" {
		p.warn("", "the add-on %s of cluster %s is %s, so pods may get no credentials", account.AgentAddon, c.Name, status)
	}
	p.Agents = append(p.Agents, change)
	return nil
}

// planProviders compares the IAM OIDC providers.
func (r *Reconciler) planProviders(ctx context.Context, p *Plan, roles []desired.Role) error {
	for _, want := range desired.ProvidersOf(roles) {
		live, ok, err := r.IAM.Provider(ctx, want.ARN)
		if err != nil {
			return err
		}
		change := ProviderChange{ARN: want.ARN, Action: None}
		if !ok {
			change.Action = Create
			p.add(phaseEnable, func(ctx context.Context) error {
				return unlessExists(r.IAM.CreateProvider(ctx, want.ARN, want.URL, want.Audience, roles[0].Tags))
			})
		}
		if ok && !slices.Contains(live.Audiences, want.Audience) {
			change.Action, change.Elements = Change, append(change.Elements, "audience")
			p.add(phaseEnable, func(ctx context.Context) error { return r.IAM.AddAudience(ctx, want.ARN, want.Audience) })
		}
		if desired.IsManaged(live.Tags) && len(missingTags(live.Tags, roles[0].Tags)) > 0 {
			change.Action, change.Elements = Change, append(change.Elements, "tags")
			p.add(phaseEnable, func(ctx context.Context) error { return r.IAM.TagProvider(ctx, want.ARN, roles[0].Tags) })
		}
		p.Providers = append(p.Providers, change)
	}
	return nil
}

// unlessExists ignores the error that something exists already: another run created it.
func unlessExists(err error) error {
	if account.IsExists(err) {
		return nil
	}
	return err
}
