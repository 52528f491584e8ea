package verify

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/reconcile"
	"spaces-identity.dev/internal/space"
	"spaces-identity.dev/internal/test/awstest"
)

func TestResultHasTheLiveTrustPolicies(t *testing.T) {
	r := MixedWorld(t).Verify(t)
	if want := (ClusterSummary{"prod", awstest.Region, testIssuer}); r.Cluster != want || r.Account != awstest.AccountID {
		t.Errorf("cluster %+v, account %s", r.Cluster, r.Account)
	}
	want := []ComponentSummary{
		{Name: "mxp-controller", Mode: identity.IRSA, Role: testRole, Bucket: "spaces-backups"},
		{Name: "vector", Mode: identity.PodIdentity, Role: "arn:aws:iam::123456789012:role/spaces-logs", Bucket: "logs"}}
	if diff := cmp.Diff(want, r.Components); diff != "" {
		t.Error(diff)
	}
	if len(r.Roles) != 2 || r.Roles[0].TrustPolicy == nil || len(r.Roles[0].Notes) > 0 {
		t.Fatalf("%+v", r.Roles)
	}
	statements := []reconcile.ReviewedStatement{{Sid: "SpacesIdentityIRSAMatch", Effect: "Allow", Origin: reconcile.OwnStatement},
		{Sid: desired.KeptSid + "1a2b3c4d", Effect: "Allow", Origin: reconcile.KeptStatement, Kept: []string{"system:serviceaccount:team-old-system:mxp-controller"}},
		{Sid: "BreakGlass", Effect: "Allow", Origin: reconcile.ForeignStatement}}
	if diff := cmp.Diff(statements, r.Roles[0].Statements); diff != "" {
		t.Error(diff)
	}
	if b := r.Roles[0].Budget; b == nil || b.Limit != 2048 || b.Foreign == 0 || b.Kept == 0 || !b.Unlimited {
		t.Errorf("budget %+v", b)
	}
}

// TestSummarySaysWhatItCouldNotRead breaks what the summary needs.
func TestSummarySaysWhatItCouldNotRead(t *testing.T) {
	for name, tt := range map[string]struct {
		breakIt func(*testing.T, *liveWorld)
		note    string // begins the only note of the second role
		policy  bool   // whether its trust policy is there
	}{
		"no quota":             {failCalls("GetAccountSummary"), "the quota is that of the config, because", true},
		"no role":              {changeAccount(func(s *awstest.State) { delete(s.Roles, "spaces-logs") }), "the role arn:aws:iam::123456789012:role/spaces-logs is not in the account", false},
		"an unreadable policy": {changeRole("spaces-logs", func(r *awstest.Role) { r.Trust = "{" }), "a policy of arn:", false},
		"a policy of somebody else": {changeRole("spaces-logs", func(r *awstest.Role) {
			r.Trust = `{"Statement":{"Effect":"Deny","Principal":"*","Action":"sts:AssumeRole"}}`
		}), "", true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newLiveWorld(t)
			tt.breakIt(t, w)
			role := w.Verify(t).Roles[1]
			if strings.Join(role.Notes, "\n") == "" != (tt.note == "") || len(role.Notes) > 1 || !strings.HasPrefix(strings.Join(role.Notes, ""), tt.note) {
				t.Errorf("notes %q", role.Notes)
			}
			if (role.TrustPolicy != nil) != tt.policy || (role.Budget != nil) != tt.policy {
				t.Errorf("policy %v, budget %v", role.TrustPolicy, role.Budget)
			}
		})
	}
}

func TestSummaryOfSeveralClustersMeasuresTheWholePolicy(t *testing.T) {
	other, err := identity.ParseOIDCProvider("oidc.eks.eu-central-1.amazonaws.com/id/OTHER")
	if err != nil {
		t.Fatal(err)
	}
	w := newLiveWorld(t)
	w.state = liveSettings(t, func(s *identity.Settings) {
		s.AdditionalClusters = []identity.Cluster{s.Cluster}
		s.Cluster = identity.Cluster{Name: "other", Region: "eu-central-1", OIDC: other}
	})
	w.account.Change(func(s *awstest.State) {
		trust, err := w.state.TrustPolicy(w.state.Components[0])
		if err != nil {
			t.Fatal(err)
		}
		r := s.Roles["spaces-backup"]
		r.Trust = encode(t, trust)
		s.Roles["spaces-backup"] = r
	})
	r := w.Verify(t)
	if r.Cluster.Name != "prod" || r.Cluster.Issuer != testIssuer {
		t.Errorf("the cluster that was verified is %+v", r.Cluster)
	}
	if b := r.Roles[0].Budget; b == nil || b.Kept > 0 || b.Foreign > 0 {
		t.Errorf("the statement of the other cluster counts as kept or foreign: %+v", b)
	}
	for _, s := range r.Roles[0].Statements {
		if s.Origin != reconcile.OwnStatement {
			t.Errorf("%+v", s)
		}
	}
}

// TestEveryCheckIsAboutALink also has a role that is missing for all, and links that nothing
// checked.
func TestEveryCheckIsAboutALink(t *testing.T) {
	for _, c := range allChecks {
		if c.link == "" || linkOf(c.name) != c.link {
			t.Errorf("the check %s is about no link", c.name)
		}
	}
	r := Result{Common: []Row{{Component: "a", Checks: []Check{{Name: RoleExists, State: Fails}, {Name: Release, State: Warns}}}, {Component: "b", Checks: []Check{{Name: Permissions, State: Unknown}}}}}
	row := Row{ControlPlane: space.ControlPlane{HostNamespace: "ns"}, Component: "a", Checks: []Check{{Name: Workload, State: OK}, {Name: Trust, State: Unknown}}}
	links := r.Chain(row)
	got := map[LinkName]State{}
	for _, l := range links {
		got[l.Name] = l.State
	}
	if diff := cmp.Diff(map[LinkName]State{PlaneLink: OK, AccountLink: Warns, TokenLink: OK, RoleLink: Fails, ResourceLink: ""}, got); diff != "" {
		t.Error(diff)
	}
	if s := ChainState(links); s != Fails {
		t.Errorf("the chain is %s", s)
	}
	alone := r.Chain(Row{Checks: []Check{{Name: InScope, State: Warns}}})
	if len(alone) != 1 || alone[0].State != Warns || ChainState(alone) != Warns {
		t.Errorf("a row without a component: %+v", alone)
	}
}
