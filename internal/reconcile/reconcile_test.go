package reconcile_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"spaces-identity.dev/internal/account"
	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/reconcile"
	"spaces-identity.dev/internal/test/awstest"
)

// foreignStatement is a statement of another team in a shared role.
var foreignStatement = iam.Statement{Sid: "Break", Effect: iam.Allow, Principal: iam.Principal{AWS: iam.Values{"arn:aws:iam::123456789012:root"}},
	Action: iam.Values{"sts:AssumeRole"}, Condition: iam.Condition{"Bool": {"aws:MultiFactorAuthPresent": {"true"}}}}

func TestApplyCreatesEverythingAndThenNothing(t *testing.T) {
	for _, mode := range []identity.Mode{identity.IRSA, identity.PodIdentity, identity.Both} {
		inBubble(t, string(mode), func(t *testing.T) {
			server := testAccount(t)
			s := testSpec(mode, testNamespaces(3)...)
			mustApply(t, s)
			state := server.State()

			want := desiredRole(t, s)
			equal(t, "trust policy", want.TrustPolicy, liveTrustPolicy(t, state))
			equal(t, "inline policies", map[string]string{"SpacesIdentity-mxp-controller": string(want.Policies[0].Document.Compact())}, state.Roles[roleName].Inline)
			equal(t, "providers", mode.UsesIRSA(), len(state.Providers) == 1)
			equal(t, "agent", mode.UsesPodIdentity(), state.Clusters[clusterName].Addons[account.AgentAddon] != "")
			equal(t, "associations", map[bool]int{true: 3}[mode.UsesPodIdentity()], len(state.Associations))

			server.Forget()
			if p := mustApply(t, s); p.Differs() {
				t.Errorf("a second run differs: %+v", p)
			}
			for _, c := range server.Calls() {
				if c.Write {
					t.Errorf("a second run writes: %s", c.Operation)
				}
			}
			if n := len(server.Calls()); n > 9+len(state.Associations) {
				t.Errorf("a run without changes makes %d calls", n)
			}
		})
	}
}

func TestApplyKeepsForeignStatementsInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := testAccount(t)
		putRole(t, server, iam.Document{Version: "2008-10-17", ID: "theirs", Statement: []iam.Statement{foreignStatement}})
		two := testNamespaces(2)
		p := mustApply(t, testSpec(identity.IRSA, two[0]))
		equal(t, "role", reconcile.Foreign, p.Roles[0].Action)

		last := foreignStatement
		last.Sid = "Last"
		doc := liveTrustPolicy(t, server.State())
		doc.Statement = append(doc.Statement, last)
		putRole(t, server, doc)

		mustApply(t, testSpec(identity.IRSA, two...))
		want := doc
		want.Statement[1] = irsaStatement(t, two...)
		equal(t, "trust policy", want, liveTrustPolicy(t, server.State()))
	})
}

func TestOnlyPruneRemovesSubjects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := testNamespaces(3)
		server := testAccount(t)
		putRole(t, server, iam.Document{Version: iam.PolicyVersion, Statement: []iam.Statement{foreignStatement}})
		mustApply(t, testSpec(identity.Both, all...))

		less := testSpec(identity.Both, all[1:]...)
		p := mustApply(t, less)
		equal(t, "changes without pruning", 0, p.Changes())
		equal(t, "associations without pruning", 3, len(server.State().Associations))

		p = mustApply(t, less, pruning)
		equal(t, "removed", []string{"system:serviceaccount:" + all[0] + ":mxp-controller"}, p.Roles[0].Trust.Statements[1].Removed)
		state := server.State()
		equal(t, "associations", 2, len(state.Associations))
		doc := liveTrustPolicy(t, state)
		equal(t, "foreign statement", foreignStatement, doc.Statement[0])
		equal(t, "statement", irsaStatement(t, all[1:]...), doc.Statement[1])
		equal(t, "differs afterwards", false, mustApply(t, less, pruning).Differs())
	})
}

// A pattern replaces the exact subjects that it covers without pruning, because nobody
// loses access. To replace the pattern by exact subjects, pruning is needed.
func TestPatternReplacesTheSubjectsItCovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := testAccount(t)
		two := testNamespaces(2)
		mustApply(t, testSpec(identity.IRSA, two...))
		pattern := testSpec(identity.IRSA, two...)
		pattern.ControlPlanes.Match = identity.MatchUUID
		mustApply(t, pattern)
		equal(t, "sids", []string{"SpacesIdentityIRSAMatch"}, sidsOf(liveTrustPolicy(t, server.State())))

		mustApply(t, testSpec(identity.IRSA, two...))
		equal(t, "sids", []string{"SpacesIdentityIRSAMatch", "SpacesIdentityIRSA"}, sidsOf(liveTrustPolicy(t, server.State())))
		mustApply(t, testSpec(identity.IRSA, two...), pruning)
		equal(t, "sids", []string{"SpacesIdentityIRSA"}, sidsOf(liveTrustPolicy(t, server.State())))
	})
}

// Kept subjects of another cluster get a statement of their own, so that it admits no
// other control plane of that cluster.
func TestKeptSubjectsOfAnotherClusterAdmitNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := testAccount(t)
		server.Change(func(s *awstest.State) {
			s.TrustPolicyQuota = 4096
			s.Clusters["next-space"] = awstest.Cluster{Issuer: "https://oidc.eks.us-west-2.amazonaws.com/id/NEXT", Version: "1.36"}
		})
		all := testNamespaces(2)
		mustApply(t, testSpec(identity.Both, all[0]))
		next := testSpec(identity.Both, all[1])
		next.Cluster.Name = "next-space"
		next.Cluster.OIDC = identity.OIDCProvider{HostPath: "oidc.eks.us-west-2.amazonaws.com/id/NEXT"}
		mustApply(t, next)
		state := server.State()
		old := testSpec(identity.Both, all...)
		c := desired.Of(old).Components[0]
		for _, ns := range all {
			equal(t, "IRSA from the old cluster for "+ns, ns == all[0],
				iam.Evaluate(desired.IRSARequest(old.Cluster, c.Role, ns, c.ServiceAccount), liveTrustPolicy(t, state)).Verdict == iam.Allowed)
			equal(t, "Pod Identity from the old cluster for "+ns, ns == all[0],
				iam.Evaluate(desired.PodIdentityRequests(old.Cluster, c, ns, c.ServiceAccount)[0], liveTrustPolicy(t, state)).Verdict == iam.Allowed)
		}
		equal(t, "differs afterwards", false, mustApply(t, next).Differs())
		mustApply(t, next, pruning)
		equal(t, "sids", []string{"SpacesIdentityIRSA", "SpacesIdentityPodIdentity"}, sidsOf(liveTrustPolicy(t, server.State())))
	})
}

func TestApplyRepairsAnEditedStatement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := testAccount(t)
		one := testNamespaces(1)
		mustApply(t, testSpec(identity.IRSA, one...))
		doc := liveTrustPolicy(t, server.State())
		delete(doc.Statement[0].Condition["StringEquals"], issuerHost+":aud")
		putRole(t, server, doc)
		p := mustApply(t, testSpec(identity.IRSA, one...))
		equal(t, "elements", []string{"Condition"}, p.Roles[0].Trust.Statements[0].Elements)
		equal(t, "statement", irsaStatement(t, one...), liveTrustPolicy(t, server.State()).Statement[0])
	})
}

func TestAdoptTakesOverWhatMatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := testAccount(t)
		one := testNamespaces(1)
		s := testSpec(identity.Both, one...)
		doc := desiredRole(t, s).TrustPolicy
		for i := range doc.Statement {
			doc.Statement[i].Sid = ""
		}
		doc.Statement = append(doc.Statement, foreignStatement)
		putRole(t, server, doc)
		association := awstest.Association{ID: "a-theirs", Cluster: clusterName, Namespace: one[0], ServiceAccount: "mxp-controller", RoleARN: s.Components[0].Role.String()}
		server.Change(func(s *awstest.State) { s.Associations = []awstest.Association{association} })

		p := mustPlan(t, s, adopting)
		equal(t, "role", reconcile.Adopt, p.Roles[0].Action)
		equal(t, "association", reconcile.Adopt, p.Associations[0].Action)
		add, change, remove, adopt := p.Counts()
		equal(t, "counts of provider, agent and policy; trust policy; nothing; role and association", []int{3, 1, 0, 2}, []int{add, change, remove, adopt})
		mustApply(t, s, adopting)
		state := server.State()
		equal(t, "sids", []string{"Break", "SpacesIdentityIRSA", "SpacesIdentityPodIdentity"}, sidsOf(liveTrustPolicy(t, state)))
		equal(t, "association's owner", desired.ManagedByValue, state.Associations[0].Tags[desired.ManagedByTag])
		equal(t, "role's owner", desired.ManagedByValue, state.Roles[roleName].Tags[desired.ManagedByTag])
		equal(t, "differs afterwards", false, mustApply(t, s).Differs())
	})
}

func TestForeignAssociationBlocksApply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := testAccount(t)
		one := testNamespaces(1)
		s := testSpec(identity.PodIdentity, one...)
		theirs := awstest.Association{ID: "a-theirs", Cluster: clusterName, Namespace: one[0], ServiceAccount: "mxp-controller", RoleARN: "arn:aws:iam::123456789012:role/other"}
		server.Change(func(state *awstest.State) { state.Associations = []awstest.Association{theirs} })
		_, err := apply(t.Context(), s, adopting, pruning)
		if !errors.Is(err, reconcile.ErrBlocked) || !strings.Contains(err.Error(), "a-theirs") {
			t.Errorf("error is %v", err)
		}
		equal(t, "association", []awstest.Association{theirs}, server.State().Associations)

		warnings := mustApply(t, testSpec(identity.IRSA, one...)).Warnings
		if !strings.Contains(fmt.Sprint(warnings), "EKS uses the association and ignores the annotation") {
			t.Errorf("warnings: %q", warnings)
		}
	})
}

func TestApplyChangesAssociationsInPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := testAccount(t)
		s := testSpec(identity.PodIdentity, testNamespaces(2)...)
		mustApply(t, s)
		s.Components[0].PodIdentity.TargetRole = identity.RoleARN{Partition: "aws", Account: "210987654321", Name: "target"}
		s.Components[0].PodIdentity.Tags = map[string]string{"team": "spaces"}
		p := mustApply(t, s)
		equal(t, "elements", []string{"targetRoleArn", "tags"}, p.Associations[0].Elements)
		for _, a := range server.State().Associations {
			equal(t, "target role", "arn:aws:iam::210987654321:role/target", a.TargetRoleARN)
			equal(t, "tags", map[string]string{"team": "spaces", desired.ManagedByTag: desired.ManagedByValue}, a.Tags)
		}
	})
}

func TestPlanUsesTheQuotaOfTheAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := testAccount(t)
		s := testSpec(identity.IRSA, testNamespaces(30)...)
		server.Forget()
		_, err := apply(t.Context(), s)
		if err == nil || !strings.Contains(err.Error(), "the quota is 2048") || !strings.Contains(err.Error(), "match: uuid") {
			t.Errorf("error is %v", err)
		}
		for _, c := range server.Calls() {
			if c.Write || c.Operation == "GetRole" {
				t.Errorf("the budget is checked after %s", c.Operation)
			}
		}
		server.Change(func(s *awstest.State) { s.TrustPolicyQuota = 4096 })
		mustApply(t, s)
	})
}

func TestPlanRejectsARoleOfAnotherAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		testAccount(t)
		s := testSpec(identity.IRSA, testNamespaces(1)...)
		s.Components[0].Role.Account = "210987654321"
		_, err := apply(t.Context(), s)
		if err == nil || !strings.Contains(err.Error(), "is in account 210987654321") || !strings.Contains(err.Error(), "credentials") {
			t.Errorf("error is %v", err)
		}
	})
}

// Two components may share a role.
func TestTwoComponentsShareARole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := testAccount(t)
		s := testSpec(identity.IRSA, testNamespaces(1)...)
		second := s.Components[0]
		second.Name, second.ServiceAccount = "vector", "vector"
		s.Components = append(s.Components, second)
		mustApply(t, s)
		state := server.State()
		equal(t, "statements", 2, len(liveTrustPolicy(t, state).Statement))
		equal(t, "policies", 2, len(state.Roles[roleName].Inline))
		equal(t, "differs afterwards", false, mustApply(t, s).Differs())
	})
}

func TestDeniedCallNamesIdentityActionAndResource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := testAccount(t)
		server.Disturb(func(h *awstest.Hooks) {
			h.Policies = map[string][]string{"AKIDTEST": {`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:GetAccountSummary","Resource":"*"}]}`}}
		})
		_, err := apply(t.Context(), testSpec(identity.Both, testNamespaces(1)...))
		refused, ok := errors.AsType[*account.RefusedError](err)
		if !ok {
			t.Fatalf("error is %v", err)
		}
		equal(t, "refused", []string{awstest.CallerARN, "eks:DescribeCluster", "arn:aws:eks:us-west-2:123456789012:cluster/prod-space"},
			[]string{refused.Identity, refused.Action, refused.Resource})
	})
}

// putRole creates a foreign role with a trust policy, or replaces the policy.
func putRole(t *testing.T, server *awstest.Server, doc iam.Document) {
	t.Helper()
	server.Change(func(s *awstest.State) {
		role := s.Roles[roleName]
		role.Path, role.Trust = "/", string(doc.JSON())
		s.Roles[roleName] = role
	})
}

// desiredRole returns the desired state of the role.
func desiredRole(t testing.TB, s identity.Spec) desired.Role {
	t.Helper()
	roles, err := desired.Of(s).Roles()
	if err != nil {
		t.Fatal(err)
	}
	return roles[0]
}

// irsaStatement returns the desired statement for namespaces.
func irsaStatement(t *testing.T, namespaces ...string) iam.Statement {
	t.Helper()
	return desiredRole(t, testSpec(identity.IRSA, namespaces...)).TrustPolicy.Statement[0]
}

func sidsOf(doc iam.Document) []string {
	var out []string
	for _, s := range doc.Statement {
		out = append(out, s.Sid)
	}
	return out
}

// A setting that limits all subjects alike takes effect without pruning.
func TestLimitsApplyWithoutPruning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := testAccount(t)
		s := testSpec(identity.PodIdentity, testNamespaces(2)...)
		mustApply(t, s)
		s.Components[0].PodIdentity.SourceAccount = true
		mustApply(t, s)
		equal(t, "trust policy", desiredRole(t, s).TrustPolicy, liveTrustPolicy(t, server.State()))

		one := testSpec(identity.PodIdentity, testNamespaces(2)[1:]...)
		mustApply(t, one)
		equal(t, "sids", []string{"SpacesIdentityPodIdentity", "SpacesIdentityKept"}, sidPrefixes(liveTrustPolicy(t, server.State()), "SpacesIdentityKept"))
		mustApply(t, one, pruning)
		equal(t, "trust policy afterwards", desiredRole(t, one).TrustPolicy, liveTrustPolicy(t, server.State()))
	})
}

// sidPrefixes returns the Sids. It shortens a Sid that starts with prefix to the prefix.
func sidPrefixes(doc iam.Document, prefix string) []string {
	var out []string
	for _, sid := range sidsOf(doc) {
		if strings.HasPrefix(sid, prefix) {
			sid = prefix
		}
		out = append(out, sid)
	}
	return out
}

func TestForeignStatementsAreAdoptedIfTheyGrantNoMore(t *testing.T) {
	all := testNamespaces(2)
	for name, tt := range map[string]struct {
		change  func(*iam.Statement)
		adopted bool
	}{
		"the same":            {func(*iam.Statement) {}, true},
		"with a condition":    {func(s *iam.Statement) { s.Condition["Bool"] = map[string]iam.Values{"aws:SecureTransport": {"true"}} }, true},
		"without an audience": {func(s *iam.Statement) { delete(s.Condition["StringEquals"], issuerHost+":aud") }, false},
		"with another subject": {func(s *iam.Statement) {
			s.Condition["StringEquals"][issuerHost+":sub"] = iam.Values{desired.TokenSubject("x", "mxp-controller")}
		}, false},
		"for any subject": {func(s *iam.Statement) {
			s.Condition["StringLike"] = map[string]iam.Values{issuerHost + ":sub": {"system:serviceaccount:*:mxp-controller"}}
			delete(s.Condition["StringEquals"], issuerHost+":sub")
		}, false},
	} {
		inBubble(t, name, func(t *testing.T) {
			server := testAccount(t)
			theirs := irsaStatement(t, all[0])
			theirs.Sid = "Theirs"
			tt.change(&theirs)
			putRole(t, server, iam.Document{Version: iam.PolicyVersion, Statement: []iam.Statement{theirs}})
			mustApply(t, testSpec(identity.IRSA, all...), adopting)
			equal(t, "adopted", tt.adopted, !slices.Contains(sidsOf(liveTrustPolicy(t, server.State())), "Theirs"))
		})
	}
}

// A condition that somebody added keeps limiting a subject that the config no longer
// names.
func TestKeptSubjectsKeepTheirConditions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := testAccount(t)
		all := testNamespaces(2)
		mustApply(t, testSpec(identity.IRSA, all...))
		doc := liveTrustPolicy(t, server.State())
		doc.Statement[0].Condition["Bool"] = map[string]iam.Values{"aws:SecureTransport": {"true"}}
		putRole(t, server, doc)
		mustApply(t, testSpec(identity.IRSA, all[1]))
		got := liveTrustPolicy(t, server.State()).Statement
		equal(t, "wanted", irsaStatement(t, all[1]), got[0])
		kept := doc.Statement[0]
		kept.Sid = got[1].Sid
		kept.Condition["StringEquals"][issuerHost+":sub"] = iam.Values{desired.TokenSubject(all[0], "mxp-controller")}
		equal(t, "kept", kept, got[1])
	})
}

// Without the OIDC provider in the config, a cluster that EKS does not find is an error about
// its name and region, not about the provider that EKS would have reported.
func TestPlanNamesAWrongRegion(t *testing.T) {
	for name, change := range map[string]func(*identity.Spec){
		"cluster": func(s *identity.Spec) { s.Cluster.Region, s.Cluster.OIDC = "eu-west-1", identity.OIDCProvider{} },
		"additional": func(s *identity.Spec) {
			s.AdditionalClusters = []identity.Cluster{{Name: clusterName, Region: "eu-west-1"}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				testAccount(t)
				spec := testSpec(identity.IRSA, testNamespaces(1)...)
				change(&spec)
				r, err := newReconciler(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				_, err = r.Plan(t.Context(), spec)
				hint, ok := errors.AsType[interface {
					error
					Hint() string
				}](err)
				key := map[string]string{"cluster": "cluster", "additional": "additionalClusters[0]"}[name]
				if !ok || !strings.Contains(err.Error(), "has no cluster "+clusterName+" in eu-west-1") || !strings.Contains(hint.Hint(), "correct "+key+".name and "+key+".region, or set "+key+".oidcProvider") {
					t.Errorf("%v", err)
				}
			})
		})
	}
}
