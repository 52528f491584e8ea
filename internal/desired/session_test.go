package desired_test

import (
	"fmt"
	"strings"
	"testing"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
)

// scoped limits two control planes to their own backups.
func scoped(s *identity.Settings) {
	namespaces(nsA, nsB)(s)
	s.ControlPlanes.Names = map[string]identity.ControlPlaneName{nsA: {Group: "default", Name: "ctp1"}, nsB: {Group: "default", Name: "ctp10"}}
	s.Components[0].Prefix = "prod"
	s.Components[0].PodIdentity.Scope = identity.ControlPlaneScope
}

func readFrom(from, into string) change {
	return component(func(c *identity.Component) {
		access := identity.ReadAccess{From: nameOf(from)}
		if into != "" {
			access.Into = nameOf(into)
		}
		c.PodIdentity.ReadFrom = append(c.PodIdentity.ReadFrom, access)
	})
}

func nameOf(text string) identity.ControlPlaneName {
	group, name, _ := strings.Cut(text, "/")
	return identity.ControlPlaneName{Group: group, Name: name}
}

func given(t *testing.T, text string) iam.Document {
	t.Helper()
	doc, err := identity.ParsePermissions(text)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestAssociationsOfAScopeMatchTheirGoldens(t *testing.T) {
	tests := map[string][]change{
		"scope":           {scoped},
		"scope-restore":   {scoped, readFrom("default/ctp1", "default/ctp10"), readFrom("old-space/ctp1", "")},
		"scope-no-prefix": {scoped, component(func(c *identity.Component) { c.Prefix = "" })},
		"scope-others": {scoped, component(func(c *identity.Component) {
			c.KMSKey = kmsKey("aws")
			c.Secrets = []identity.Stored{{Kind: identity.SecretKind, Name: "db"}}
			c.Permissions = given(t, `{"Version": "2012-10-17", "Statement": {"Sid": "Table", "Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": "arn:aws:dynamodb:*:*:table/t"}}`)
			targetRole(c)
		})},
	}
	for name, changes := range tests {
		t.Run(name, func(t *testing.T) {
			s := stateOf(t, identity.PodIdentity, changes...)
			list, err := s.Associations(s.Components[0])
			if err != nil {
				t.Fatal(err)
			}
			golden(t, "associations/"+name+".json", asJSON(t, list))
			for _, a := range list {
				if !a.DisableSessionTags || len(a.Policy) > identity.MaxSessionPolicy {
					t.Errorf("EKS rejects %+v", a)
				}
				parsed(t, a.Policy)
			}
		})
	}
}

// The trust policy has the conditions that remain without session tags.
func TestTrustPolicyOfAScopeHasNoSessionTags(t *testing.T) {
	s := stateOf(t, identity.PodIdentity, scoped)
	doc := trustPolicy(t, s)
	if text := string(doc.JSON()); strings.Contains(text, "RequestTag") || !strings.Contains(text, "aws:SourceAccount") || !strings.Contains(text, "aws:SourceArn") {
		t.Errorf("%s", text)
	}
	warnings := s.Components[0].Warnings()
	if len(warnings) != 1 || !strings.Contains(warnings[0], "without session tags AWS offers no condition on the subject") ||
		!strings.Contains(warnings[0], "podIdentity.scope: controlPlane limits the associations of this config") {
		t.Errorf("%q", warnings)
	}
}

func TestScopeNeedsTheNamesOfTheControlPlanes(t *testing.T) {
	const plain = "team-a"
	s := stateOf(t, identity.PodIdentity, scoped, func(s *identity.Settings) { s.ControlPlanes.Namespaces = append(s.ControlPlanes.Namespaces, plain) })
	want := "pod identity associations of mxp-controller: podIdentity.scope: controlPlane needs the group and the name of the control plane in each host namespace, " +
		"and does not know those of team-a\nwrite them as {name: team-a, group: GROUP, controlPlane: NAME} under controlPlanes.namespaces; plan and apply find them in the cluster"
	_, err := s.Associations(s.Components[0])
	if got := withHints(err); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if _, err := s.Roles(); err == nil || !s.NeedsControlPlaneNames() {
		t.Errorf("%v, needs names: %t", err, s.NeedsControlPlaneNames())
	}
	if policy := s.SessionPolicy(s.Components[0], plain); !strings.Contains(policy, `"Deny"`) {
		t.Errorf("an unknown control plane gets %s", policy)
	}
	named := s.WithControlPlaneNames(map[string]identity.ControlPlaneName{plain: nameOf("team/ctp2")})
	if _, err := named.Associations(named.Components[0]); err != nil || named.NeedsControlPlaneNames() || !s.NeedsControlPlaneNames() {
		t.Errorf("%v", err)
	}
}

func TestSessionPolicyMayNotBeTooLong(t *testing.T) {
	changes := []change{scoped}
	for i := range 40 {
		changes = append(changes, readFrom(fmt.Sprintf("default/source-%d", i), "default/ctp1"))
	}
	s := stateOf(t, identity.PodIdentity, changes...)
	_, err := s.Associations(s.Components[0])
	got := withHints(err)
	if !strings.Contains(got, "the session policy of control plane default/ctp1 has ") || !strings.Contains(got, "EKS allows 2048") ||
		strings.Contains(got, "ctp10") || !strings.Contains(got, "list fewer control planes under podIdentity.readFrom") {
		t.Error(got)
	}
}

func TestInlinePoliciesMayNotBeTooLong(t *testing.T) {
	many := func(c *identity.Component) {
		for i := range 60 {
			c.Parameters = append(c.Parameters, identity.Stored{Kind: identity.ParameterKind, Name: fmt.Sprintf("/%s/%d", strings.Repeat("x", 50), i)})
		}
	}
	s := stateOf(t, identity.IRSA, component(many), vector(identity.IRSA, "spaces-backup"), func(s *identity.Settings) { many(&s.Components[1]) })
	_, err := s.Permissions(s.Components[0])
	if got := withHints(err); !strings.HasPrefix(got, "permissions policy of mxp-controller: has ") || !strings.Contains(got, "IAM allows 10240 for all inline policies of a role") {
		t.Error(got)
	}
	one := stateOf(t, identity.IRSA, component(many))
	if _, err := one.Permissions(one.Components[0]); err != nil {
		t.Errorf("one of the two is too long: %v", err)
	}
}

func TestPermissionsNeedWhatTheComponentUsuallyUses(t *testing.T) {
	for name, want := range map[string]string{
		"mxp-controller": "components[0].bucket", "vector": "components[0].bucket",
		"external-secrets-controller": "components[0].secrets", "crossplane": "components[0].permissionsPolicy", "my-operator": "components[0].permissionsPolicy",
	} {
		s := stateOf(t, identity.IRSA, component(func(c *identity.Component) { c.Name, c.ServiceAccount, c.Bucket = name, name, "" }))
		_, err := s.Permissions(s.Components[0])
		if hints := hintsIn(err); len(hints) != 1 || hints[0] != "set "+want+" in the config" {
			t.Errorf("%s: %v, %q", name, err, hints)
		}
		if _, err := desired.Of(s.Spec().WithNamespaces([]string{nsA})).Roles(); err != nil {
			t.Errorf("%s may have no permissions: %v", name, err)
		}
	}
}

// A name alone needs the region of each cluster. An ARN does not.
func TestNamesOfSecretsNeedTheRegion(t *testing.T) {
	without := func(s *identity.Settings) { s.Cluster.Region = "" }
	byName := component(func(c *identity.Component) {
		c.Bucket, c.Secrets = "", []identity.Stored{{Kind: identity.SecretKind, Name: "db"}}
	})
	s := stateOf(t, identity.IRSA, without, byName)
	if _, err := s.Permissions(s.Components[0]); err == nil || hintsIn(err)[0] != "set cluster.region in the config" {
		t.Errorf("%v", err)
	}
	byARN := component(func(c *identity.Component) {
		c.Bucket, c.Secrets = "", []identity.Stored{{Kind: identity.SecretKind, Partition: "aws", Region: "eu-west-1", Account: "123456789012", Name: "db-AbC123"}}
	})
	s = stateOf(t, identity.IRSA, without, byARN)
	policy, err := s.Permissions(s.Components[0])
	if err != nil || policy.Document.Statement[0].Resource[0] != "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbC123" {
		t.Errorf("%s, %v", policy.Document.JSON(), err)
	}
}
