package reconcile_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/reconcile"
	"spaces-identity.dev/internal/test/awstest"
)

const (
	boundaryARN = "arn:aws:iam::123456789012:policy/limit"
	extraARN    = "arn:aws:iam::123456789012:policy/extra"
	awsARN      = "arn:aws:iam::aws:policy/ReadOnlyAccess"
)

// parsedPolicies returns managed policies by their ARNs.
func parsedPolicies(arns ...string) (all []identity.PolicyARN) {
	for _, arn := range arns {
		policy, err := identity.ParsePolicyARN(arn)
		if err != nil {
			panic(err)
		}
		all = append(all, policy)
	}
	return all
}

// companySpec returns a config with every limit.
func companySpec(mode identity.Mode, namespaces ...string) identity.Spec {
	s := changedSpec(testSpec(mode, namespaces...), func(c *identity.Component) {
		c.PermissionsBoundary, c.MaxSessionDuration = parsedPolicies(boundaryARN)[0], 7200
		c.ManagedPolicies = parsedPolicies(extraARN, awsARN)
	})
	s.Tags = map[string]string{"team": "spaces", "cost": "42", desired.ManagedByTag: "me"}
	return s
}

func changedSpec(s identity.Spec, change func(*identity.Component)) identity.Spec {
	s.Components = slices.Clone(s.Components)
	change(&s.Components[0])
	return s
}

// companyAccount returns an account with the managed policies.
func companyAccount(t *testing.T) *awstest.Server {
	t.Helper()
	server := testAccount(t)
	server.Change(func(s *awstest.State) {
		for _, arn := range []string{boundaryARN, extraARN, awsARN} {
			s.Managed[arn] = `{"Version":"2012-10-17","Statement":[]}`
		}
	})
	return server
}

func changeRoleOf(server *awstest.Server, change func(*awstest.Role)) {
	server.Change(func(s *awstest.State) {
		role := s.Roles[roleName]
		role.Tags, role.Attached = maps.Clone(role.Tags), slices.Clone(role.Attached)
		change(&role)
		s.Roles[roleName] = role
	})
}

func TestApplyLimitsAndTagsWhatItCreates(t *testing.T) {
	inBubble(t, "both", func(t *testing.T) {
		server := companyAccount(t)
		spec := companySpec(identity.Both, testNamespaces(2)...)
		mustApply(t, spec)
		state := server.State()
		role := state.Roles[roleName]
		equal(t, "boundary", boundaryARN, role.Boundary)
		equal(t, "session", 7200, role.MaxSession)
		equal(t, "policies", []string{extraARN, awsARN}, role.Attached)
		wanted := map[string]string{"team": "spaces", "cost": "42", desired.ManagedByTag: desired.ManagedByValue}
		for key := range role.Tags {
			if strings.HasPrefix(key, "spaces-identity.dev/") && key != desired.ManagedByTag {
				delete(role.Tags, key)
			}
		}
		equal(t, "tags of the role", wanted, role.Tags)
		for _, tags := range state.ProviderTags {
			equal(t, "tags of the provider", wanted, tags)
		}
		for _, a := range state.Associations {
			equal(t, "tags of an association", wanted, a.Tags)
		}
		if p := mustPlan(t, spec); p.Differs() {
			t.Errorf("the plan differs: %+v", p.Roles)
		}
	})
}

func TestPlanCorrectsDriftOfManagedRoles(t *testing.T) {
	inBubble(t, "both", func(t *testing.T) {
		server := companyAccount(t)
		spec := companySpec(identity.Both, testNamespaces(1)...)
		mustApply(t, spec)
		want := server.State()
		changeRoleOf(server, func(r *awstest.Role) {
			r.Boundary, r.MaxSession, r.Attached = "", 3600, r.Attached[:1]
			delete(r.Tags, "team")
		})
		server.Change(func(s *awstest.State) {
			for arn, tags := range s.ProviderTags {
				tags = maps.Clone(tags)
				tags["cost"] = "41"
				s.ProviderTags[arn] = tags
			}
		})
		p := mustPlan(t, spec)
		equal(t, "settings", []reconcile.SettingChange{{Name: "permissionsBoundary", Action: reconcile.Change, After: boundaryARN},
			{Name: "maxSessionDuration", Action: reconcile.Change, Before: "3600", After: "7200"}, {Name: "tags.team", Action: reconcile.Change, After: "spaces"}}, p.Roles[0].Settings)
		equal(t, "attached", []reconcile.AttachmentChange{{ARN: awsARN, Action: reconcile.Create}}, p.Roles[0].Attached[1:])
		equal(t, "provider", []string{"tags"}, p.Providers[0].Elements)
		mustApply(t, spec)
		equalState(t, want, server.State())
	})
}

// A config that leaves a setting out does not remove it.
func TestApplyRemovesNoLimit(t *testing.T) {
	inBubble(t, "irsa", func(t *testing.T) {
		server := companyAccount(t)
		mustApply(t, companySpec(identity.IRSA, testNamespaces(1)...))
		want := server.State()
		p := mustApply(t, testSpec(identity.IRSA, testNamespaces(1)...))
		equal(t, "changes", 0, p.Changes())
		equal(t, "kept", []reconcile.AttachmentChange{{ARN: extraARN, Action: reconcile.Keep}, {ARN: awsARN, Action: reconcile.Keep}}, p.Roles[0].Attached)
		equalState(t, want, server.State())
	})
}

func TestForeignRolesKeepTheirLimits(t *testing.T) {
	inBubble(t, "irsa", func(t *testing.T) {
		server := companyAccount(t)
		spec := companySpec(identity.IRSA, testNamespaces(1)...)
		mustApply(t, spec)
		changeRoleOf(server, func(r *awstest.Role) { r.Boundary, r.MaxSession, r.Tags = "", 3600, nil })
		p := mustApply(t, spec)
		role := server.State().Roles[roleName]
		equal(t, "boundary", "", role.Boundary)
		equal(t, "session", 3600, role.MaxSession)
		equal(t, "differs", true, p.Differs())
		equal(t, "settings", []reconcile.SettingChange{{Name: "permissionsBoundary", Action: reconcile.Foreign, After: boundaryARN},
			{Name: "maxSessionDuration", Action: reconcile.Foreign, Before: "3600", After: "7200"}}, p.Roles[0].Settings)
		if !slices.ContainsFunc(p.Warnings, func(w reconcile.Warning) bool { return strings.Contains(w.Text, "its permissionsBoundary is not set") }) {
			t.Errorf("warnings: %v", p.Warnings)
		}
		mustApply(t, spec, adopting)
		role = server.State().Roles[roleName]
		equal(t, "boundary of the adopted role", boundaryARN, role.Boundary)
		equal(t, "session of the adopted role", 7200, role.MaxSession)
		equal(t, "differs", false, mustPlan(t, spec).Differs())
	})
}

func TestPruneDetachesOnlyWhatApplyAttached(t *testing.T) {
	inBubble(t, "irsa", func(t *testing.T) {
		server := companyAccount(t)
		spec := companySpec(identity.IRSA, testNamespaces(1)...)
		mustApply(t, changedSpec(spec, func(c *identity.Component) { c.ManagedPolicies = parsedPolicies(extraARN) }))
		changeRoleOf(server, func(r *awstest.Role) { r.Attached = append(r.Attached, awsARN) }) // by hand
		equal(t, "changes", 0, mustApply(t, spec).Changes())
		none := changedSpec(spec, func(c *identity.Component) { c.ManagedPolicies = nil })
		mustApply(t, none, pruning)
		role := server.State().Roles[roleName]
		equal(t, "attached", []string{awsARN}, role.Attached)
		for key := range role.Tags {
			if desired.IsAttachedTag(key) {
				t.Errorf("the tag %s is left", key)
			}
		}
		equal(t, "changes", 0, mustPlan(t, none, pruning).Changes())
	})
}

func TestPruneKeepsAPolicyOfAnotherComponent(t *testing.T) {
	inBubble(t, "irsa", func(t *testing.T) {
		server := companyAccount(t)
		spec := changedSpec(companySpec(identity.IRSA, testNamespaces(1)...), func(c *identity.Component) { c.ManagedPolicies = parsedPolicies(extraARN) })
		other := changedSpec(spec, func(c *identity.Component) { c.Name, c.ServiceAccount = "vector", "vector" })
		mustApply(t, spec)
		changeRoleOf(server, func(r *awstest.Role) {
			r.Tags[desired.AttachedTag("vector")] = r.Tags[desired.AttachedTag("mxp-controller")]
		})
		mustApply(t, changedSpec(spec, func(c *identity.Component) { c.ManagedPolicies = nil }), pruning)
		equal(t, "attached", []string{extraARN}, server.State().Roles[roleName].Attached)
		equal(t, "the other config still has it", 0, len(mustPlan(t, other).Roles[0].Settings))
	})
}

// Bad input changes nothing.
func TestPlanRefusesPoliciesThatDoNotExist(t *testing.T) {
	inBubble(t, "irsa", func(t *testing.T) {
		server := companyAccount(t)
		for _, arn := range []string{boundaryARN, extraARN} {
			server.Change(func(s *awstest.State) { delete(s.Managed, arn) })
			if _, err := apply(t.Context(), companySpec(identity.IRSA, testNamespaces(1)...)); err == nil || !strings.Contains(err.Error(), arn+" does not exist") {
				t.Errorf("error is %v", err)
			}
			server.Change(func(s *awstest.State) { s.Managed[arn] = `{"Version":"2012-10-17","Statement":[]}` })
		}
		equal(t, "roles", 0, len(server.State().Roles))
	})
}

func TestApplyOfLimitsRecoversFromAFailureOfEachCall(t *testing.T) {
	all := testNamespaces(2)
	limited := changedSpec(companySpec(identity.Both, all...), func(c *identity.Component) { c.ManagedPolicies = parsedPolicies(awsARN) })
	for name, fate := range map[string]awstest.Fate{"failing before": awstest.FailBefore, "failing after": awstest.FailAfter} {
		inBubble(t, name, func(t *testing.T) {
			j := scenario{"limits", all, func(t *testing.T, server *awstest.Server) {
				server.Change(func(s *awstest.State) {
					for _, arn := range []string{boundaryARN, extraARN, awsARN} {
						s.Managed[arn] = `{"Version":"2012-10-17","Statement":[]}`
					}
				})
				mustApply(t, changedSpec(testSpec(identity.Both, all[0]), func(c *identity.Component) { c.ManagedPolicies = parsedPolicies(extraARN) }))
			}, limited, []func(*reconcile.Reconciler){pruning}}
			want, end, calls := j.undisturbed(t)
			for n := 1; n <= calls; n++ {
				j.disturbed(t, want, end, func(server *awstest.Server) error {
					server.Disturb(func(h *awstest.Hooks) {
						h.Fate = func(c awstest.Call) awstest.Fate {
							if c.Number == n {
								return fate
							}
							return awstest.Pass
						}
					})
					_, err := apply(t.Context(), j.to, j.how...)
					return err
				})
			}
		})
	}
}

// The policy of `policy self` for a config with limits allows exactly what it needs. Another
// boundary and another policy are denied.
func TestPolicySelfOfLimitedRoles(t *testing.T) {
	for _, mode := range []identity.Mode{identity.IRSA, identity.PodIdentity} {
		inBubble(t, string(mode), func(t *testing.T) {
			server := companyAccount(t)
			spec := companySpec(mode, testNamespaces(3)...)
			server.Disturb(func(h *awstest.Hooks) {
				h.Policies = map[string][]string{"AKIDTEST": {string(selfPolicy(t, spec, false).JSON())}}
			})
			mustApply(t, spec)
			changeRoleOf(server, func(r *awstest.Role) { r.Boundary, r.MaxSession = "", 3600 })
			mustApply(t, changedSpec(spec, func(c *identity.Component) { c.ManagedPolicies = nil }), pruning)
			wider := changedSpec(spec, func(c *identity.Component) { c.PermissionsBoundary = parsedPolicies(extraARN)[0] })
			if _, err := apply(t.Context(), wider); err == nil || !strings.Contains(err.Error(), "iam:PutRolePermissionsBoundary") {
				t.Errorf("another boundary: %v", err)
			}
			server.Change(func(s *awstest.State) { delete(s.Roles, roleName) })
			without := changedSpec(spec, func(c *identity.Component) { c.PermissionsBoundary = identity.PolicyARN{} })
			if _, err := apply(t.Context(), without); err == nil || !strings.Contains(err.Error(), "iam:CreateRole") {
				t.Errorf("a role without the boundary: %v", err)
			}
		})
	}
}
