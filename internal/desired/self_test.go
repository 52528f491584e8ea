package desired_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
)

// selfCall is a call of the program, or one that it must not be able to make.
type selfCall struct {
	action, resource string
	modes            string // for which it is allowed
	write            bool
}

const (
	selfRole    = "arn:aws:iam::123456789012:role/spaces-backup"
	selfCluster = "arn:aws:eks:us-west-2:123456789012:cluster/prod-space"
	selfAddon   = "arn:aws:eks:us-west-2:123456789012:addon/prod-space/eks-pod-identity-agent/0a1b2c"
	selfAssoc   = "arn:aws:eks:us-west-2:123456789012:podidentityassociation/prod-space/a-1"
	selfIssuer  = "arn:aws:iam::123456789012:oidc-provider/" + provider
)

// The calls of verify, plan and apply, from the Service Authorization Reference.
var selfCalls = []selfCall{
	{"iam:GetAccountSummary", "*", "irsa pod-identity both", false},
	{"iam:GetRole", selfRole, "irsa pod-identity both", false},
	{"iam:ListRolePolicies", selfRole, "irsa pod-identity both", false},
	{"iam:GetRolePolicy", selfRole, "irsa pod-identity both", false},
	{"iam:ListAttachedRolePolicies", selfRole, "irsa pod-identity both", false},
	{"iam:GetPolicy", "arn:aws:iam::123456789012:policy/backups", "irsa pod-identity both", false},
	{"iam:GetPolicyVersion", "arn:aws:iam::aws:policy/AmazonS3FullAccess", "irsa pod-identity both", false},
	{"iam:GetOpenIDConnectProvider", selfIssuer, "irsa both", false},
	{"eks:DescribeCluster", selfCluster, "irsa pod-identity both", false},
	{"eks:ListPodIdentityAssociations", selfCluster, "irsa pod-identity both", false},
	{"eks:DescribePodIdentityAssociation", selfAssoc, "irsa pod-identity both", false},
	{"eks:DescribeAddon", selfAddon, "pod-identity both", false},

	{"iam:CreateRole", selfRole, "irsa pod-identity both", true},
	{"iam:TagRole", selfRole, "irsa pod-identity both", true},
	{"iam:UpdateAssumeRolePolicy", selfRole, "irsa pod-identity both", true},
	{"iam:PutRolePolicy", selfRole, "irsa pod-identity both", true},
	{"iam:DeleteRolePolicy", selfRole, "irsa pod-identity both", true},
	{"iam:PassRole", selfRole, "pod-identity both", true},
	{"iam:CreateOpenIDConnectProvider", selfIssuer, "irsa both", true},
	{"iam:TagOpenIDConnectProvider", selfIssuer, "irsa both", true},
	{"iam:AddClientIDToOpenIDConnectProvider", selfIssuer, "irsa both", true},
	{"eks:CreateAddon", selfCluster, "pod-identity both", true},
	{"eks:TagResource", selfAddon, "pod-identity both", true},
	{"eks:CreatePodIdentityAssociation", selfCluster, "pod-identity both", true},
	{"eks:TagResource", selfAssoc, "pod-identity both", true},
	{"eks:UpdatePodIdentityAssociation", selfAssoc, "pod-identity both", true},
	{"eks:DeletePodIdentityAssociation", selfAssoc, "irsa pod-identity both", true},

	{"iam:DeleteRole", selfRole, "", true},
	{"iam:AttachRolePolicy", selfRole, "", true},
	{"iam:UpdateAssumeRolePolicy", selfRole + "x", "", true},
	{"iam:PutRolePolicy", "arn:aws:iam::123456789012:role/spaces-backups", "", true},
	{"iam:PassRole", "arn:aws:iam::123456789012:role/admin", "", true},
	{"iam:CreatePolicy", "arn:aws:iam::123456789012:policy/backups", "", true},
	{"iam:DeleteOpenIDConnectProvider", selfIssuer, "", true},
	{"iam:CreateOpenIDConnectProvider", "arn:aws:iam::123456789012:oidc-provider/other", "", true},
	{"eks:DeleteAddon", selfAddon, "", true},
	{"eks:CreatePodIdentityAssociation", selfCluster + "-2", "", true},
	{"eks:DescribeAddon", "arn:aws:eks:us-west-2:123456789012:addon/prod-space/vpc-cni/1", "", false},
	{"eks:DeletePodIdentityAssociation", "arn:aws:eks:us-west-2:123456789012:podidentityassociation/other/a-1", "", true},
	{"eks:DescribeCluster", strings.Replace(selfCluster, "us-west-2", "us-east-1", 1), "", false},
	{"s3:GetObject", "arn:aws:s3:::spaces-backups/x", "", false},
}

func TestSelfAllowsExactlyWhatTheProgramCalls(t *testing.T) {
	for _, mode := range []identity.Mode{identity.IRSA, identity.PodIdentity, identity.Both} {
		for _, readOnly := range []bool{false, true} {
			doc, err := stateOf(t, mode).Self(readOnly)
			if err != nil {
				t.Fatal(err)
			}
			doc = parsed(t, string(doc.JSON()))
			allowed := 0
			for _, call := range selfCalls {
				want := iam.Denied
				for m := range strings.FieldsSeq(call.modes) {
					if m == string(mode) && !(call.write && readOnly) {
						want = iam.Allowed
					}
				}
				r := iam.Request{Action: call.action, Resource: call.resource}.With("iam:PassedToService", "pods.eks.amazonaws.com")
				if d := iam.Evaluate(r, doc); d.Verdict != want {
					t.Errorf("mode %s, readOnly %v: %s is %s (%s), want %s", mode, readOnly, r, d.Verdict, d.Reason, want)
				}
				if want == iam.Allowed {
					allowed++
				}
			}
			actions := 0
			for _, s := range doc.Statement {
				actions += len(s.Action)
			}
			if actions != allowed {
				t.Errorf("mode %s, readOnly %v: %d actions, %d of them called\n%s", mode, readOnly, actions, allowed, doc.JSON())
			}
		}
	}
}

// A role can be passed to EKS Pod Identity only.
func TestSelfPassesTheRoleToPodIdentityOnly(t *testing.T) {
	doc, err := stateOf(t, identity.PodIdentity).Self(false)
	if err != nil {
		t.Fatal(err)
	}
	r := iam.Request{Action: "iam:PassRole", Resource: selfRole}.With("iam:PassedToService", "ec2.amazonaws.com")
	if d := iam.Evaluate(r, doc); d.Verdict != iam.Denied {
		t.Errorf("%s: %s", d.Verdict, d.Reason)
	}
}

// Each statement lists every role and cluster once.
func TestSelfOfSeveralComponentsAndClusters(t *testing.T) {
	s := stateOf(t, identity.IRSA, twoClusters, vector(identity.PodIdentity, "logs"), func(s *identity.Settings) {
		s.Components = append(s.Components, identity.Component{Name: "mine", ServiceAccount: "mine", Role: s.Components[0].Role})
	})
	doc, err := s.Self(false)
	if err != nil {
		t.Fatal(err)
	}
	for sid, want := range map[string]int{"Account": 1, "Roles": 2, "Permissions": 2, "ManagedPolicies": 2, "Pass": 1, "Providers": 2, "Clusters": 2, "Agent": 2, "Associations": 2} {
		found := false
		for _, statement := range doc.Statement {
			if statement.Sid == "SpacesIdentity"+sid {
				found = true
				if len(statement.Resource) != want {
					t.Errorf("%s: %q", sid, statement.Resource)
				}
			}
		}
		if !found {
			t.Errorf("no statement %s", sid)
		}
	}
}

func TestSelfErrors(t *testing.T) {
	s := stateOf(t, identity.IRSA, vector(identity.PodIdentity, "logs"), func(s *identity.Settings) {
		s.Cluster, s.Components[0].Role = identity.Cluster{}, identity.RoleARN{}
	})
	_, err := s.Self(true)
	for _, key := range []string{"components[0].roleARN", "cluster.oidcProvider", "cluster.name", "cluster.region"} {
		if !strings.Contains(withHints(err), key) {
			t.Errorf("%v does not name %s", err, key)
		}
	}
}

// TestSelfOfUnusualClusters has configs in which a part of a cluster is missing, or in which
// two clusters share one.
func TestSelfOfUnusualClusters(t *testing.T) {
	type statements map[string]string // resources by Sid
	const role, providerARN = selfRole, "arn:aws:iam::123456789012:oidc-provider/"
	cluster := func(change func(*identity.Cluster)) func(*identity.Settings) {
		return func(s *identity.Settings) { change(&s.Cluster) }
	}
	policies := "arn:aws:iam::123456789012:policy/* arn:aws:iam::aws:policy/*"
	for name, tt := range map[string]struct {
		mode   identity.Mode
		change func(*identity.Settings)
		want   statements
		fails  string // what the error names
	}{
		"no provider, EKS Pod Identity": {identity.PodIdentity, cluster(func(c *identity.Cluster) { c.OIDC = identity.OIDCProvider{} }), statements{
			"Account": "*", "Roles": role, "Permissions": role, "ManagedPolicies": policies, "Pass": role, "Clusters": selfCluster,
			"Agent": strings.Replace(selfAddon, "0a1b2c", "*", 1), "Associations": strings.Replace(selfAssoc, "a-1", "*", 1)}, ""},
		"no provider, IRSA": {identity.IRSA, cluster(func(c *identity.Cluster) { c.OIDC = identity.OIDCProvider{} }), nil, "cluster.oidcProvider"},
		"no name":           {identity.PodIdentity, cluster(func(c *identity.Cluster) { c.Name = "" }), nil, "cluster.name"},
		"no region":         {identity.Both, cluster(func(c *identity.Cluster) { c.Region = "" }), nil, "cluster.region"},
		"no region, IRSA": {identity.IRSA, cluster(func(c *identity.Cluster) { c.Region = "" }), statements{
			"Account": "*", "Roles": role, "Permissions": role, "ManagedPolicies": policies, "Providers": selfIssuer}, ""},
		"no name, IRSA": {identity.IRSA, cluster(func(c *identity.Cluster) { c.Name = "" }), statements{
			"Account": "*", "Roles": role, "Permissions": role, "ManagedPolicies": policies, "Providers": selfIssuer}, ""},
		"two clusters, one of them known by its provider only": {identity.IRSA, func(s *identity.Settings) {
			s.AdditionalClusters = []identity.Cluster{{OIDC: identity.OIDCProvider{HostPath: provider2}}}
		}, statements{"Account": "*", "Roles": role, "Permissions": role, "ManagedPolicies": policies, "Providers": providerARN + provider2 + " " + selfIssuer,
			"Clusters": selfCluster, "Associations": strings.Replace(selfAssoc, "a-1", "*", 1)}, ""},
		"two clusters, one of them without a provider": {identity.IRSA, func(s *identity.Settings) {
			s.AdditionalClusters = []identity.Cluster{{Name: "eu", Region: "eu-central-1"}}
		}, nil, "additionalClusters[0].oidcProvider"},
		"two clusters, one of them without a provider, EKS Pod Identity": {identity.PodIdentity, func(s *identity.Settings) {
			s.AdditionalClusters = []identity.Cluster{{Name: "eu", Region: "eu-central-1"}}
		}, statements{"Account": "*", "Roles": role, "Permissions": role, "ManagedPolicies": policies, "Pass": role,
			"Clusters": "arn:aws:eks:eu-central-1:123456789012:cluster/eu " + selfCluster,
			"Agent": "arn:aws:eks:eu-central-1:123456789012:addon/eu/eks-pod-identity-agent/* " +
				strings.Replace(selfAddon, "0a1b2c", "*", 1),
			"Associations": "arn:aws:eks:eu-central-1:123456789012:podidentityassociation/eu/* " + strings.Replace(selfAssoc, "a-1", "*", 1)}, ""},
		"one cluster that two components use": {identity.IRSA, vector(identity.IRSA, "logs"), statements{
			"Account": "*", "Roles": strings.Replace(role, "spaces-backup", "logs", 1) + " " + role,
			"Permissions": strings.Replace(role, "spaces-backup", "logs", 1) + " " + role, "ManagedPolicies": policies, "Providers": selfIssuer,
			"Clusters": selfCluster, "Associations": strings.Replace(selfAssoc, "a-1", "*", 1)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			doc, err := stateOf(t, tt.mode, tt.change).Self(false)
			if tt.fails != "" {
				if err == nil || !strings.Contains(withHints(err), tt.fails) {
					t.Errorf("error is %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got := statements{}
			for _, s := range doc.Statement {
				got[strings.TrimPrefix(s.Sid, "SpacesIdentity")] = strings.Join(s.Resource, " ")
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("differs (-want +got):\n%s", diff)
			}
		})
	}
}
