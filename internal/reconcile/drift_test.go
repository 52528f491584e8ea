package reconcile_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/reconcile"
	"spaces-identity.dev/internal/test/awstest"
)

// A plan differs if something admits a service account of the config, on a cluster of the
// config, in a namespace that the config does not name.
func TestPlanDiffersIfSomebodyElseIsAdmitted(t *testing.T) {
	const all = "system:serviceaccount:*:mxp-controller"
	web := func(subject string) iam.Statement {
		s := irsaStatement(t, testNamespaces(1)...)
		s.Sid = "Theirs"
		s.Condition = iam.Condition{"StringEquals": {issuerHost + ":aud": {"sts.amazonaws.com"}}, "StringLike": {issuerHost + ":sub": {subject}}}
		return s
	}
	changed := func(change func(*iam.Statement)) iam.Statement {
		s := web("system:serviceaccount:evil:mxp-controller")
		change(&s)
		return s
	}
	everyone := iam.Statement{Sid: "Open", Effect: iam.Allow, Principal: iam.Principal{Everyone: true}, Action: iam.Values{"sts:AssumeRole", "sts:TagSession"}}
	deny := iam.Statement{Sid: "No", Effect: iam.Deny, Principal: iam.Principal{Everyone: true}, Action: iam.Values{"sts:*"},
		Condition: iam.Condition{"StringLike": {issuerHost + ":sub": {"system:serviceaccount:evil:*"}}}}
	for name, tt := range map[string]struct {
		foreign []iam.Statement
		beyond  []string
	}{
		"nothing":                 {nil, nil},
		"another principal":       {[]iam.Statement{foreignStatement}, nil},
		"another service account": {[]iam.Statement{web("system:serviceaccount:evil:other")}, nil},
		"an injected subject":     {[]iam.Statement{web("system:serviceaccount:evil:mxp-controller")}, []string{"system:serviceaccount:evil:mxp-controller"}},
		"a pattern":               {[]iam.Statement{web("system:serviceaccount:mxp-*:*")}, []string{"system:serviceaccount:mxp-*:mxp-controller"}},
		"any subject":             {[]iam.Statement{web("*")}, []string{all}},
		"another issuer": {[]iam.Statement{changed(func(s *iam.Statement) {
			s.Principal.Federated = iam.Values{"arn:aws:iam::123456789012:oidc-provider/other"}
		})}, nil},
		"a condition that nobody can evaluate": {[]iam.Statement{changed(func(s *iam.Statement) {
			s.Condition["IpAddress"] = map[string]iam.Values{"aws:SourceIp": {"10.0.0.0/8"}}
		})}, []string{"system:serviceaccount:evil:mxp-controller"}},
		"all but one namespace": {[]iam.Statement{changed(func(s *iam.Statement) {
			s.Condition["StringNotEquals"] = map[string]iam.Values{issuerHost + ":sub": {"system:serviceaccount:x:mxp-controller"}}
			delete(s.Condition, "StringLike")
		})}, []string{all}},
		"any association": {[]iam.Statement{{Sid: "Pods", Effect: iam.Allow, Principal: iam.Principal{Service: iam.Values{desired.PodIdentityService}}, Action: everyone.Action}}, []string{all}},
		"an association of a namespace": {[]iam.Statement{{Sid: "Pods", Effect: iam.Allow, Principal: iam.Principal{Service: iam.Values{desired.PodIdentityService}}, Action: everyone.Action,
			Condition: iam.Condition{"StringEquals": {desired.NamespaceTag: {"evil"}}}}}, []string{"system:serviceaccount:evil:mxp-controller"}},
		"everyone":                  {[]iam.Statement{everyone}, []string{all}},
		"admitted and denied again": {[]iam.Statement{web("system:serviceaccount:evil:mxp-controller"), deny}, nil},
		"the same as the config":    {[]iam.Statement{web("system:serviceaccount:" + testNamespaces(1)[0] + ":mxp-controller")}, nil},
	} {
		inBubble(t, name, func(t *testing.T) {
			server := testAccount(t)
			s := testSpec(identity.IRSA, testNamespaces(1)...)
			mustApply(t, s)
			doc := liveTrustPolicy(t, server.State())
			doc.Statement = append(doc.Statement, tt.foreign...)
			putRole(t, server, doc)
			p := mustPlan(t, s)
			var beyond []string
			for _, c := range p.Roles[0].Trust.Statements {
				beyond = append(beyond, c.Beyond...)
			}
			equal(t, "beyond the config", tt.beyond, beyond)
			equal(t, "differs", len(tt.beyond) > 0, p.Differs())
			equal(t, "changes", 0, p.Changes())
			if text := fmt.Sprint(p.Warnings); len(tt.beyond) > 0 && !strings.Contains(text, "(Allow ") {
				t.Errorf("no warning names the statement: %s", text)
			}
		})
	}
}

func TestPlanNamesAForeignStatementForEveryone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := testAccount(t)
		s := testSpec(identity.PodIdentity, testNamespaces(1)...)
		open := iam.Statement{Effect: iam.Allow, Principal: iam.Principal{AWS: iam.Values{"*"}}, Action: iam.Values{"sts:*"}}
		putRole(t, server, iam.Document{Version: iam.PolicyVersion, Statement: []iam.Statement{open}})
		p := mustApply(t, s)
		equal(t, "grants", "Allow everyone", p.Roles[0].Trust.Statements[0].Grants)
		if text := fmt.Sprint(p.Warnings); !strings.Contains(text, "the foreign statement 1 (Allow everyone) admits subjects that the config does not name") {
			t.Errorf("warnings: %s", text)
		}
	})
}

func TestKeptSubjectsAreDriftUnlessOnAnotherCluster(t *testing.T) {
	for _, mode := range []identity.Mode{identity.IRSA, identity.PodIdentity, identity.Both} {
		inBubble(t, string(mode), func(t *testing.T) {
			server := testAccount(t)
			server.Change(func(s *awstest.State) {
				s.TrustPolicyQuota = 4096
				s.Clusters["next-space"] = awstest.Cluster{Issuer: "https://oidc.eks.us-west-2.amazonaws.com/id/NEXT", Version: "1.36"}
			})
			all := testNamespaces(3)
			mustApply(t, testSpec(mode, all...))
			less := testSpec(mode, all[0])
			p := mustApply(t, less)
			equal(t, "kept", []string{desired.TokenSubject(all[1], "mxp-controller"), desired.TokenSubject(all[2], "mxp-controller")}, p.Beyond().Subjects)
			equal(t, "differs", true, mustPlan(t, less).Differs())
			mustApply(t, less, pruning)
			equal(t, "differs after pruning", false, mustPlan(t, less).Differs())

			next := testSpec(mode, all[1])
			next.Cluster.Name = "next-space"
			next.Cluster.OIDC = identity.OIDCProvider{HostPath: "oidc.eks.us-west-2.amazonaws.com/id/NEXT"}
			mustApply(t, next)
			for name, s := range map[string]identity.Spec{"of the second cluster": next, "of the first cluster": less} {
				p := mustPlan(t, s)
				if p.Differs() || len(p.Beyond().Subjects) > 0 || !strings.Contains(fmt.Sprint(p.Warnings), "of clusters that the config does not name have access too") {
					t.Errorf("the config %s: %+v\n%s", name, p.Warnings, p.Roles[0].Trust.After.JSON())
				}
			}
		})
	}
}

// A kept association or permissions policy gives access beyond the config too.
func TestKeptAssociationsAndPoliciesAreDrift(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		testAccount(t)
		s := testSpec(identity.PodIdentity, testNamespaces(2)...)
		s.ControlPlanes.Match = identity.MatchUUID
		mustApply(t, s)
		s.ControlPlanes.Namespaces = s.ControlPlanes.Namespaces[:1]
		equal(t, "association", reconcile.Beyond{Subjects: []string{desired.TokenSubject(testNamespaces(2)[1], "mxp-controller")}}, mustPlan(t, s).Beyond())
		mustApply(t, s, pruning)
		s.Components[0].Bucket = ""
		equal(t, "policy", reconcile.Beyond{Policies: 1}, mustPlan(t, s).Beyond())
		equal(t, "differs", true, mustPlan(t, s).Differs())
	})
}

func TestQuotaErrorSaysWhatFillsThePolicy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := testAccount(t)
		long := foreignStatement
		long.Condition = iam.Condition{"StringEquals": {"aws:PrincipalTag/x": {strings.Repeat("x", 1300)}}}
		putRole(t, server, iam.Document{Version: iam.PolicyVersion, Statement: []iam.Statement{long}})
		_, err := apply(t.Context(), testSpec(identity.IRSA, testNamespaces(6)...))
		full, ok := errors.AsType[*reconcile.QuotaError](err)
		if !ok || full.Budget.Foreign < 1300 || full.Budget.Kept != 0 || strings.Contains(err.Error(), "trustPolicy.quota") {
			t.Fatalf("error is %v", err)
		}

		// Kept subjects fill it: the quota does not hold both, and pruning helps.
		putRole(t, server, iam.Document{Version: iam.PolicyVersion, Statement: []iam.Statement{foreignStatement}})
		mustApply(t, testSpec(identity.IRSA, testNamespaces(12)...))
		_, err = apply(t.Context(), testSpec(identity.IRSA, testNamespaces(20)[12:]...))
		full, ok = errors.AsType[*reconcile.QuotaError](err)
		if !ok || full.Budget.Kept < 900 || !strings.Contains(err.Error(), "prune (") {
			t.Fatalf("error is %v", err)
		}
		mustApply(t, testSpec(identity.IRSA, testNamespaces(20)[12:]...), pruning)
	})
}

// The session policy of an association needs a trust policy without conditions on tags.
func TestApplyWritesTheSessionPolicy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := testAccount(t)
		s := testSpec(identity.PodIdentity, testNamespaces(2)...)
		mustApply(t, s)
		s.Components[0].PodIdentity.DisableSessionTags = true
		s.Components[0].PodIdentity.Policy = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}}`
		p := mustApply(t, s)
		if text := fmt.Sprint(p.Warnings); !strings.Contains(text, "limited by aws:SourceAccount and aws:SourceArn only") {
			t.Errorf("warnings: %s", text)
		}
		state := server.State()
		for _, a := range state.Associations {
			equal(t, "policy", s.Components[0].PodIdentity.Policy, a.Policy)
			equal(t, "without session tags", true, a.DisableSessionTags)
		}
		equal(t, "trust policy", desiredRole(t, s).TrustPolicy, liveTrustPolicy(t, state))
		equal(t, "differs afterwards", false, mustPlan(t, s).Differs())

		// EKS may return the policy with other white space.
		server.Change(func(state *awstest.State) {
			for i := range state.Associations {
				state.Associations[i].Policy = strings.ReplaceAll(state.Associations[i].Policy, ",", ", ")
			}
		})
		equal(t, "differs in white space", false, mustPlan(t, s).Differs())

		back := testSpec(identity.PodIdentity, testNamespaces(2)...)
		mustApply(t, back)
		mustApply(t, back, pruning)
		for _, a := range server.State().Associations {
			equal(t, "policy afterwards", "", a.Policy)
			equal(t, "session tags afterwards", false, a.DisableSessionTags)
		}
		equal(t, "differs in the end", false, mustPlan(t, back).Differs())
	})
}
