package reconcile_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"

	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/reconcile"
	"spaces-identity.dev/internal/test/awstest"
)

// scenario is a run that a test disturbs. It starts with an account and applies a config.
type scenario struct {
	name  string
	among []string // namespaces that may gain or lose access
	start func(t *testing.T, server *awstest.Server)
	to    identity.Spec
	how   []func(*reconcile.Reconciler)
}

// allScenarios returns three scenarios. The first run creates everything. The second one
// changes subjects and the bucket of a role that has a foreign statement. The third one
// adopts the policy of an earlier version.
func allScenarios() []scenario {
	all := testNamespaces(6)
	changed := testSpec(identity.Both, all[2:]...)
	changed.Components[0].Bucket = "other-backups"
	return []scenario{
		{"from nothing", all[:2], func(*testing.T, *awstest.Server) {}, testSpec(identity.Both, all[:2]...), nil},
		{"everything changes", all, func(t *testing.T, server *awstest.Server) {
			putRole(t, server, iam.Document{Version: iam.PolicyVersion, Statement: []iam.Statement{foreignStatement}})
			mustApply(t, testSpec(identity.Both, all[:4]...))
		}, changed, []func(*reconcile.Reconciler){pruning}},
		{"a policy is adopted", all[:3], func(t *testing.T, server *awstest.Server) {
			mustApply(t, testSpec(identity.Both, all[:2]...))
			giveInline(server, map[string]string{"spaces-identity-mxp-controller": permissionsDocument(t, "old-backups")})
		}, testSpec(identity.Both, all[:3]...), []func(*reconcile.Reconciler){adopting}},
	}
}

// undisturbed runs the scenario without a disturbance. It returns the state at the end, what
// everyone is granted then, and the number of calls.
func (j scenario) undisturbed(t *testing.T) (awstest.State, map[string]string, int) {
	t.Helper()
	server := testAccount(t)
	j.start(t, server)
	server.Forget()
	mustApply(t, j.to, j.how...)
	state := server.State()
	return state, grantsOf(&state, j.to, j.among), len(server.Calls())
}

// disturbed runs the scenario once with a disturbance, and again without one. The state at
// the end must be the same. Nobody may have more access in between.
func (j scenario) disturbed(t *testing.T, want awstest.State, end map[string]string, first func(*awstest.Server) error) {
	t.Helper()
	server := testAccount(t)
	j.start(t, server)
	server.Forget()
	watchGrants(t, server, j.to, j.among, end)
	failure := first(server)
	server.Disturb(func(h *awstest.Hooks) { h.Fate, h.AfterCall, h.BeforeWrite = nil, nil, nil })
	if _, err := apply(t.Context(), j.to, j.how...); err != nil {
		t.Fatalf("after %v: %v", failure, err)
	}
	equalState(t, want, server.State())
}

func TestApplyRecoversFromAFailureOfEachCall(t *testing.T) {
	fates := map[string]awstest.Fate{"failing before": awstest.FailBefore, "failing after": awstest.FailAfter,
		"dropped before": awstest.DropBefore, "dropped after": awstest.DropAfter}
	for _, j := range allScenarios() {
		for name, fate := range fates {
			inBubble(t, j.name+", "+name, func(t *testing.T) {
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
						fails := fate == awstest.FailBefore || fate == awstest.FailAfter
						if fails != (err != nil) {
							t.Errorf("call %d, %s: error is %v", n, server.Calls()[n-1].Operation, err)
						}
						return err
					})
				}
			})
		}
	}
}

func TestApplyRecoversFromAKillAfterEachCall(t *testing.T) {
	for _, j := range allScenarios() {
		inBubble(t, j.name, func(t *testing.T) {
			want, end, calls := j.undisturbed(t)
			for n := 1; n < calls; n++ {
				j.disturbed(t, want, end, func(server *awstest.Server) error {
					ctx, kill := context.WithCancel(t.Context())
					defer kill()
					server.Disturb(func(h *awstest.Hooks) {
						h.AfterCall = func(c awstest.Call) {
							if c.Number == n {
								kill()
							}
						}
					})
					_, err := apply(ctx, j.to, j.how...)
					return err
				})
			}
		})
	}
}

func TestApplySucceedsIfAThirdOfTheCallsIsThrottled(t *testing.T) {
	for _, j := range allScenarios() {
		inBubble(t, j.name, func(t *testing.T) {
			want, end, _ := j.undisturbed(t)
			for seed := range uint64(20) {
				j.disturbed(t, want, end, func(server *awstest.Server) error {
					dice := rand.New(rand.NewPCG(seed, 1))
					server.Disturb(func(h *awstest.Hooks) {
						h.Fate = func(awstest.Call) awstest.Fate {
							if dice.IntN(3) == 0 {
								return awstest.Throttle
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

// After a write, up to three reads return the state from before.
func TestApplySucceedsIfReadsLagBehindWrites(t *testing.T) {
	for _, j := range allScenarios() {
		inBubble(t, j.name, func(t *testing.T) {
			want, end, _ := j.undisturbed(t)
			for lag := 1; lag <= 3; lag++ {
				j.disturbed(t, want, end, func(server *awstest.Server) error {
					server.Disturb(func(h *awstest.Hooks) { h.Lag = lag })
					_, err := apply(t.Context(), j.to, j.how...)
					server.Disturb(func(h *awstest.Hooks) { h.Lag = 0 })
					if err != nil {
						t.Errorf("lag %d: %v", lag, err)
					}
					return err
				})
			}
		})
	}
}

// The calls of both runs are interleaved at random.
func TestTwoRunsOfOneConfigAtOnceSucceed(t *testing.T) {
	for _, j := range allScenarios() {
		inBubble(t, j.name, func(t *testing.T) {
			want, end, _ := j.undisturbed(t)
			for range 20 {
				j.disturbed(t, want, end, func(*awstest.Server) error {
					var both sync.WaitGroup
					for range 2 {
						both.Go(func() {
							if _, err := apply(t.Context(), j.to, j.how...); err != nil {
								t.Errorf("one of two: %v", err)
							}
						})
					}
					both.Wait()
					return nil
				})
			}
		})
	}
}

// Two runs with different configs change one role. The subjects of both are kept, whenever
// the second run happens. Both read the policy again two seconds after writing it.
func TestTwoRunsOfDifferentConfigsKeepAllSubjects(t *testing.T) {
	all := testNamespaces(3)
	moments := map[string]func(server *awstest.Server, other func()){
		"between read and write": func(server *awstest.Server, other func()) {
			server.Disturb(func(h *awstest.Hooks) {
				h.BeforeWrite = func(awstest.Call) {
					server.Disturb(func(h *awstest.Hooks) { h.BeforeWrite = nil })
					other()
				}
			})
		},
		"between write and read": func(server *awstest.Server, other func()) {
			server.Disturb(func(h *awstest.Hooks) {
				h.AfterCall = func(c awstest.Call) {
					if c.Write {
						server.Disturb(func(h *awstest.Hooks) { h.AfterCall = nil })
						other()
					}
				}
			})
		},
	}
	for name, moment := range moments {
		inBubble(t, name, func(t *testing.T) {
			server := testAccount(t)
			mustApply(t, testSpec(identity.IRSA, all[0]))
			var second sync.WaitGroup
			moment(server, func() {
				second.Go(func() {
					if _, err := apply(t.Context(), testSpec(identity.IRSA, all[0], all[2])); err != nil {
						t.Errorf("the second run: %v", err)
					}
				})
				synctest.Wait() // until the second run has written and waits
			})
			mustApply(t, testSpec(identity.IRSA, all[:2]...))
			second.Wait()
			equal(t, "statement", irsaStatement(t, all...), liveTrustPolicy(t, server.State()).Statement[0])
		})
	}
}

// The other run reads before this one writes, and writes after it. Its write undoes the
// change of this run, which notices it when it reads the policy again.
func TestApplyWritesAgainIfAnotherRunOverwrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := testNamespaces(2)
		server := testAccount(t)
		putRole(t, server, iam.Document{Version: iam.PolicyVersion, Statement: []iam.Statement{foreignStatement}})
		before := server.State().Roles[roleName].Trust
		undone := false
		server.Disturb(func(h *awstest.Hooks) {
			h.AfterCall = func(c awstest.Call) {
				if c.Operation == "UpdateAssumeRolePolicy" && !undone {
					undone = true
					server.Change(func(s *awstest.State) {
						role := s.Roles[roleName]
						last := foreignStatement
						last.Sid = "Last"
						doc, err := iam.Parse([]byte(before))
						if err != nil {
							t.Error(err)
						}
						doc.Statement = append(doc.Statement, last)
						role.Trust = string(doc.JSON())
						s.Roles[roleName] = role
					})
				}
			}
		})
		mustApply(t, testSpec(identity.IRSA, all...))
		equal(t, "sids", []string{"Break", "Last", "SpacesIdentityIRSA"}, sidsOf(liveTrustPolicy(t, server.State())))
	})
}
