package desired_test

import (
	"encoding/json"
	"math/rand/v2"
	"testing"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/test/fixture"
	"spaces-identity.dev/internal/test/simulator"
)

// TestOwnPoliciesAgainstSimulator compares our policies of random configs with an
// independent evaluator. The web identities come from accounts.google.com, because the simulator
// accepts the keys aud and sub only from the issuers it knows.
func TestOwnPoliciesAgainstSimulator(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	var cases []simulator.Case
	var wants []bool
	for len(cases) < *simulator.Cases {
		settings := randomSettings(rng)
		settings.Cluster.OIDC.HostPath = "accounts.google.com"
		settings.AdditionalClusters = nil
		for i := range settings.Components {
			settings.Components[i].Role.Partition = "aws"
			settings.Components[i].PodIdentity.SourceAccount = false // not a key that the simulator knows here
		}
		s := desired.Of(fixture.Spec(t, settings))
		roles, err := s.Roles()
		if err != nil {
			t.Fatal(err)
		}
		for _, role := range roles {
			for _, c := range role.Components {
				for _, ns := range candidates(c.Subjects) {
					account := c.Accounts[rng.IntN(len(c.Accounts))]
					if !isPossible(ns, account) || rng.IntN(3) > 0 {
						continue
					}
					add := func(mode identity.Mode, r iam.Request) {
						delete(r.Context, "aws:SecureTransport")
						delete(r.Context, "aws:SourceAccount")
						cases = append(cases, simulator.Case{Trust: role.TrustPolicy.Compact(), Principal: r.Caller.ID, Action: r.Action,
							Resource: role.ARN.String(), Context: r.Context})
						wants = append(wants, isMeant(role, mode, ns, account))
					}
					add(identity.IRSA, desired.IRSARequest(s.Clusters[0], c.Role, ns, account))
					for _, r := range desired.PodIdentityRequests(s.Clusters[0], c, ns, account) {
						add(identity.PodIdentity, r)
					}
				}
			}
		}
	}
	cases, wants = addPermissionsCases(t, cases, wants)
	allowed := 0
	for i, verdict := range simulator.Ask(t, cases) {
		if got := verdict == simulator.Allowed; got != wants[i] {
			t.Errorf("case %d: the simulator says %s\n%+v", i, verdict, cases[i])
		}
		if wants[i] {
			allowed++
		}
	}
	t.Logf("%d cases, %d allowed", len(cases), allowed)
	if allowed < 100 || len(cases)-allowed < 100 {
		t.Error("the generator is too one-sided")
	}
}

// addPermissionsCases adds what a backup under a prefix asks for, and near misses.
func addPermissionsCases(t *testing.T, cases []simulator.Case, wants []bool) ([]simulator.Case, []bool) {
	t.Helper()
	s := stateOf(t, identity.IRSA, component(prefixAndKey))
	policy, err := s.Permissions(s.Components[0])
	if err != nil {
		t.Fatal(err)
	}
	const bucket = "arn:aws:s3:::spaces-backups"
	for _, c := range []struct {
		action, resource, prefix string
		want                     bool
	}{
		{"s3:GetObject", bucket + "/prod/space-1/a", "", true},
		{"s3:PutObject", bucket + "/prod/space-1/a/b", "", true},
		{"s3:DeleteObject", bucket + "/prod/space-1/a", "", true},
		{"s3:GetObject", bucket + "/prod/space-11/a", "", false},
		{"s3:GetObject", bucket + "/prod/space-1", "", false},
		{"s3:GetObject", bucket + "x/prod/space-1/a", "", false},
		{"s3:GetObjectAcl", bucket + "/prod/space-1/a", "", false},
		{"s3:ListBucket", bucket, "prod/space-1/", true},
		{"s3:ListBucket", bucket, "prod/space-1/a", true},
		{"s3:ListBucket", bucket, "prod/space-1", false},
		{"s3:ListBucket", bucket, "prod/", false},
		{"s3:ListBucket", bucket, "", false},
		{"s3:ListBucket", bucket + "x", "prod/space-1/", false},
	} {
		context := map[string][]string{}
		if c.prefix != "" {
			context["s3:prefix"] = []string{c.prefix}
		}
		cases = append(cases, simulator.Case{Permissions: []json.RawMessage{policy.Document.Compact()}, Principal: s.Components[0].Role.String(),
			Action: c.action, Resource: c.resource, Context: context})
		wants = append(wants, c.want)
	}
	return cases, wants
}
