package verify

import (
	"cmp"
	"context"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/reconcile"
)

// ClusterSummary is the cluster that was verified, as far as it is known.
type ClusterSummary struct {
	Name   string `json:"name,omitempty"`
	Region string `json:"region,omitempty"`
	Issuer string `json:"issuer,omitempty"` // of its tokens: host/path
}

// ComponentSummary is what the config says about a component.
type ComponentSummary struct {
	Name       string        `json:"name"`
	Namespace  string        `json:"namespace,omitempty"` // if it runs in one namespace, and not in every host namespace
	Mode       identity.Mode `json:"mode"`
	Role       string        `json:"role"`
	TargetRole string        `json:"targetRole,omitempty"`
	Bucket     string        `json:"bucket,omitempty"`
	Prefix     string        `json:"prefix,omitempty"`
	Secrets    int           `json:"secrets,omitempty"`
	Parameters int           `json:"parameters,omitempty"`
}

// RoleSummary is the live trust policy of a role of the config.
type RoleSummary struct {
	Role        string                        `json:"role"`
	Components  []string                      `json:"components"`
	TrustPolicy *iam.Document                 `json:"trustPolicy,omitempty"` // nil if it could not be read
	Statements  []reconcile.ReviewedStatement `json:"statements"`            // of the trust policy, in its order
	Budget      *desired.Budget               `json:"budget,omitempty"`      // nil if it could not be measured
	Notes       []string                      `json:"notes"`                 // what could not be read or measured
}

// summarise adds what a reader needs to know besides the checks. The state is that of the
// config, with every cluster: the trust policies admit all of them.
func (r *Result) summarise(state desired.State, issuer string, a accountState) {
	cluster := onLiveCluster(state, issuer).Clusters[0]
	r.Cluster = ClusterSummary{Name: cluster.Name, Region: cluster.Region, Issuer: cluster.OIDC.HostPath}
	if live, err := identity.ParseOIDCProvider(issuer); err == nil {
		r.Cluster.Issuer = live.HostPath
	}
	r.Account, r.Components, r.Roles = a.id, []ComponentSummary{}, []RoleSummary{}
	seen := map[identity.RoleARN]int{}
	for _, c := range state.Components {
		one := ComponentSummary{Name: c.Name, Namespace: c.Namespace, Mode: c.Mode, Role: c.Role.String(), Bucket: c.Bucket, Prefix: c.Prefix, Secrets: len(c.Secrets), Parameters: len(c.Parameters)}
		if c.HasTarget() {
			one.TargetRole = c.PodIdentity.TargetRole.String()
		}
		r.Components = append(r.Components, one)
		if i, known := seen[c.Role]; known {
			r.Roles[i].Components = append(r.Roles[i].Components, c.Name)
		} else if a.without == "" {
			seen[c.Role] = len(r.Roles)
			r.Roles = append(r.Roles, a.summary(state, c))
		}
	}
}

// summary returns the trust policy of a component's role.
func (a accountState) summary(state desired.State, c desired.Component) RoleSummary {
	one := RoleSummary{Role: c.Role.String(), Components: []string{c.Name}, Statements: []reconcile.ReviewedStatement{}, Notes: []string{}}
	role := a.roles[c.Role]
	if err := cmp.Or(a.err, role.err); err != nil {
		one.Notes = append(one.Notes, err.Error())
		return one
	}
	one.TrustPolicy = &role.value.Trust
	wanted, err := state.TrustPolicy(c)
	if err != nil {
		one.Notes = append(one.Notes, "what the config asks for is not known: "+err.Error())
		return one
	}
	one.Statements = reconcile.Review(role.value.Trust, wanted)
	quota := a.quota.value
	if a.quota.err != nil {
		quota = state.Spec().TrustPolicyQuota
		one.Notes = append(one.Notes, "the quota is that of the config, because that of the account could not be read: "+a.quota.err.Error())
	}
	if budget, err := state.BudgetOf(c, role.value.Trust, quota); err != nil {
		one.Notes = append(one.Notes, "the length could not be compared with the quota: "+err.Error())
	} else {
		one.Budget = &budget
	}
	return one
}

// readQuota reads the quota for the length of trust policies.
func (a *accountState) readQuota(ctx context.Context, aws AWS) {
	a.id = aws.AccountID()
	a.quota.value, a.quota.err = aws.TrustPolicyQuota(ctx)
}
