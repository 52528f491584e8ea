package desired

import (
	"fmt"
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
	if err := s.Require(NeedTrust); err != nil {
		return iam.Document{}, err
	}
	w := selfWriter{State: s, readOnly: readOnly}
	w.allow("Account", iam.Values{"iam:GetAccountSummary"}, nil, iam.Values{"*"})
	w.roles()
	w.providers()
	w.clusters()
	return iam.Document{Version: iam.PolicyVersion, Statement: w.statements}, nil
}

// selfWriter collects the statements.
type selfWriter struct {
	State
	readOnly   bool
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
	var all, passed, managed iam.Values
	for _, c := range w.Components {
		all = append(all, c.Role.String())
		if c.Mode.UsesPodIdentity() {
			passed = append(passed, c.Role.String())
		}
		// Policies of the account and of AWS may be attached to the role.
		managed = append(managed, "arn:"+c.Role.Partition+":iam::"+c.Role.Account+":policy/*", "arn:"+c.Role.Partition+":iam::aws:policy/*")
	}
	w.allow("Roles", iam.Values{"iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies"},
		iam.Values{"iam:CreateRole", "iam:TagRole", "iam:UpdateAssumeRolePolicy"}, all)
	w.allow("Permissions", nil, iam.Values{"iam:PutRolePolicy", "iam:DeleteRolePolicy"}, all)
	w.allow("ManagedPolicies", iam.Values{"iam:GetPolicy", "iam:GetPolicyVersion"}, nil, managed)
	if w.allow("Pass", nil, iam.Values{"iam:PassRole"}, passed) {
		w.statements[len(w.statements)-1].Condition = iam.Condition{"StringEquals": {"iam:PassedToService": {PodIdentityService}}}
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
