package reconcile_test

import (
	"slices"
	"testing"

	"spaces-identity.dev/internal/account"
	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/test/awstest"
)

// The policy of `policy self` allows everything that plan and apply do, and no action that
// they never use.
func TestPolicySelfAllowsExactlyTheActionsUsed(t *testing.T) {
	for _, mode := range []identity.Mode{identity.IRSA, identity.PodIdentity, identity.Both} {
		inBubble(t, string(mode), func(t *testing.T) {
			server := testAccount(t)
			all := testNamespaces(3)
			s := testSpec(mode, all...)
			server.Disturb(func(h *awstest.Hooks) {
				h.Policies = map[string][]string{"AKIDTEST": {string(selfPolicy(t, s, false).JSON())}}
			})
			useEveryAction(t, server, s)
			var granted []string
			for _, statement := range selfPolicy(t, s, false).Statement {
				granted = append(granted, statement.Action...)
			}
			equal(t, "actions granted, and asked for", slices.Compact(slices.Sorted(slices.Values(granted))), server.Used())
		})
	}
}

// useEveryAction makes every kind of change that a config can cause.
func useEveryAction(t *testing.T, server *awstest.Server, s identity.Spec) {
	t.Helper()
	mustApply(t, s)
	less := s
	less.ControlPlanes.Namespaces = s.ControlPlanes.Namespaces[1:]
	own := map[string]string{desired.ManagedByTag: desired.ManagedByValue}
	server.Change(func(state *awstest.State) {
		for arn := range state.Providers {
			state.Providers[arn] = []string{"somebody-else"}
		}
		if !s.Components[0].Mode.UsesPodIdentity() {
			state.Associations = []awstest.Association{{ID: "a-left", Cluster: clusterName, Namespace: s.ControlPlanes.Namespaces[0],
				ServiceAccount: "mxp-controller", RoleARN: s.Components[0].Role.String(), Tags: own}}
		}
	})
	less.Components = slices.Clone(s.Components)
	if s.Components[0].Mode.UsesPodIdentity() {
		less.Components[0].PodIdentity.TargetRole = identity.RoleARN{Partition: "aws", Account: "210987654321", Name: "target"}
		less.Components[0].PodIdentity.Tags = map[string]string{"team": "spaces"}
	}
	mustApply(t, less, pruning)
	less.Components[0].Bucket = ""
	mustApply(t, less, pruning)
	readPolicies(t, server, s.Components[0].Role)
}

// readPolicies reads all policies of the role, as verify does.
func readPolicies(t *testing.T, server *awstest.Server, role identity.RoleARN) {
	t.Helper()
	const attached = "arn:aws:iam::aws:policy/ReadOnlyAccess"
	const document = `{"Version":"2012-10-17","Statement":[]}`
	server.Change(func(state *awstest.State) {
		state.Managed[attached] = document
		r := state.Roles[role.Name]
		r.Attached = []string{attached}
		state.Roles[role.Name] = r
	})
	connected, err := account.Connect(t.Context(), account.Options{HTTPClient: httpClient})
	if err != nil {
		t.Fatal(err)
	}
	policies, _, err := connected.Policies(t.Context(), role)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "an attached policy is read", true, slices.Contains(policies, document))
}

func TestReadOnlyPolicySelfAllowsPlanButNotApply(t *testing.T) {
	for _, mode := range []identity.Mode{identity.IRSA, identity.PodIdentity, identity.Both} {
		inBubble(t, string(mode), func(t *testing.T) {
			server := testAccount(t)
			s := testSpec(mode, testNamespaces(2)...)
			limits := map[string][]string{"AKIDTEST": {string(selfPolicy(t, s, true).JSON())}}
			server.Disturb(func(h *awstest.Hooks) { h.Policies = limits })
			mustPlan(t, s)
			server.Disturb(func(h *awstest.Hooks) { h.Policies = nil })
			mustApply(t, s)
			server.Disturb(func(h *awstest.Hooks) { h.Policies = limits })
			p := mustPlan(t, s)
			equal(t, "differs", false, p.Differs())
			if _, err := apply(t.Context(), testSpec(mode, testNamespaces(3)...)); err == nil {
				t.Error("with it, a config can be applied")
			}
		})
	}
}

func selfPolicy(t *testing.T, s identity.Spec, readOnly bool) iam.Document {
	t.Helper()
	doc, err := desired.Of(s).Self(readOnly)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}
