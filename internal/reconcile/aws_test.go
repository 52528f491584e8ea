package reconcile_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"spaces-identity.dev/internal/account"
	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/reconcile"
	"spaces-identity.dev/internal/test/awstest"
)

// The tests of this file are about what AWS does with calls that other services would
// answer in another way.

// EKS keeps what an update leaves out. So a target role or session policy that the config
// no longer has must be removed.
func TestUpdateRemovesTargetRoleAndPolicy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := testAccount(t)
		s := testSpec(identity.PodIdentity, testNamespaces(1)...)
		s.Components = slices.Clone(s.Components)
		target := identity.RoleARN{Partition: "aws", Account: "210987654321", Name: "target"}
		mustApply(t, s)
		server.Change(func(state *awstest.State) {
			a := &state.Associations[0]
			a.TargetRoleARN, a.Policy, a.DisableSessionTags = target.String(), `{"Version":"2012-10-17","Statement":[]}`, true
		})
		mustApply(t, s)
		a := server.State().Associations[0]
		equal(t, "association", []any{"", "", false}, []any{a.TargetRoleARN, a.Policy, a.DisableSessionTags})
		equal(t, "differs afterwards", false, mustPlan(t, s).Differs())

		s.Components[0].PodIdentity.TargetRole = target
		mustApply(t, s)
		equal(t, "target role", target.String(), server.State().Associations[0].TargetRoleARN)
		equal(t, "differs afterwards", false, mustPlan(t, s).Differs())
	})
}

// If EKS kept a target role that an update should remove, a run must not claim success.
func TestUpdateFailsIfTheTargetRoleStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := testAccount(t)
		s := testSpec(identity.PodIdentity, testNamespaces(1)...)
		mustApply(t, s)
		server.Change(func(state *awstest.State) {
			state.Associations[0].TargetRoleARN = "arn:aws:iam::210987654321:role/target"
			state.KeepsTargetRoles = true
		})
		_, err := apply(t.Context(), s)
		if err == nil || !strings.Contains(err.Error(), "EKS kept the target role or the session policy that this call removes") {
			t.Errorf("error is %v", err)
		}
	})
}

// EKS sees a new role, or a new trust policy, only after a while.
func TestAssociationsAreRetriedUntilEKSSeesTheRole(t *testing.T) {
	for name, start := range map[string]func(*testing.T, *awstest.Server){
		"a new role": func(*testing.T, *awstest.Server) {},
		"a new trust policy": func(t *testing.T, server *awstest.Server) {
			putRole(t, server, iam.Document{Version: iam.PolicyVersion, Statement: []iam.Statement{foreignStatement}})
		},
		"an association of another role": func(_ *testing.T, server *awstest.Server) {
			server.Change(func(state *awstest.State) {
				state.Associations = []awstest.Association{{ID: "a-1", Cluster: clusterName, Namespace: testNamespaces(1)[0], ServiceAccount: "mxp-controller",
					RoleARN: "arn:aws:iam::123456789012:role/former", Tags: map[string]string{desired.ManagedByTag: desired.ManagedByValue}}}
			})
		},
	} {
		inBubble(t, name, func(t *testing.T) {
			server := testAccount(t)
			start(t, server)
			unseen := 3
			server.Disturb(func(h *awstest.Hooks) {
				h.BeforeWrite = func(c awstest.Call) {
					if strings.HasSuffix(c.Operation, "PodIdentityAssociation") && unseen > 0 {
						unseen--
						server.Change(func(state *awstest.State) { state.Hide(roleName, 1) })
					}
				}
			})
			s := testSpec(identity.PodIdentity, testNamespaces(1)...)
			mustApply(t, s)
			equal(t, "attempts that fail", 0, unseen)
			equal(t, "role", s.Components[0].Role.String(), server.State().Associations[0].RoleARN)
		})
	}
}

func TestOtherInvalidParametersFailAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := testAccount(t)
		s := testSpec(identity.PodIdentity, testNamespaces(1)...)
		s.Components = slices.Clone(s.Components)
		s.Components[0].PodIdentity.Tags = map[string]string{"aws:team": "a"} // the config would reject it
		start := time.Now()
		_, err := apply(t.Context(), s)
		if err == nil || !strings.Contains(err.Error(), "InvalidParameterException: tags with the prefix aws:") {
			t.Errorf("error is %v", err)
		}
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("it took %s", took)
		}
		equal(t, "attempts", 1, countOperations(server)["CreatePodIdentityAssociation"])
	})
}

// IAM shows a deleted principal by its unique ID, and rejects every policy that has one.
func TestPlanNamesTheStatementOfADeletedPrincipal(t *testing.T) {
	for name, deleted := range map[string]struct{ arn, id string }{
		"role":                    {"arn:aws:iam::123456789012:role/breakglass", "AROAKSCDLFT9R5DQP782U"},
		"user":                    {"arn:aws:iam::123456789012:user/someone", "AIDAJQABLZS4A3QDU576Q"},
		"role of another account": {"arn:aws:iam::210987654321:role/path/other", "AROAJQABLZS4A3QDU576Q"},
	} {
		inBubble(t, name, func(t *testing.T) {
			server := testAccount(t)
			theirs := foreignStatement
			theirs.Sid = "Guests"
			theirs.Principal = iam.Principal{AWS: iam.Values{deleted.arn, "arn:aws:iam::123456789012:root"}}
			putRole(t, server, iam.Document{Version: iam.PolicyVersion, Statement: []iam.Statement{foreignStatement, theirs}})
			mustApply(t, testSpec(identity.IRSA, testNamespaces(1)...))
			server.Change(func(state *awstest.State) { state.Deleted[deleted.arn] = deleted.id })
			server.Forget()
			p := mustApply(t, testSpec(identity.IRSA, testNamespaces(1)...))
			equal(t, "warns", true, slices.ContainsFunc(p.Warnings, func(w reconcile.Warning) bool {
				return strings.Contains(w.Text, "statement 2 (Allow, Sid Guests) of the trust policy names "+deleted.id)
			}))
			_, err := apply(t.Context(), testSpec(identity.IRSA, testNamespaces(2)...))
			if err == nil || !strings.Contains(err.Error(), "statement 2 (Allow, Sid Guests) of the trust policy names "+deleted.id) {
				t.Errorf("error is %v", err)
			}
			for _, c := range server.Calls() {
				if c.Write {
					t.Errorf("%s was called", c.Operation)
				}
			}
		})
	}
}

// The principal is deleted between the plan and the change.
func TestApplySaysThatIAMRejectsAPrincipal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := testAccount(t)
		theirs := foreignStatement
		theirs.Principal = iam.Principal{AWS: iam.Values{"arn:aws:iam::123456789012:role/breakglass"}}
		putRole(t, server, iam.Document{Version: iam.PolicyVersion, Statement: []iam.Statement{theirs}})
		server.Disturb(func(h *awstest.Hooks) {
			h.BeforeWrite = func(awstest.Call) {
				server.Change(func(state *awstest.State) {
					state.Deleted["arn:aws:iam::123456789012:role/breakglass"] = "AROAJQABLZS4A3QDU576Q"
				})
			}
		})
		start := time.Now()
		_, err := apply(t.Context(), testSpec(identity.IRSA, testNamespaces(1)...))
		if err == nil || !strings.Contains(err.Error(), "Invalid principal in policy") || !strings.Contains(hintOf(err), "no longer exists") {
			t.Errorf("error is %v, hint %q", err, hintOf(err))
		}
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

func hintOf(err error) string {
	var hinter interface{ Hint() string }
	if errors.As(err, &hinter) {
		return hinter.Hint()
	}
	return ""
}

func TestPlanRejectsARoleThatBelongsToAWS(t *testing.T) {
	for _, path := range []string{"aws-service-role/eks.amazonaws.com/", "aws-reserved/sso.amazonaws.com/"} {
		inBubble(t, path, func(t *testing.T) {
			server := testAccount(t)
			s := testSpec(identity.IRSA, testNamespaces(1)...)
			s.Components = slices.Clone(s.Components)
			s.Components[0].Role.Name = path + roleName
			_, err := apply(t.Context(), s)
			if err == nil || !strings.Contains(err.Error(), "belongs to AWS") {
				t.Errorf("error is %v", err)
			}
			equal(t, "calls", map[string]int{"GetCallerIdentity": 1}, countOperations(server))
		})
	}
}

// IAM takes the name of a role without its path, and EKS the whole ARN.
func TestRolesWithAPath(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := testAccount(t)
		s := testSpec(identity.Both, testNamespaces(2)...)
		s.Components = slices.Clone(s.Components)
		s.Components[0].Role.Name = "upbound/spaces/" + roleName
		mustApply(t, s)
		equal(t, "path", "/upbound/spaces/", server.State().Roles[roleName].Path)
		equal(t, "role", s.Components[0].Role.String(), server.State().Associations[0].RoleARN)
		equal(t, "differs afterwards", false, mustPlan(t, s).Differs())
	})
}

// Every list has pages of two entries, and an empty page before each.
func TestListsWithEmptyPagesAreReadToTheEnd(t *testing.T) {
	for _, mode := range []identity.Mode{identity.IRSA, identity.PodIdentity, identity.Both} {
		inBubble(t, string(mode), func(t *testing.T) {
			server := testAccount(t)
			s := testSpec(mode, testNamespaces(5)...)
			mustApply(t, s)
			server.Change(func(state *awstest.State) {
				state.SmallPages = true
				for i := range 5 {
					state.Roles[roleName].Inline[fmt.Sprint("A", i)] = permissionsDocument(t, "other")
				}
			})
			equal(t, "differs", false, mustPlan(t, s).Differs())
			clusters, err := connectAccount(t).Region(awstest.Region).Clusters(t.Context())
			if err != nil || !slices.Equal(clusters, []string{clusterName}) {
				t.Errorf("clusters %q, error %v", clusters, err)
			}
			policies, _, err := connectAccount(t).Policies(t.Context(), s.Components[0].Role)
			if err != nil || len(policies) != 6 {
				t.Errorf("%d policies, error %v", len(policies), err)
			}
		})
	}
}

// A role with as many tags as IAM allows has no room for the checksums.
func TestARoleFullOfTagsNeedsNoRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := testAccount(t)
		s := testSpec(identity.PodIdentity, testNamespaces(3)...)
		mustApply(t, s)
		server.Change(func(state *awstest.State) {
			role := state.Roles[roleName]
			role.Tags = maps.Clone(role.Tags)
			maps.DeleteFunc(role.Tags, func(key, _ string) bool { return key == "spaces-identity.dev/associations" })
			for i := 0; len(role.Tags) < 50; i++ {
				role.Tags[fmt.Sprint("team-", i)] = "x"
			}
			state.Roles[roleName] = role
			state.Associations = state.Associations[1:]
		})
		p := mustApply(t, s)
		equal(t, "warns", true, slices.ContainsFunc(p.Warnings, func(w reconcile.Warning) bool { return strings.Contains(w.Text, "has 50 tags") }))
		equal(t, "associations", 3, len(server.State().Associations))
		equal(t, "differs afterwards", false, mustApply(t, s).Differs())
	})
}

// Two clusters of one name are in two regions.
func TestClustersOfOneNameInTwoRegions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := testAccount(t)
		const other = "eu-central-1/" + clusterName
		server.Change(func(state *awstest.State) {
			state.Clusters[other] = awstest.Cluster{Issuer: "https://oidc.eks.eu-central-1.amazonaws.com/id/OTHER", Version: "1.36"}
		})
		s := testSpec(identity.Both, testNamespaces(2)...)
		second, err := identity.ParseOIDCProvider("oidc.eks.eu-central-1.amazonaws.com/id/OTHER")
		if err != nil {
			t.Fatal(err)
		}
		s.AdditionalClusters = []identity.Cluster{{Name: clusterName, Region: "eu-central-1", OIDC: second}}
		mustApply(t, s)
		state := server.State()
		count := map[string]int{}
		for _, a := range state.Associations {
			count[a.Cluster]++
		}
		equal(t, "associations", map[string]int{clusterName: 2, other: 2}, count)
		equal(t, "agent", state.Clusters[clusterName].Addons, state.Clusters[other].Addons)
		equal(t, "providers", 2, len(state.Providers))
		equal(t, "differs afterwards", false, mustPlan(t, s).Differs())

		one := s
		one.ControlPlanes.Namespaces = s.ControlPlanes.Namespaces[:1]
		mustApply(t, one, pruning)
		equal(t, "associations after pruning", 2, len(server.State().Associations))
	})
}

// The hint depends on the kind of policy that denies.
func TestDenialSaysWhoCanAllow(t *testing.T) {
	for because, want := range map[string]string{
		"because no identity-based policy allows the iam:GetRole action":                                                               "give the role deployer the policy that `spaces-identity policy self` prints",
		"with an explicit deny in an identity-based policy":                                                                            "a statement with Effect Deny denies this: remove it from the policies of the role deployer",
		"with an explicit deny in a service control policy":                                                                            "a service control policy of the AWS organization denies this",
		"with an explicit deny in a service control policy: arn:aws:organizations::123456789012:policy/o-a/service_control_policy/p-b": "a service control policy of the AWS organization denies this",
		"because no service control policy allows the iam:GetRole action":                                                              "a service control policy of the AWS organization denies this",
		"with an explicit deny in a resource control policy":                                                                           "a resource control policy of the AWS organization denies this",
		"because no permissions boundary allows the iam:GetRole action":                                                                "the permissions boundary of the role deployer must allow this too",
		"with an explicit deny in a permissions boundary":                                                                              "the permissions boundary of the role deployer must allow this too",
		"because no session policy allows the iam:GetRole action":                                                                      "the session has a policy of its own",
		"with an explicit deny in a session policy":                                                                                    "the session has a policy of its own",
		"because no VPC endpoint policy allows the iam:GetRole action":                                                                 "the policy of the VPC endpoint must allow this",
		"": "give the role deployer the policy",
	} {
		inBubble(t, because, func(t *testing.T) {
			server := testAccount(t)
			server.Disturb(func(h *awstest.Hooks) {
				h.Denied = func(action string) string {
					return map[bool]string{true: because + " ", false: ""}[action == "iam:GetRole"]
				}
			})
			_, err := apply(t.Context(), testSpec(identity.IRSA, testNamespaces(1)...))
			if _, ok := errors.AsType[*account.RefusedError](err); !ok || !strings.HasPrefix(hintOf(err), want) {
				t.Errorf("error is %v\nhint %q, want %q", err, hintOf(err), want)
			}
		})
	}
}

// The hint after an exceeded quota says whether AWS raises it.
func TestExceededQuotasHaveAHint(t *testing.T) {
	for name, tt := range map[string]struct {
		fill        func(*awstest.State)
		how         func(*reconcile.Reconciler)
		error, hint string
	}{
		"OIDC providers": {func(s *awstest.State) {
			for i := range 100 {
				s.Providers[fmt.Sprintf("arn:aws:iam::123456789012:oidc-provider/example.com/%d", i)] = nil
			}
		}, pruning, "Cannot exceed quota for OpenIdConnectProvidersPerAccount: 100", "request a higher quota in Service Quotas"},
		"inline policies": {func(s *awstest.State) {
			s.Roles[roleName].Inline["other"] = strings.ReplaceAll(permissionsDocument(t, "other"), "other", strings.Repeat("x", 5000))
		}, pruning, "Maximum policy size of 10240 bytes exceeded", "turn other inline policies of the role into managed policies"},
		"tags": {func(s *awstest.State) {
			for i := range 50 {
				s.Roles[roleName].Tags[fmt.Sprint(i)] = ""
			}
		}, adopting, "Cannot exceed quota for TagsPerRole: 50", "remove tags of the role"},
	} {
		inBubble(t, name, func(t *testing.T) {
			server := testAccount(t)
			putRole(t, server, iam.Document{Version: iam.PolicyVersion, Statement: []iam.Statement{foreignStatement}})
			server.Change(func(s *awstest.State) {
				role := s.Roles[roleName]
				role.Inline, role.Tags = map[string]string{}, map[string]string{}
				s.Roles[roleName] = role
				tt.fill(s)
			})
			_, err := apply(t.Context(), testSpec(identity.IRSA, testNamespaces(1)...), tt.how)
			if err == nil || !strings.Contains(err.Error(), "LimitExceeded: "+tt.error) || !strings.Contains(hintOf(err), tt.hint) {
				t.Errorf("error is %v\nhint %q", err, hintOf(err))
			}
		})
	}
}

// An add-on is created over time. Meanwhile a run is up to date.
func TestAgentThatIsBeingCreatedIsUpToDate(t *testing.T) {
	for status, warns := range map[string]bool{"CREATING": false, "UPDATING": false, "ACTIVE": false, "CREATE_FAILED": true, "DEGRADED": true, "DELETING": true, "UPDATE_FAILED": true} {
		inBubble(t, status, func(t *testing.T) {
			server := testAccount(t)
			s := testSpec(identity.PodIdentity, testNamespaces(1)...)
			mustApply(t, s)
			server.Change(func(state *awstest.State) {
				cluster := state.Clusters[clusterName]
				cluster.Addons = map[string]string{account.AgentAddon: status}
				state.Clusters[clusterName] = cluster
			})
			p := mustApply(t, s)
			equal(t, "differs", false, p.Differs())
			equal(t, "warns", warns, slices.ContainsFunc(p.Warnings, func(w reconcile.Warning) bool { return strings.Contains(w.Text, account.AgentAddon) }))
		})
	}
}

// A third of the calls fails, each in one of the ways that pass by themselves.
func TestApplySucceedsIfAThirdOfTheCallsFails(t *testing.T) {
	passing := []awstest.Fate{awstest.Throttle, awstest.Unavailable, awstest.Conflict, awstest.DropBefore, awstest.DropAfter}
	for _, j := range allScenarios() {
		inBubble(t, j.name, func(t *testing.T) {
			want, end, _ := j.undisturbed(t)
			for seed := range uint64(20) {
				j.disturbed(t, want, end, func(server *awstest.Server) error {
					dice := rand.New(rand.NewPCG(seed, 2))
					server.Disturb(func(h *awstest.Hooks) {
						h.Fate = func(awstest.Call) awstest.Fate {
							if dice.IntN(3) == 0 {
								return passing[dice.IntN(len(passing))]
							}
							return awstest.Pass
						}
					})
					_, err := apply(t.Context(), j.to, j.how...)
					if err != nil {
						t.Errorf("seed %d: %v", seed, err)
					}
					return err
				})
			}
		})
	}
}
