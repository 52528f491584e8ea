package reconcile_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/reconcile"
	"spaces-identity.dev/internal/test/awstest"
)

// deleteSpec plans and applies a deletion, as the command does.
func deleteSpec(ctx context.Context, s identity.Spec, change ...func(*reconcile.Reconciler)) (*reconcile.Plan, error) {
	r, err := newReconciler(ctx, change...)
	if err != nil {
		return nil, err
	}
	p, err := r.PlanDelete(ctx, s)
	if err != nil {
		return nil, err
	}
	return p, r.Apply(ctx, p)
}

func mustDelete(t *testing.T, s identity.Spec, change ...func(*reconcile.Reconciler)) *reconcile.Plan {
	t.Helper()
	p, err := deleteSpec(t.Context(), s, change...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func keepingRole(r *reconcile.Reconciler) { r.KeepRole = true }

// hasWarning reports whether a warning of the plan contains a text.
func hasWarning(p *reconcile.Plan, text string) bool {
	return slices.ContainsFunc(p.Warnings, func(w reconcile.Warning) bool { return strings.Contains(w.Text, text) })
}

// isEmpty fails unless the account has nothing of the program but the agent's add-on.
func isEmpty(t *testing.T, server *awstest.Server) {
	t.Helper()
	s := server.State()
	if len(s.Roles)+len(s.Providers)+len(s.Associations) > 0 {
		t.Errorf("left: roles %v, providers %v, associations %v", s.Roles, s.Providers, s.Associations)
	}
}

func TestDeleteRemovesEverythingThatApplyCreated(t *testing.T) {
	for _, mode := range identity.Modes() {
		inBubble(t, string(mode), func(t *testing.T) {
			server := companyAccount(t)
			spec := companySpec(mode, testNamespaces(3)...)
			mustApply(t, spec)
			mustDelete(t, spec)
			isEmpty(t, server)
			equal(t, "changes of a second run", 0, mustDelete(t, spec).Changes())
			mustApply(t, spec)
		})
	}
}

// The calls come in the reverse order of an apply.
func TestDeleteGoesFromAssociationsToProviders(t *testing.T) {
	inBubble(t, "both", func(t *testing.T) {
		server := companyAccount(t)
		spec := companySpec(identity.Both, testNamespaces(1)...)
		mustApply(t, spec)
		server.Forget()
		mustDelete(t, spec)
		var writes []string
		for _, c := range server.Calls() {
			if c.Write {
				writes = append(writes, c.Operation)
			}
		}
		equal(t, "calls", []string{"DeletePodIdentityAssociation", "DetachRolePolicy", "DetachRolePolicy", "DeleteRolePolicy", "UpdateAssumeRolePolicy",
			"DeleteRole", "DeleteOpenIDConnectProvider"}, writes)
	})
}

func TestDeleteKeepsWhatIsForeign(t *testing.T) {
	all := testNamespaces(2)
	for name, c := range map[string]struct {
		change func(*awstest.State, *awstest.Role)
		stays  string
	}{
		"a statement": {func(_ *awstest.State, r *awstest.Role) { r.Trust = withForeign(r.Trust) }, "1 statement of its trust policy"},
		"an inline policy": {func(_ *awstest.State, r *awstest.Role) {
			r.Inline["theirs"] = `{"Version":"2012-10-17","Statement":[]}`
		}, "1 other inline policy"},
		"a managed policy":    {func(_ *awstest.State, r *awstest.Role) { r.Attached = []string{awsARN} }, "1 other managed policy"},
		"an instance profile": {func(_ *awstest.State, r *awstest.Role) { r.Profiles = []string{"nodes"} }, "the instance profile nodes"},
		"the policy of another component": {func(_ *awstest.State, r *awstest.Role) {
			r.Inline["SpacesIdentity-vector"] = `{"Version":"2012-10-17","Statement":[]}`
		}, "1 other inline policy"},
		"the role":       {func(_ *awstest.State, r *awstest.Role) { delete(r.Tags, desired.ManagedByTag) }, "does not have the tag"},
		"an association": {func(s *awstest.State, _ *awstest.Role) { s.Associations[0].Tags = nil }, "the association of " + all[0]},
	} {
		inBubble(t, name, func(t *testing.T) {
			server := companyAccount(t)
			spec := testSpec(identity.Both, all...)
			mustApply(t, spec)
			server.Change(func(s *awstest.State) {
				role := s.Roles[roleName]
				role.Inline = maps.Clone(role.Inline)
				s.Associations = slices.Clone(s.Associations)
				c.change(s, &role)
				s.Roles[roleName] = role
			})
			p := mustDelete(t, spec)
			state := server.State()
			role, there := state.Roles[roleName]
			if !there || !hasWarning(p, c.stays) {
				t.Errorf("the role is there: %v; warnings: %v", there, p.Warnings)
			}
			if _, ok := role.Inline["SpacesIdentity-mxp-controller"]; ok {
				t.Error("the permissions are left")
			}
			equal(t, "access", map[string]string{}, grantsOf(&state, spec, all))
			equal(t, "changes of a second run", 0, mustDelete(t, spec).Changes())
		})
	}
}

func withForeign(trust string) string {
	return strings.Replace(trust, `"Statement":[`, `"Statement":[{"Sid":"Break","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:root"},"Action":"sts:AssumeRole"},`, 1)
}

func TestDeleteKeepsTheRoleIfAsked(t *testing.T) {
	inBubble(t, "both", func(t *testing.T) {
		server := companyAccount(t)
		spec := companySpec(identity.Both, testNamespaces(1)...)
		mustApply(t, spec)
		mustDelete(t, spec, keepingRole)
		role := server.State().Roles[roleName]
		equal(t, "sids", []string{"SpacesIdentityNobody"}, sidsOf(liveTrustPolicy(t, server.State())))
		equal(t, "policies", 0, len(role.Inline)+len(role.Attached))
		equal(t, "boundary", boundaryARN, role.Boundary)
		equal(t, "changes of a second run", 0, mustDelete(t, spec, keepingRole).Changes())
		mustDelete(t, spec)
		isEmpty(t, server)
	})
}

// The config has changed since the last apply: what it no longer names stays until pruning.
func TestDeleteKeepsSubjectsThatTheConfigDoesNotName(t *testing.T) {
	all := testNamespaces(2)
	inBubble(t, "both", func(t *testing.T) {
		server := companyAccount(t)
		mustApply(t, testSpec(identity.Both, all...))
		p := mustDelete(t, testSpec(identity.Both, all[0]))
		state := server.State()
		grants := grantsOf(&state, testSpec(identity.Both, all...), all)
		equal(t, "who has access", []string{"irsa " + all[1], "pod-identity " + all[1]}, slices.Sorted(maps.Keys(grants)))
		if !hasWarning(p, all[1]) {
			t.Errorf("warnings: %v", p.Warnings)
		}
		mustDelete(t, testSpec(identity.IRSA, all[0]), pruning)
		isEmpty(t, server)
	})
}

// A mode, a limit or the clusters changed since the last apply.
func TestDeleteFindsWhatAnotherModeLeft(t *testing.T) {
	inBubble(t, "irsa", func(t *testing.T) {
		server := companyAccount(t)
		spec := testSpec(identity.PodIdentity, testNamespaces(2)...)
		mustApply(t, changedSpec(spec, func(c *identity.Component) {
			c.PodIdentity.SourceAccount, c.PodIdentity.SourceOrgID = true, "o-a1b2c3d4e5"
		}))
		mustDelete(t, testSpec(identity.IRSA, testNamespaces(2)...))
		isEmpty(t, server)
	})
}

func TestDeleteOfADeletedClusterSucceeds(t *testing.T) {
	inBubble(t, "both", func(t *testing.T) {
		server := companyAccount(t)
		spec := testSpec(identity.Both, testNamespaces(2)...)
		mustApply(t, spec)
		server.Change(func(s *awstest.State) { s.Associations, s.Clusters = nil, map[string]awstest.Cluster{} })
		mustDelete(t, spec)
		isEmpty(t, server)
	})
}

func TestDeleteKeepsAProviderThatAnotherRoleUses(t *testing.T) {
	inBubble(t, "irsa", func(t *testing.T) {
		server := companyAccount(t)
		spec := testSpec(identity.IRSA, testNamespaces(1)...)
		mustApply(t, spec)
		server.Change(func(s *awstest.State) { s.Roles["theirs"] = awstest.Role{Path: "/", Trust: s.Roles[roleName].Trust} })
		p := mustDelete(t, spec)
		equal(t, "providers", 1, len(server.State().Providers))
		if !hasWarning(p, "these roles use it: arn:aws:iam::123456789012:role/theirs") {
			t.Errorf("warnings: %v", p.Warnings)
		}
	})
}

// Another run writes into the role between the plan and the deletion.
func TestDeleteDoesNotDeleteARoleThatHasChanged(t *testing.T) {
	inBubble(t, "irsa", func(t *testing.T) {
		server := companyAccount(t)
		spec := testSpec(identity.IRSA, testNamespaces(1)...)
		mustApply(t, spec)
		server.Disturb(func(h *awstest.Hooks) {
			h.AfterWrite = func(c awstest.Call, s *awstest.State) {
				if c.Operation == "UpdateAssumeRolePolicy" {
					role := s.Roles[roleName]
					role.Trust = withForeign(role.Trust)
					s.Roles[roleName] = role
				}
			}
		})
		if _, err := deleteSpec(t.Context(), spec); err == nil || !strings.Contains(err.Error(), "has changed since the plan") {
			t.Errorf("error is %v", err)
		}
		equal(t, "roles", 1, len(server.State().Roles))
	})
}

// sharers returns configs that share a role: two clusters, two components, and two sets of
// namespaces of one cluster.
func sharers() map[string]identity.Spec {
	all := testNamespaces(6)
	own := testSpec(identity.Both, all[:2]...)
	own = changedSpec(own, func(c *identity.Component) { c.ManagedPolicies = parsedPolicies(extraARN) })
	namespaces := testSpec(identity.Both, all[2:4]...)
	component := changedSpec(testSpec(identity.Both, all[:2]...), func(c *identity.Component) {
		c.Name, c.ServiceAccount, c.Bucket, c.ManagedPolicies = "vector", "vector", "logs", parsedPolicies(extraARN, awsARN)
	})
	cluster := testSpec(identity.Both, all[:2]...)
	cluster.Cluster.Name, cluster.Cluster.OIDC.HostPath = "other-space", strings.Replace(issuerHost, "EXAMPLE", "ANOTHER", 1)
	return map[string]identity.Spec{"own": own, "namespaces": namespaces, "component": component, "cluster": cluster}
}

// sharedAccount returns an account with both clusters.
func sharedAccount(t *testing.T) *awstest.Server {
	t.Helper()
	server := companyAccount(t)
	server.Change(func(s *awstest.State) {
		s.TrustPolicyQuota = 8192
		s.Clusters["other-space"] = awstest.Cluster{Issuer: "https://" + strings.Replace(issuerHost, "EXAMPLE", "ANOTHER", 1), Version: "1.36"}
	})
	return server
}

// accessOf returns what the configs give to their subjects.
func accessOf(state awstest.State, specs map[string]identity.Spec) map[string]string {
	access := map[string]string{}
	for name, s := range specs {
		inCluster := state
		inCluster.Associations = slices.DeleteFunc(slices.Clone(state.Associations), func(a awstest.Association) bool {
			return a.Cluster != s.Cluster.Name || a.ServiceAccount != s.Components[0].ServiceAccount
		})
		for who := range grantsOf(&inCluster, s, s.ControlPlanes.Namespaces) {
			role := state.Roles[roleName]
			access[name+" "+who] = fmt.Sprint(role.Inline["SpacesIdentity-"+s.Components[0].Name] != "", slices.Contains(role.Attached, extraARN), slices.Contains(role.Attached, awsARN))
		}
	}
	return access
}

// For every order of two configs that share a role, the deletion of one leaves the access of
// the other, and the deletion of both leaves nothing.
func TestDeleteLeavesTheStateOfAnotherConfig(t *testing.T) {
	specs := sharers()
	for a := range specs {
		for b := range specs {
			if a == b {
				continue
			}
			inBubble(t, a+" of "+b, func(t *testing.T) {
				server := sharedAccount(t)
				mustApply(t, specs[b])
				want := accessOf(server.State(), specs)
				mustApply(t, specs[a])
				mustDelete(t, specs[a])
				got := accessOf(server.State(), specs)
				equal(t, "who has access", slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got)))
				if b != "namespaces" && b != "cluster" { // they share the policies of their component with own
					equal(t, "access", want, got)
				}
				mustDelete(t, specs[b])
				isEmpty(t, server)
			})
		}
	}
}

// Random sequences of applies and deletes: at any time exactly the configs that were applied
// last have access, and in the end nothing is left.
func TestRandomSequencesOfApplyAndDelete(t *testing.T) {
	specs := sharers()
	names := slices.Sorted(maps.Keys(specs))
	for seed := range uint64(12) {
		inBubble(t, fmt.Sprint(seed), func(t *testing.T) {
			server, dice, applied := sharedAccount(t), rand.New(rand.NewPCG(seed, 7)), map[string]bool{}
			for range 12 {
				name := names[dice.IntN(len(names))]
				if dice.IntN(2) == 0 {
					mustApply(t, specs[name])
					applied[name] = true
				} else {
					mustDelete(t, specs[name])
					delete(applied, name)
				}
				var want []string
				for name := range applied {
					for _, ns := range specs[name].ControlPlanes.Namespaces {
						want = append(want, name+" irsa "+ns, name+" pod-identity "+ns)
					}
				}
				slices.Sort(want)
				got := accessOf(server.State(), specs)
				equal(t, "who has access", want, slices.Sorted(maps.Keys(got)))
				for who, has := range got {
					if !strings.HasPrefix(has, "true") {
						t.Errorf("%s has lost the permissions", who)
					}
				}
			}
			for _, name := range names {
				mustDelete(t, specs[name])
			}
			isEmpty(t, server)
		})
	}
}

func TestDeleteRecoversFromAFailureOfEachCall(t *testing.T) {
	specs := sharers()
	fates := map[string]awstest.Fate{"failing before": awstest.FailBefore, "failing after": awstest.FailAfter,
		"dropped before": awstest.DropBefore, "dropped after": awstest.DropAfter}
	for other, b := range map[string]string{"alone": "", "shared": "cluster"} {
		start := func(t *testing.T) *awstest.Server {
			t.Helper()
			server := sharedAccount(t)
			if b != "" {
				mustApply(t, specs[b])
			}
			mustApply(t, specs["own"])
			server.Forget()
			return server
		}
		for name, fate := range fates {
			inBubble(t, other+", "+name, func(t *testing.T) {
				server := start(t)
				mustDelete(t, specs["own"])
				want, calls := server.State(), len(server.Calls())
				for n := 1; n <= calls; n++ {
					server := start(t)
					server.Disturb(func(h *awstest.Hooks) {
						h.Fate = func(c awstest.Call) awstest.Fate {
							if c.Number == n {
								return fate
							}
							return awstest.Pass
						}
					})
					_, err := deleteSpec(t.Context(), specs["own"])
					if fails := fate == awstest.FailBefore || fate == awstest.FailAfter; fails != (err != nil) {
						t.Errorf("call %d, %s: error is %v", n, server.Calls()[n-1].Operation, err)
					}
					server.Disturb(func(h *awstest.Hooks) { h.Fate = nil })
					mustDelete(t, specs["own"])
					equalState(t, want, server.State())
				}
			})
		}
	}
}

func TestTwoDeletionsAtOnceSucceed(t *testing.T) {
	inBubble(t, "both", func(t *testing.T) {
		for range 10 {
			server := companyAccount(t)
			spec := companySpec(identity.Both, testNamespaces(2)...)
			mustApply(t, spec)
			var both sync.WaitGroup
			for range 2 {
				both.Go(func() {
					if _, err := deleteSpec(t.Context(), spec); err != nil {
						t.Errorf("one of two: %v", err)
					}
				})
			}
			both.Wait()
			isEmpty(t, server)
		}
	})
}

// The policy of `policy self --delete` is enough for a deletion, and that of `policy self` is
// not.
func TestPolicySelfWithDeleteIsEnough(t *testing.T) {
	for _, mode := range identity.Modes() {
		inBubble(t, string(mode), func(t *testing.T) {
			server := companyAccount(t)
			spec := companySpec(mode, testNamespaces(2)...)
			mustApply(t, spec)
			limit := func(doc []byte) {
				server.Disturb(func(h *awstest.Hooks) { h.Policies = map[string][]string{"AKIDTEST": {string(doc)}} })
			}
			limit(selfPolicy(t, spec, false).JSON())
			if _, err := deleteSpec(t.Context(), spec); err == nil {
				t.Error("the policy without --delete is enough")
			}
			doc, err := desired.Of(spec).SelfWithDelete()
			if err != nil {
				t.Fatal(err)
			}
			limit(doc.JSON())
			mustDelete(t, spec)
			isEmpty(t, server)
		})
	}
}
