package desired

import (
	"fmt"
	"maps"
	"slices"

	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
)

// Self returns the permissions policy that this program needs to verify, plan and apply the
// config. With readOnly it can only verify and plan. sts:GetCallerIdentity needs no
// permission. The error names every missing setting.
//
// Source: Service Authorization Reference, "Actions, resources, and condition
// keys for AWS Identity and Access Management" and "… for Amazon Elastic
// Kubernetes Service".
func (s State) Self(readOnly bool) (iam.Document, error) {
	return s.self(selfWriter{State: s, readOnly: readOnly})
}

// SelfWithDelete returns what [State.Self] returns, and the permissions to delete what the
// config names.
func (s State) SelfWithDelete() (iam.Document, error) {
	return s.self(selfWriter{State: s, deletes: true})
}

func (s State) self(w selfWriter) (iam.Document, error) {
	if err := s.Require(NeedTrust); err != nil {
		return iam.Document{}, err
	}
	w.allow("Account", iam.Values{"iam:GetAccountSummary"}, nil, iam.Values{"*"})
	w.roles()
	w.limits()
	w.providers()
	w.clusters()
	w.deletions()
	return iam.Document{Version: iam.PolicyVersion, Statement: w.statements}, nil
}

// selfWriter collects the statements.
type selfWriter struct {
	State
	readOnly   bool
	deletes    bool
	statements []iam.Statement
}

// allow adds a statement if it has an action and a resource, and reports whether it did.
func (w *selfWriter) allow(sid string, read, write, resources iam.Values) bool {
	actions := slices.Clone(read)
	if !w.readOnly {
		actions = append(actions, write...)
	}
	if len(actions) == 0 || len(resources) == 0 {
		return false
	}
	w.statements = append(w.statements, iam.Statement{Sid: SidPrefix + sid, Effect: iam.Allow, Action: actions,
		Resource: slices.Compact(slices.Sorted(slices.Values(resources)))})
	return true
}

func (w *selfWriter) roles() {
	var all, created, passed, managed iam.Values
	for _, c := range w.Components {
		all = append(all, c.Role.String())
		if w.boundaryOf(c.Role).IsZero() { // limits allows the creation of the others
			created = append(created, c.Role.String())
		}
		if c.Mode.UsesPodIdentity() {
			passed = append(passed, c.Role.String())
		}
		// Policies of the account and of AWS may be attached to the role.
		managed = append(managed, "arn:"+c.Role.Partition+":iam::"+c.Role.Account+":policy/*", "arn:"+c.Role.Partition+":iam::aws:policy/*")
	}
	write := iam.Values{"iam:CreateRole", "iam:TagRole", "iam:UpdateAssumeRolePolicy"}
	if len(created) < len(all) {
		write = write[1:]
		w.allow("Create", nil, iam.Values{"iam:CreateRole"}, created)
	}
	w.allow("Roles", iam.Values{"iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies"},
		write, all)
	w.allow("Permissions", nil, iam.Values{"iam:PutRolePolicy", "iam:DeleteRolePolicy"}, all)
	w.allow("ManagedPolicies", iam.Values{"iam:GetPolicy", "iam:GetPolicyVersion"}, nil, managed)
	w.allowIf("Pass", iam.Values{"iam:PassRole"}, passed, iam.Condition{"StringEquals": {"iam:PassedToService": {PodIdentityService}}})
}

func (w *selfWriter) boundaryOf(role identity.RoleARN) identity.PolicyARN {
	return Role{Components: w.withRole(role)}.withLimits(w.State).Boundary
}

// limits allows what roles get besides their policies. A role with a permissions boundary
// can be created only with it, and can get only this one. Only the managed policies of the
// config can be attached and detached.
//
// Source: IAM User Guide, "Permissions boundaries for IAM entities", "Delegating
// responsibility to others using permissions boundaries"; Service Authorization Reference,
// condition keys iam:PermissionsBoundary and iam:PolicyARN.
func (w *selfWriter) limits() {
	var timed iam.Values
	bounded, attached := map[string]iam.Values{}, map[string]iam.Values{}
	for _, c := range w.Components {
		role := Role{Components: w.withRole(c.Role)}.withLimits(w.State)
		if role.MaxSessionDuration != 0 {
			timed = append(timed, c.Role.String())
		}
		if b := role.Boundary.String(); b != "" {
			bounded[b] = append(bounded[b], c.Role.String())
		}
		for _, policy := range role.ManagedPolicies {
			attached[c.Role.String()] = append(attached[c.Role.String()], policy.String())
		}
	}
	w.allow("Sessions", nil, iam.Values{"iam:UpdateRole"}, timed)
	for _, boundary := range slices.Sorted(maps.Keys(bounded)) {
		w.allowIf("Boundary"+w.suffix(bounded, boundary), iam.Values{"iam:CreateRole", "iam:PutRolePermissionsBoundary"},
			bounded[boundary], iam.Condition{"ArnEquals": {"iam:PermissionsBoundary": {boundary}}})
	}
	for _, role := range slices.Sorted(maps.Keys(attached)) {
		policies := slices.Compact(slices.Sorted(slices.Values(attached[role])))
		w.allowIf("Attach"+w.suffix(attached, role), iam.Values{"iam:AttachRolePolicy", "iam:DetachRolePolicy"},
			iam.Values{role}, iam.Condition{"ArnEquals": {"iam:PolicyARN": policies}})
	}
	w.allow("Untag", nil, iam.Values{"iam:UntagRole"}, slices.Collect(maps.Keys(attached)))
}

// suffix makes the Sid of a statement unique if there are several of its kind.
func (w *selfWriter) suffix(all map[string]iam.Values, key string) string {
	if len(all) == 1 {
		return ""
	}
	return ShortHash(key)
}

// allowIf adds a statement with a condition if the program may write.
func (w *selfWriter) allowIf(sid string, write, resources iam.Values, condition iam.Condition) {
	if w.allow(sid, nil, write, resources) {
		w.statements[len(w.statements)-1].Condition = condition
	}
}

// deletions allows what only the command delete does. IAM lists roles without a resource:
// delete looks for other roles that use an OIDC provider.
func (w *selfWriter) deletions() {
	if !w.deletes {
		return
	}
	var roles, providers iam.Values
	for _, c := range w.Components {
		roles = append(roles, c.Role.String())
		for _, p := range w.Providers(c) {
			providers = append(providers, p.ARN)
		}
	}
	w.allow("Delete", nil, iam.Values{"iam:DeleteRole", "iam:ListInstanceProfilesForRole"}, roles)
	if w.allow("DeleteProviders", nil, iam.Values{"iam:DeleteOpenIDConnectProvider"}, providers) {
		w.allow("OtherRoles", nil, iam.Values{"iam:ListRoles"}, iam.Values{"*"})
	}
}

func (w *selfWriter) providers() {
	var arns iam.Values
	for _, c := range w.Components {
		for _, p := range w.Providers(c) {
			arns = append(arns, p.ARN)
		}
	}
	w.allow("Providers", iam.Values{"iam:GetOpenIDConnectProvider"},
		iam.Values{"iam:AddClientIDToOpenIDConnectProvider", "iam:CreateOpenIDConnectProvider", "iam:TagOpenIDConnectProvider"}, arns)
}

// clusters allows what clusters and associations need. In every mode the program reads and
// prunes associations that another mode has left behind.
func (w *selfWriter) clusters() {
	var clusters, agents, associations iam.Values
	for _, cluster := range w.Clusters {
		if cluster.Name == "" || cluster.Region == "" {
			continue // EKS cannot describe it
		}
		clusters = append(clusters, w.arn(cluster, "cluster/"+cluster.Name))
		agents = append(agents, w.arn(cluster, "addon/"+cluster.Name+"/eks-pod-identity-agent/*"))
		associations = append(associations, w.arn(cluster, "podidentityassociation/"+cluster.Name+"/*"))
	}
	var create iam.Values
	change := iam.Values{"eks:DeletePodIdentityAssociation"}
	if w.UsesPodIdentity() {
		create = iam.Values{"eks:CreateAddon", "eks:CreatePodIdentityAssociation"}
		change = append(change, "eks:TagResource", "eks:UpdatePodIdentityAssociation")
	}
	w.allow("Clusters", iam.Values{"eks:DescribeCluster", "eks:ListPodIdentityAssociations"}, create, clusters)
	if w.UsesPodIdentity() {
		w.allow("Agent", iam.Values{"eks:DescribeAddon"}, iam.Values{"eks:TagResource"}, agents)
	}
	w.allow("Associations", iam.Values{"eks:DescribePodIdentityAssociation"}, change, associations)
}

func (w *selfWriter) arn(cluster identity.Cluster, resource string) string {
	role := w.Components[0].Role
	return fmt.Sprintf("arn:%s:eks:%s:%s:%s", role.Partition, cluster.Region, role.Account, resource)
}
