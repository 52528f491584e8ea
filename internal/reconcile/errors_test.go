package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/reconcile"
	"spaces-identity.dev/internal/test/awstest"
)

// failing returns hooks after which the calls of an operation get a fate.
func failing(operation string, fate awstest.Fate) func(*awstest.Hooks) {
	return func(h *awstest.Hooks) {
		h.Fate = func(c awstest.Call) awstest.Fate {
			if c.Operation == operation {
				return fate
			}
			return awstest.Pass
		}
	}
}

// TestPlanFailsIfAReadFails breaks each read of a plan in turn. A plan from half of the
// account would remove or admit the wrong subjects.
func TestPlanFailsIfAReadFails(t *testing.T) {
	all := testNamespaces(2)
	spec := testSpec(identity.Both, all...)
	for _, operation := range []string{"GetAccountSummary", "DescribeCluster", "DescribeAddon", "GetOpenIDConnectProvider", "GetRole", "ListRolePolicies",
		"GetRolePolicy", "ListPodIdentityAssociations", "DescribePodIdentityAssociation"} {
		inBubble(t, operation, func(t *testing.T) {
			server := testAccount(t)
			mustApply(t, spec)
			before := server.State()
			server.Disturb(failing(operation, awstest.FailBefore))
			p, err := apply(t.Context(), testSpec(identity.Both, all[1]), pruning)
			if err == nil || !strings.Contains(err.Error(), operation) || p != nil {
				t.Errorf("plan %+v, error %v", p, err)
			}
			equalState(t, before, server.State())
		})
	}
}

// TestApplyFailsIfAWriteFails breaks each write in turn. The error names it, and the counts
// of what is done.
func TestApplyFailsIfAWriteFails(t *testing.T) {
	all := testNamespaces(3)
	other := testSpec(identity.Both, all[1:]...)
	other.Components[0].Bucket = "other"
	target := testSpec(identity.Both, all[:2]...)
	target.Components[0].PodIdentity.TargetRole = identity.RoleARN{Partition: "aws", Account: "210987654321", Name: "target"}
	tagged := testSpec(identity.Both, all[:2]...)
	tagged.Components[0].PodIdentity.Tags = map[string]string{"team": "spaces"}
	less := testSpec(identity.Both, all[:2]...)
	less.Components[0].Bucket = ""
	nothing := func(*testing.T, *awstest.Server) {}
	applied := func(t *testing.T, _ *awstest.Server) { mustApply(t, testSpec(identity.Both, all[:2]...)) }
	theirs := func(t *testing.T, server *awstest.Server) {
		mustApply(t, testSpec(identity.Both, all[:2]...))
		server.Change(func(s *awstest.State) {
			role := s.Roles[roleName]
			role.Tags = nil
			s.Roles[roleName] = role
			for arn := range s.Providers {
				s.Providers[arn] = []string{"other"}
			}
		})
	}
	for _, tt := range []struct {
		operation string
		start     func(*testing.T, *awstest.Server)
		spec      identity.Spec
	}{
		{"CreateOpenIDConnectProvider", nothing, testSpec(identity.Both, all[:2]...)},
		{"CreateAddon", nothing, testSpec(identity.Both, all[:2]...)},
		{"CreateRole", nothing, testSpec(identity.Both, all[:2]...)},
		{"PutRolePolicy", nothing, testSpec(identity.Both, all[:2]...)},
		{"CreatePodIdentityAssociation", nothing, testSpec(identity.Both, all[:2]...)},
		{"TagRole", nothing, testSpec(identity.Both, all[:2]...)},
		{"UpdateAssumeRolePolicy", applied, other},
		{"DeletePodIdentityAssociation", applied, other},
		{"DeleteRolePolicy", applied, less},
		{"UpdatePodIdentityAssociation", applied, target},
		{"TagResource", applied, tagged},
		{"AddClientIDToOpenIDConnectProvider", theirs, testSpec(identity.Both, all[:2]...)},
		{"TagRole", theirs, testSpec(identity.Both, all[:2]...)},
	} {
		inBubble(t, tt.operation, func(t *testing.T) {
			server := testAccount(t)
			tt.start(t, server)
			server.Disturb(failing(tt.operation, awstest.FailBefore))
			_, err := apply(t.Context(), tt.spec, pruning, adopting)
			if err == nil || !strings.Contains(err.Error(), tt.operation) {
				t.Fatalf("error is %v", err)
			}
			if counted := strings.Contains(err.Error(), " associations are written)"); counted != (strings.Contains(tt.operation, "eatePodIdentity") || strings.Contains(tt.operation, "UpdatePod") || tt.operation == "TagResource") {
				t.Errorf("error is %v", err)
			}
		})
	}
}

// TestWritesOfATrustPolicyAreRepeated has an account that throttles only these writes.
func TestWritesOfATrustPolicyAreRepeated(t *testing.T) {
	all := testNamespaces(3)
	for _, tt := range []struct {
		throttled, attempts int
		took                time.Duration // the waits: 1, 2, 4, 8, 16, 20, 20 … seconds; then the check after 2
		fails               bool
	}{{0, 1, 2 * time.Second, false}, {3, 4, 9 * time.Second, false}, {7, 8, 73 * time.Second, false}, {11, 12, 153 * time.Second, false}, {99, 12, 151 * time.Second, true}} {
		inBubble(t, fmt.Sprint(tt.throttled), func(t *testing.T) {
			server := testAccount(t)
			mustApply(t, testSpec(identity.IRSA, all[0]))
			server.Forget()
			left := tt.throttled
			server.Disturb(func(h *awstest.Hooks) {
				h.Fate = func(c awstest.Call) awstest.Fate {
					if c.Operation == "UpdateAssumeRolePolicy" && left > 0 {
						left--
						return awstest.Throttle
					}
					return awstest.Pass
				}
			})
			start := time.Now()
			_, err := apply(t.Context(), testSpec(identity.IRSA, all...))
			if (err != nil) != tt.fails {
				t.Errorf("error is %v", err)
			}
			equal(t, "attempts", tt.attempts, countOperations(server)["UpdateAssumeRolePolicy"])
			equal(t, "it took", tt.took, time.Since(start))
		})
	}
}

// TestApplyGivesUpOnAPolicyThatOthersKeepChanging has somebody who puts the policy back
// after each write.
func TestApplyGivesUpOnAPolicyThatOthersKeepChanging(t *testing.T) {
	all := testNamespaces(2)
	for _, times := range []int{1, 5, 99} {
		inBubble(t, fmt.Sprint(times), func(t *testing.T) {
			server := testAccount(t)
			mustApply(t, testSpec(identity.IRSA, all[0]))
			before := server.State().Roles[roleName].Trust
			left := times
			server.Disturb(func(h *awstest.Hooks) {
				h.AfterWrite = func(c awstest.Call, state *awstest.State) {
					if c.Operation == "UpdateAssumeRolePolicy" && left > 0 {
						left--
						r := state.Roles[roleName]
						r.Trust = strings.Replace(before, `"Version"`, fmt.Sprintf(`"Id":"%d","Version"`, left), 1)
						r.Trust = strings.Replace(r.Trust, `"Statement":[`, fmt.Sprintf(`"Statement":[{"Sid":"Other%d","Effect":"Deny","Principal":"*","Action":"sts:GetFederationToken"},`, left), 1)
						state.Roles[roleName] = r
					}
				}
			})
			server.Forget()
			_, err := apply(t.Context(), testSpec(identity.IRSA, all...))
			writes := countOperations(server)["UpdateAssumeRolePolicy"]
			if times < 6 {
				equal(t, "error", nil, err)
				equal(t, "writes", times+1, writes)
				return
			}
			equal(t, "writes", 6, writes)
			hinted, ok := errors.AsType[interface {
				error
				Hint() string
			}](err)
			if !ok || !strings.Contains(err.Error(), "somebody else keeps changing the trust policy") || !strings.Contains(err.Error(), "written 6 times") || !strings.Contains(hinted.Hint(), "CloudTrail") {
				t.Errorf("error is %v", err)
			}
		})
	}
}

// TestApplyWritesAgainIfItsChangeIsNotSeen has an account whose reads lag behind the first
// write for longer than apply waits.
func TestApplyWritesAgainIfItsChangeIsNotSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := testAccount(t)
		all := testNamespaces(2)
		mustApply(t, testSpec(identity.IRSA, all[0]))
		server.Forget()
		server.Disturb(func(h *awstest.Hooks) {
			h.Lag = 5
			h.AfterCall = func(c awstest.Call) {
				if c.Operation == "UpdateAssumeRolePolicy" {
					server.Disturb(func(h *awstest.Hooks) { h.Lag = 0 })
				}
			}
		})
		start := time.Now()
		mustApply(t, testSpec(identity.IRSA, all...))
		equal(t, "writes", 2, countOperations(server)["UpdateAssumeRolePolicy"])
		equal(t, "it took", 32*time.Second, time.Since(start)) // 2, 4, 8 and 16; then 2
		equal(t, "statement", irsaStatement(t, all...), liveTrustPolicy(t, server.State()).Statement[0])
	})
}

// TestApplyLooksAgainBeforeItWrites changes the role between the plan and the apply.
func TestApplyLooksAgainBeforeItWrites(t *testing.T) {
	all := testNamespaces(3)
	long := foreignStatement
	long.Condition = iam.Condition{"StringEquals": {"aws:PrincipalTag/x": {strings.Repeat("x", 1500)}}}
	for name, tt := range map[string]struct {
		meanwhile func(*awstest.State)
		want      string // of the error
		took      time.Duration
	}{
		"a statement fills the quota": {func(s *awstest.State) {
			r := s.Roles[roleName]
			doc, err := iam.Parse([]byte(r.Trust))
			if err != nil {
				t.Fatal(err)
			}
			doc.Statement = append(doc.Statement, long)
			r.Trust = string(doc.JSON())
			s.Roles[roleName] = r
		}, "has changed since the plan and would now have ", 0},
		"the role is deleted":     {func(s *awstest.State) { delete(s.Roles, roleName) }, "role arn:aws:iam::123456789012:role/spaces-backup no longer exists", 31 * time.Second},
		"the policy is not JSON":  {func(s *awstest.State) { r := s.Roles[roleName]; r.Trust = "{"; s.Roles[roleName] = r }, "the trust policy of arn:aws:iam::123456789012:role/spaces-backup cannot be parsed, so it is not changed", 0},
		"the role is another one": {func(s *awstest.State) { r := s.Roles[roleName]; r.Path = "/x/"; s.Roles[roleName] = r }, "has the ARN arn:aws:iam::123456789012:role/x/spaces-backup in AWS", 0},
	} {
		inBubble(t, name, func(t *testing.T) {
			server := testAccount(t)
			mustApply(t, testSpec(identity.IRSA, all[0]))
			r, err := newReconciler(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			p, err := r.Plan(t.Context(), testSpec(identity.IRSA, all...))
			if err != nil {
				t.Fatal(err)
			}
			server.Change(tt.meanwhile)
			server.Forget()
			start := time.Now()
			if err = r.Apply(t.Context(), p); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error is %v", err)
			}
			equal(t, "writes", 0, countOperations(server)["UpdateAssumeRolePolicy"])
			equal(t, "it took", tt.took, time.Since(start))
		})
	}
}

// TestCallsStayBelowTheRate measures how long a run takes that only the rate limits, and
// counts the reports. Ten calls may be made at once.
func TestCallsStayBelowTheRate(t *testing.T) {
	const planes = 110
	for _, tt := range []struct {
		rate   float64
		second time.Duration // for a hundred calls
	}{{0, 5 * time.Second}, {1, 100 * time.Second}, {100, time.Second}} {
		inBubble(t, fmt.Sprint(tt.rate), func(t *testing.T) {
			server := testAccount(t)
			all := testNamespaces(planes)
			s := testSpec(identity.PodIdentity, all...)
			s.ControlPlanes.Match = identity.MatchUUID
			var reports []string
			how := func(r *reconcile.Reconciler) {
				r.Progress = func(done, total int) { reports = append(reports, fmt.Sprintf("%d/%d", done, total)) }
			}
			var want []string
			for i := range planes {
				want = append(want, fmt.Sprintf("%d/%d", i+1, planes))
			}
			callRate = tt.rate
			defer func() { callRate = 0 }()

			took := func(what string, calls int, run func()) {
				t.Helper()
				start := time.Now()
				run()
				least := tt.second * time.Duration(calls-10) / 100
				if got := time.Since(start); got < least || got > least+tt.second/5 {
					t.Errorf("%s took %s, and %d calls take %s", what, got, calls, least)
				}
			}
			took("creating", planes+3, func() { mustApply(t, s, how) }) // also of the cluster, the agent, and the list
			equal(t, "reports of writes", want, reports)

			reports = nil
			took("reading", planes+4, func() { mustPlan(t, s, how) })
			equal(t, "reports of reads", want, reports)

			s.ControlPlanes.Namespaces = all[:1]
			took("removing", 2*planes+3, func() { mustApply(t, s, how, pruning) })
			equal(t, "left", 1, len(server.State().Associations))
		})
	}
}

// TestRunsSlowDownIfEKSThrottles reads associations from an account that allows four calls a
// second. The SDK's adaptive mode finds that rate, so few calls are throttled.
func TestRunsSlowDownIfEKSThrottles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := testAccount(t)
		s := largeSpec(600)
		mustApply(t, s)
		server.Forget()
		var last []time.Time
		var throttled int
		server.Disturb(func(h *awstest.Hooks) {
			h.Fate = func(c awstest.Call) awstest.Fate {
				now := time.Now()
				for len(last) > 0 && now.Sub(last[0]) > time.Second {
					last = last[1:]
				}
				if len(last) >= 4 && c.Operation == "DescribePodIdentityAssociation" {
					throttled++
					return awstest.Throttle
				}
				last = append(last, now)
				return awstest.Pass
			}
		})
		start := time.Now()
		equal(t, "differs", false, mustPlan(t, s).Differs())
		equal(t, "read", 600, countOperations(server)["DescribePodIdentityAssociation"]-throttled)
		if throttled == 0 || throttled > 200 {
			t.Errorf("%d calls were throttled in %s", throttled, time.Since(start))
		}
	})
}

// TestInterruptedRunsStopAtOnce interrupts a plan and an apply while they wait.
func TestInterruptedRunsStopAtOnce(t *testing.T) {
	interrupted := errors.New("interrupted")
	applied := func(s identity.Spec) func(*testing.T) { return func(t *testing.T) { mustApply(t, s) } }
	for name, tt := range map[string]struct {
		after   time.Duration
		prepare func(*testing.T)
		run     func(context.Context, *awstest.Server) error
	}{
		"while it reads associations": {3 * time.Second, applied(largeSpec(100)), func(ctx context.Context, _ *awstest.Server) error {
			_, err := apply(ctx, largeSpec(100))
			return err
		}},
		"while it creates associations": {3 * time.Second, nil, func(ctx context.Context, _ *awstest.Server) error {
			_, err := apply(ctx, largeSpec(100))
			return err
		}},
		"while it removes associations": {6 * time.Second, applied(largeSpec(100)), func(ctx context.Context, _ *awstest.Server) error {
			_, err := apply(ctx, largeSpec(1), pruning) // after five seconds all are read
			return err
		}},
		"while it waits for another attempt": {2 * time.Second, applied(testSpec(identity.IRSA, testNamespaces(1)...)), func(ctx context.Context, server *awstest.Server) error {
			server.Disturb(failing("UpdateAssumeRolePolicy", awstest.Throttle))
			_, err := apply(ctx, testSpec(identity.IRSA, testNamespaces(2)...))
			return err
		}},
		"while it checks what it wrote": {time.Second, applied(testSpec(identity.IRSA, testNamespaces(1)...)), func(ctx context.Context, _ *awstest.Server) error {
			_, err := apply(ctx, testSpec(identity.IRSA, testNamespaces(2)...))
			return err
		}},
	} {
		inBubble(t, name, func(t *testing.T) {
			server := testAccount(t)
			ctx, stop := context.WithCancelCause(t.Context())
			if tt.prepare != nil {
				tt.prepare(t)
			}
			start := time.Now()
			time.AfterFunc(tt.after, func() { stop(interrupted) })
			if err := tt.run(ctx, server); !errors.Is(err, interrupted) {
				t.Errorf("error is %v", err)
			}
			equal(t, "it took", tt.after, time.Since(start))
		})
	}
}

// TestCountsAndDifferencesOfPlans has one plan for each thing that can differ.
func TestCountsAndDifferencesOfPlans(t *testing.T) {
	role := func(r reconcile.RoleChange) *reconcile.Plan {
		if r.Action == "" {
			r.Action = reconcile.None
		}
		return &reconcile.Plan{Roles: []reconcile.RoleChange{r}}
	}
	statement := func(s reconcile.StatementChange) *reconcile.Plan {
		return role(reconcile.RoleChange{Trust: reconcile.TrustChange{Action: reconcile.None, Statements: []reconcile.StatementChange{s}}})
	}
	policy := func(c reconcile.PolicyChange) *reconcile.Plan {
		return role(reconcile.RoleChange{Policies: []reconcile.PolicyChange{c}})
	}
	subject := []string{"system:serviceaccount:a:b"}
	for name, tt := range map[string]struct {
		plan    *reconcile.Plan
		counts  [4]int // add, change, remove, adopt
		differs bool
	}{
		"nothing":               {&reconcile.Plan{}, [4]int{}, false},
		"a provider":            {&reconcile.Plan{Providers: []reconcile.ProviderChange{{Action: reconcile.Create}, {Action: reconcile.None}}}, [4]int{1, 0, 0, 0}, true},
		"an agent":              {&reconcile.Plan{Agents: []reconcile.AgentChange{{Action: reconcile.Create}}}, [4]int{1, 0, 0, 0}, true},
		"a new role":            {role(reconcile.RoleChange{Action: reconcile.Create, Trust: reconcile.TrustChange{Action: reconcile.Create}}), [4]int{1, 0, 0, 0}, true},
		"a role to adopt":       {role(reconcile.RoleChange{Action: reconcile.Adopt, Trust: reconcile.TrustChange{Action: reconcile.None}}), [4]int{0, 0, 0, 1}, true},
		"a foreign role":        {role(reconcile.RoleChange{Action: reconcile.Foreign, Trust: reconcile.TrustChange{Action: reconcile.None}}), [4]int{}, false},
		"a trust policy":        {role(reconcile.RoleChange{Trust: reconcile.TrustChange{Action: reconcile.Change}}), [4]int{0, 1, 0, 0}, true},
		"a policy to remove":    {policy(reconcile.PolicyChange{Action: reconcile.Remove}), [4]int{0, 0, 1, 0}, true},
		"a policy to adopt":     {policy(reconcile.PolicyChange{Action: reconcile.Adopt}), [4]int{0, 0, 0, 1}, true},
		"a policy to change":    {policy(reconcile.PolicyChange{Action: reconcile.Change}), [4]int{0, 1, 0, 0}, true},
		"an association":        {&reconcile.Plan{Associations: []reconcile.AssociationChange{{Action: reconcile.Remove}}}, [4]int{0, 0, 1, 0}, true},
		"a foreign association": {&reconcile.Plan{Associations: []reconcile.AssociationChange{{Action: reconcile.Foreign}}}, [4]int{}, false},
		"a kept association":    {&reconcile.Plan{Associations: []reconcile.AssociationChange{{Action: reconcile.Keep}}}, [4]int{}, true},
		"something blocked":     {&reconcile.Plan{Blocked: []string{"x"}}, [4]int{}, true},

		"a kept policy":                      {policy(reconcile.PolicyChange{Action: reconcile.Keep, Component: "c"}), [4]int{}, true},
		"a kept policy of nobody":            {policy(reconcile.PolicyChange{Action: reconcile.Keep}), [4]int{}, false},
		"a kept policy that has a successor": {policy(reconcile.PolicyChange{Action: reconcile.Keep, Component: "c", Successor: "s"}), [4]int{}, false},
		"a kept subject":                     {statement(reconcile.StatementChange{Action: reconcile.Keep, Beyond: subject}), [4]int{}, true},
		"a kept subject elsewhere":           {statement(reconcile.StatementChange{Action: reconcile.Keep, Beyond: subject, Elsewhere: true}), [4]int{}, false},
		"an edited statement":                {statement(reconcile.StatementChange{Action: reconcile.Keep, Edited: true}), [4]int{}, true},
		"an edited statement elsewhere":      {statement(reconcile.StatementChange{Action: reconcile.Keep, Edited: true, Elsewhere: true}), [4]int{}, false},
		"a foreign statement":                {statement(reconcile.StatementChange{Action: reconcile.Foreign}), [4]int{}, false},
		"a foreign statement for others":     {statement(reconcile.StatementChange{Action: reconcile.Foreign, Beyond: subject}), [4]int{}, true},
	} {
		add, change, remove, adopt := tt.plan.Counts()
		equal(t, name, tt.counts, [4]int{add, change, remove, adopt})
		equal(t, name, add+change+remove+adopt, tt.plan.Changes())
		equal(t, name, tt.differs, tt.plan.Differs())
	}
	p := statement(reconcile.StatementChange{Action: reconcile.Keep, Edited: true, Beyond: []string{"z", "a"}})
	p.Associations = []reconcile.AssociationChange{{Action: reconcile.Keep, Namespace: "n", ServiceAccount: "s"}}
	equal(t, "beyond", reconcile.Beyond{Edited: 1, Subjects: []string{"a", desired.TokenSubject("n", "s"), "z"}}, p.Beyond())
}

// TestPlansOfUnusualClusters has clusters that cannot be read, or that need not be.
func TestPlansOfUnusualClusters(t *testing.T) {
	all := testNamespaces(1)
	without := func(mode identity.Mode, change func(*identity.Spec)) identity.Spec {
		s := testSpec(mode, all...)
		change(&s)
		return s
	}
	noIssuer := func(s *identity.Spec) { s.Cluster.OIDC = identity.OIDCProvider{} }
	gone := func(s *identity.Spec) { s.Cluster.Name = "gone" }
	refuse := func(server *awstest.Server) {
		server.Disturb(func(h *awstest.Hooks) {
			h.Denied = func(action string) string {
				if strings.HasPrefix(action, "eks:") {
					return "with an explicit deny in an identity-based policy"
				}
				return ""
			}
		})
	}
	for name, tt := range map[string]struct {
		spec    identity.Spec
		account func(*awstest.Server)
		says    string // a warning, or the error
		fails   bool
	}{
		"the issuer of EKS is used":         {without(identity.IRSA, noIssuer), nil, "", false},
		"the issuer cannot be compared":     {testSpec(identity.IRSA, all...), refuse, "the issuer of cluster prod-space could not be compared with the config", false},
		"the issuer may not be read":        {without(identity.IRSA, noIssuer), refuse, "eks:DescribeCluster", true},
		"the cluster may not be read":       {testSpec(identity.PodIdentity, all...), refuse, "eks:DescribeCluster", true},
		"the cluster is in another account": {without(identity.IRSA, gone), nil, "account 123456789012 has no cluster gone in us-west-2: correct cluster.name and cluster.region, unless the cluster is in another account, which only mode irsa supports", false},
		"no cluster and no issuer":          {without(identity.IRSA, func(s *identity.Spec) { gone(s); noIssuer(s) }), nil, "account 123456789012 has no cluster gone in us-west-2, so its OIDC provider is not known", true},
		"no cluster for EKS Pod Identity":   {without(identity.PodIdentity, gone), nil, "account 123456789012 has no cluster gone in us-west-2, and EKS Pod Identity needs the role in the cluster's account", true},
		"only the issuer":                   {without(identity.IRSA, func(s *identity.Spec) { s.Cluster.Name = "" }), refuse, "", false},
		"only the issuer, without a region": {without(identity.IRSA, func(s *identity.Spec) { s.Cluster.Region = "" }), refuse, "", false},
		"no namespaces":                     {testSpec(identity.IRSA), nil, "", true},
		"EKS Auto Mode needs no agent": {testSpec(identity.PodIdentity, all...), func(s *awstest.Server) {
			s.Change(func(s *awstest.State) { c := s.Clusters[clusterName]; c.AutoMode = true; s.Clusters[clusterName] = c })
		}, "", false},
		"a cluster without an issuer": {testSpec(identity.IRSA, all...), func(s *awstest.Server) {
			s.Change(func(s *awstest.State) { c := s.Clusters[clusterName]; c.Issuer = ""; s.Clusters[clusterName] = c })
		}, "", false},
		"an issuer that is not an EKS issuer": {testSpec(identity.IRSA, all...), func(s *awstest.Server) {
			s.Change(func(s *awstest.State) {
				c := s.Clusters[clusterName]
				c.Issuer = "https://"
				s.Clusters[clusterName] = c
			})
		}, "EKS reports an issuer of cluster prod-space that is not valid", true},
	} {
		inBubble(t, name, func(t *testing.T) {
			server := testAccount(t)
			if tt.account != nil {
				tt.account(server)
			}
			p, err := apply(t.Context(), tt.spec)
			if (err != nil) != tt.fails || tt.fails && !strings.Contains(err.Error(), tt.says) {
				t.Fatalf("error is %v", err)
			}
			if tt.fails {
				return
			}
			var texts []string
			for _, w := range p.Warnings {
				texts = append(texts, w.Text)
			}
			if found := slices.ContainsFunc(texts, func(w string) bool { return strings.Contains(w, tt.says) }); !found && tt.says != "" || tt.says == "" && len(texts) > 0 {
				t.Errorf("warnings: %q", texts)
			}
			equal(t, "agents", tt.spec.Components[0].Mode == identity.PodIdentity && name != "EKS Auto Mode needs no agent", len(p.Agents) > 0)
		})
	}
}

// TestOnlyStatementOfARoleIsNarrowed changes subjects and permissions of a role whose only
// statement goes. In between, the policy admits nobody.
func TestOnlyStatementOfARoleIsNarrowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := testAccount(t)
		all := testNamespaces(2)
		mustApply(t, testSpec(identity.IRSA, all[0]))
		next := testSpec(identity.IRSA, all[1])
		next.Components[0].Bucket = "other"
		var written []string
		server.Disturb(func(h *awstest.Hooks) {
			h.AfterWrite = func(c awstest.Call, state *awstest.State) {
				line := c.Operation
				if c.Operation == "UpdateAssumeRolePolicy" {
					line += " " + shortNames(fmt.Sprint(sidsOf(liveTrustPolicy(t, *state))))
				}
				written = append(written, line)
			}
		})
		mustApply(t, next, pruning)
		equal(t, "writes", []string{"UpdateAssumeRolePolicy [SpacesIdentityNobody]", "PutRolePolicy", "UpdateAssumeRolePolicy [SpacesIdentityIRSA]"}, written)
	})
}
