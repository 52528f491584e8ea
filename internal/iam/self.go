package iam

import (
	"errors"
	"fmt"
	"slices"

	"spaces-identity.dev/internal/identity"
)

// Self is what an identity must be allowed to do for this program to verify, plan
// and apply the config, and no more; with readOnly, to verify and plan it. sts:GetCallerIdentity
// needs no permission. The names of the roles and clusters, and the OIDC
// providers where mode irsa is used, must be set.
//
// Source: Service Authorization Reference, "Actions, resources, and condition
// keys for AWS Identity and Access Management" and "… for Amazon Elastic
// Kubernetes Service".
func Self(spec identity.Spec, readOnly bool) (Document, error) {
	if err := checkSelf(spec); err != nil {
		return Document{}, fmt.Errorf("policy for the program itself: %w", err)
	}
	s := self{spec: spec, readOnly: readOnly}
	s.allow("Account", Values{"iam:GetAccountSummary"}, nil, Values{"*"})
	s.roles()
	s.providers()
	s.clusters()
	s.associations()
	return Document{Version: PolicyVersion, Statement: s.statements}, nil
}

func checkSelf(spec identity.Spec) error {
	var problems []error
	for _, c := range spec.Components {
		problems = append(problems, checkMode(c), checkRole(c.Role))
		if c.Mode.UsesIRSA() && !c.Role.IsZero() {
			problems = append(problems, checkProviders(spec, c.Role))
		}
		if c.Mode.UsesPodIdentity() {
			problems = append(problems, checkClusters(spec))
		}
	}
	return errors.Join(problems...)
}

// self collects the statements.
type self struct {
	spec       identity.Spec
	readOnly   bool
	statements []Statement
}

// allow adds a statement, unless it would allow nothing on nothing.
func (s *self) allow(sid string, read, write, resources Values) {
	actions := slices.Clone(read)
	if !s.readOnly {
		actions = append(actions, write...)
	}
	if len(actions) == 0 || len(resources) == 0 {
		return
	}
	s.statements = append(s.statements, Statement{Sid: sidPrefix + sid, Effect: Allow, Action: actions,
		Resource: slices.Compact(slices.Sorted(slices.Values(resources)))})
}

func (s *self) roles() {
	var all, withBucket, passed Values
	for _, c := range s.spec.Components {
		arn := c.Role.String()
		all = append(all, arn)
		if c.Bucket != "" {
			withBucket = append(withBucket, arn)
		}
		if c.Mode.UsesPodIdentity() {
			passed = append(passed, arn)
		}
	}
	s.allow("Roles", Values{"iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies"}, Values{"iam:CreateRole", "iam:TagRole", "iam:UpdateAssumeRolePolicy"}, all)
	s.allow("Permissions", nil, Values{"iam:PutRolePolicy"}, withBucket)
	s.allow("ManagedPolicies", Values{"iam:GetPolicy", "iam:GetPolicyVersion"}, nil, s.managedPolicies())
	if len(passed) > 0 && !s.readOnly {
		s.allow("Pass", nil, Values{"iam:PassRole"}, passed)
		s.statements[len(s.statements)-1].Condition = Condition{"StringEquals": {"iam:PassedToService": {PodIdentityService}}}
	}
}

// managedPolicies are those that may be attached to the roles: the account's own
// and AWS's.
func (s *self) managedPolicies() Values {
	var arns Values
	for _, c := range s.spec.Components {
		arns = append(arns, "arn:"+c.Role.Partition+":iam::"+c.Role.Account+":policy/*", "arn:"+c.Role.Partition+":iam::aws:policy/*")
	}
	return arns
}

func (s *self) providers() {
	var arns Values
	for _, c := range s.spec.Components {
		if !c.Mode.UsesIRSA() {
			continue
		}
		for _, cluster := range s.spec.AllClusters() {
			arns = append(arns, cluster.OIDC.ARN(c.Role))
		}
	}
	s.allow("Providers", Values{"iam:GetOpenIDConnectProvider"},
		Values{"iam:AddClientIDToOpenIDConnectProvider", "iam:CreateOpenIDConnectProvider", "iam:TagOpenIDConnectProvider"}, arns)
}

// named are the clusters that can be asked.
func (s *self) named() []identity.Cluster {
	return slices.DeleteFunc(s.spec.AllClusters(), func(c identity.Cluster) bool { return c.Name == "" || c.Region == "" })
}

func (s *self) usesPodIdentity() bool {
	return slices.ContainsFunc(s.spec.Components, func(c identity.Component) bool { return c.Mode.UsesPodIdentity() })
}

func (s *self) clusters() {
	read, write := Values{"eks:DescribeCluster", "eks:ListPodIdentityAssociations"}, Values{}
	var clusters, agents Values
	for _, cluster := range s.named() {
		clusters = append(clusters, s.arn(cluster, "cluster/"+cluster.Name))
		agents = append(agents, s.arn(cluster, "addon/"+cluster.Name+"/eks-pod-identity-agent/*"))
	}
	if s.usesPodIdentity() {
		write = Values{"eks:CreateAddon", "eks:CreatePodIdentityAssociation"}
	}
	s.allow("Clusters", read, write, clusters)
	if s.usesPodIdentity() {
		s.allow("Agent", Values{"eks:DescribeAddon"}, Values{"eks:TagResource"}, agents)
	}
}

// associations that are left from another mode are read, and removed when
// pruning, in every mode.
func (s *self) associations() {
	write := Values{"eks:DeletePodIdentityAssociation"}
	if s.usesPodIdentity() {
		write = append(write, "eks:TagResource", "eks:UpdatePodIdentityAssociation")
	}
	var arns Values
	for _, cluster := range s.named() {
		arns = append(arns, s.arn(cluster, "podidentityassociation/"+cluster.Name+"/*"))
	}
	s.allow("Associations", Values{"eks:DescribePodIdentityAssociation"}, write, arns)
}

func (s *self) arn(cluster identity.Cluster, resource string) string {
	role := s.spec.Components[0].Role
	return fmt.Sprintf("arn:%s:eks:%s:%s:%s", role.Partition, cluster.Region, role.Account, resource)
}
