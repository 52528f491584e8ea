package reconcile_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/reconcile"
	"spaces-identity.dev/internal/test/awstest"
)

// linesOf returns everything that a plan says, one line for each change and warning. A
// namespace of the test is a letter, the issuer is ISSUER, and a kept Sid is KEPT.
func linesOf(p *reconcile.Plan) []string {
	var lines []string
	add := func(format string, args ...any) {
		lines = append(lines, strings.TrimSpace(shortNames(fmt.Sprintf(format, args...))))
	}
	for _, c := range p.Providers {
		add("provider %s", c.Action)
	}
	for _, c := range p.Agents {
		add("agent of %s in %s: %s", c.Cluster, c.Region, c.Action)
	}
	for _, r := range p.Roles {
		add("role %s: %s", r.ARN[strings.LastIndex(r.ARN, "/")+1:], r.Action)
		add("trust policy: %s", r.Trust.Action)
		for _, s := range r.Trust.Statements {
			add("  %s", statementLine(s))
		}
		for _, c := range r.Policies {
			add("policy %s of %s: %s, then %s", c.Name, c.Component, c.Action, c.Successor)
			for _, s := range c.Statements {
				add("  %s", statementLine(s))
			}
		}
	}
	for _, a := range p.Associations {
		add("association %s/%s in %s/%s %s: %s %s %v", a.Namespace, a.ServiceAccount, a.Region, a.Cluster, a.ID, a.Action, a.Role[strings.LastIndex(a.Role, "/")+1:], a.Elements)
	}
	if p.UpToDate > 0 {
		add("%d associations are up to date", p.UpToDate)
	}
	for _, w := range p.Warnings {
		add("warning, fix %s: %s", w.Fix, w.Text)
	}
	for _, text := range p.Blocked {
		add("blocked: %s", text)
	}
	return lines
}

// statementLine returns the fields of a change that are set.
func statementLine(s reconcile.StatementChange) string {
	line := fmt.Sprintf("%d %s %s", s.Place, s.Sid, s.Action)
	for _, list := range []struct {
		name   string
		values []string
	}{{"added", s.Added}, {"removed", s.Removed}, {"covered", s.Covered}, {"kept", s.Kept}, {"differs", s.Elements}, {"gained", s.Gained}, {"lost", s.Lost}, {"beyond", s.Beyond}} {
		if len(list.values) > 0 {
			line += fmt.Sprintf(" %s%v", list.name, list.values)
		}
	}
	for _, flag := range []struct {
		name string
		set  bool
	}{{"denies", s.Denies}, {"edited", s.Edited}, {"elsewhere", s.Elsewhere}, {"redundant", s.Redundant}} {
		if flag.set {
			line += " " + flag.name
		}
	}
	if s.Grants != "" {
		line += " (" + s.Grants + ")"
	}
	return line
}

func shortNames(text string) string {
	for i, ns := range testNamespaces(8) {
		letter := string(rune('a' + i))
		text = strings.ReplaceAll(text, "system:serviceaccount:"+ns+":", letter+":")
		text = strings.ReplaceAll(text, ns, letter)
	}
	text = strings.NewReplacer("arn:aws:iam::123456789012:role/", "", "arn:aws:iam::123456789012:oidc-provider/", "", issuerHost, "ISSUER").Replace(text)
	for {
		i := strings.Index(text, desired.KeptSid)
		if i < 0 {
			break
		}
		end := i + len(desired.KeptSid)
		for end < len(text) && text[end] != ' ' && text[end] != ',' {
			end++
		}
		text = text[:i] + "KEPT" + text[end:]
	}
	return text
}

// planCase is an account, and everything that the plan for a config says about it.
type planCase struct {
	start func(*testing.T, *awstest.Server)
	spec  identity.Spec
	how   []func(*reconcile.Reconciler)
}

func planCases(t *testing.T) map[string]planCase {
	t.Helper()
	all := testNamespaces(8)
	applied := func(s identity.Spec) func(*testing.T, *awstest.Server) {
		return func(t *testing.T, _ *awstest.Server) {
			t.Helper()
			mustApply(t, s)
		}
	}
	changeTrust := func(s identity.Spec, change func(*iam.Document)) func(*testing.T, *awstest.Server) {
		return func(t *testing.T, server *awstest.Server) {
			t.Helper()
			mustApply(t, s)
			doc := liveTrustPolicy(t, server.State())
			change(&doc)
			server.Change(func(state *awstest.State) {
				r := state.Roles[roleName]
				r.Trust = string(doc.JSON())
				state.Roles[roleName] = r
			})
		}
	}
	otherBucket := testSpec(identity.IRSA, all[0])
	otherBucket.Components = slices.Clone(otherBucket.Components)
	otherBucket.Components[0].Bucket = "old-backups"
	noBucket := testSpec(identity.IRSA, all[0])
	noBucket.Components[0].Bucket = ""
	return map[string]planCase{
		"everything is missing":           {func(*testing.T, *awstest.Server) {}, testSpec(identity.Both, all[:2]...), nil},
		"nothing differs":                 {applied(testSpec(identity.Both, all[:2]...)), testSpec(identity.Both, all[:2]...), nil},
		"others are kept":                 {applied(testSpec(identity.Both, all[:7]...)), testSpec(identity.Both, all[6]), nil},
		"others are pruned":               {applied(testSpec(identity.Both, all[:7]...)), testSpec(identity.Both, all[6]), []func(*reconcile.Reconciler){pruning}},
		"a new one, and one that is kept": {applied(testSpec(identity.Both, all[:2]...)), testSpec(identity.Both, all[1:3]...), nil},
		"a second batch is kept": {func(t *testing.T, _ *awstest.Server) {
			mustApply(t, testSpec(identity.PodIdentity, all[:4]...))
			mustApply(t, limited(testSpec(identity.PodIdentity, all[2:4]...)))
		}, limited(testSpec(identity.PodIdentity, all[3])), nil},
		"another bucket":    {applied(otherBucket), testSpec(identity.IRSA, all[0]), nil},
		"no bucket":         {applied(testSpec(identity.IRSA, all[0])), noBucket, nil},
		"no bucket, pruned": {applied(testSpec(identity.IRSA, all[0])), noBucket, []func(*reconcile.Reconciler){pruning}},
		"a policy statement of somebody": {func(t *testing.T, server *awstest.Server) {
			mustApply(t, testSpec(identity.IRSA, all[0]))
			server.Change(func(s *awstest.State) {
				s.Roles[roleName].Inline["SpacesIdentity-mxp-controller"] = `{"Version":"2012-10-17","Statement":[{"Sid":"More","Effect":"Allow","Action":"s3:*","Resource":"*"}]}`
			})
		}, testSpec(identity.IRSA, all[0]), nil},
		"foreign things":          {foreignThings, testSpec(identity.Both, all[:2]...), nil},
		"foreign things, adopted": {foreignThings, testSpec(identity.Both, all[:2]...), []func(*reconcile.Reconciler){adopting}},
		"a statement that denies": {changeTrust(testSpec(identity.IRSA, all[:2]...), func(d *iam.Document) { d.Statement[0].Effect = iam.Deny }), testSpec(identity.IRSA, all[0]), nil},
		"an edited statement":     {changeTrust(testSpec(identity.IRSA, all[:2]...), func(d *iam.Document) { d.Statement[0].Action = iam.Values{"sts:*"} }), testSpec(identity.IRSA, all[0]), nil},
		"an edited statement, pruned": {changeTrust(testSpec(identity.IRSA, all[:2]...), func(d *iam.Document) { d.Statement[0].Action = iam.Values{"sts:*"} }), testSpec(identity.IRSA, all[0]),
			[]func(*reconcile.Reconciler){pruning}},
		"a policy of an earlier version": {func(t *testing.T, server *awstest.Server) {
			mustApply(t, testSpec(identity.IRSA, all[0]))
			giveInline(server, map[string]string{"spaces-identity-mxp-controller": permissionsDocument(t, "old-backups")})
		}, testSpec(identity.IRSA, all[0]), nil},
		"a policy of an earlier version, adopted": {func(t *testing.T, server *awstest.Server) {
			mustApply(t, testSpec(identity.IRSA, all[0]))
			giveInline(server, map[string]string{"spaces-identity-mxp-controller": permissionsDocument(t, "old-backups")})
		}, testSpec(identity.IRSA, all[0]), []func(*reconcile.Reconciler){adopting}},
		"an association of another role": {func(t *testing.T, server *awstest.Server) {
			mustApply(t, testSpec(identity.PodIdentity, all[:3]...))
			server.Change(func(s *awstest.State) {
				s.Associations[1].RoleARN = "arn:aws:iam::123456789012:role/other"
				s.Associations[2].RoleARN, s.Associations[2].Tags = "arn:aws:iam::123456789012:role/other", nil
			})
		}, testSpec(identity.PodIdentity, all[:3]...), nil},
		"an audience and an agent are missing": {func(t *testing.T, server *awstest.Server) {
			mustApply(t, testSpec(identity.Both, all[0]))
			server.Change(func(s *awstest.State) {
				for arn := range s.Providers {
					s.Providers[arn] = []string{"other"}
				}
				s.Clusters[clusterName] = awstest.Cluster{Issuer: "https://" + issuerHost + "X", Version: "1.36", Addons: map[string]string{"eks-pod-identity-agent": "DEGRADED"}}
			})
		}, testSpec(identity.Both, all[0]), nil},
	}
}

// limited returns a config that limits EKS Pod Identity to the account.
func limited(s identity.Spec) identity.Spec {
	s.Components = slices.Clone(s.Components)
	s.Components[0].PodIdentity.SourceAccount = true
	return s
}

// foreignThings has a role that somebody else created: a statement that grants no more than
// the config, one for another purpose, one for more, and two associations.
func foreignThings(t *testing.T, server *awstest.Server) {
	t.Helper()
	all := testNamespaces(3)
	same := irsaStatement(t, all[0])
	same.Sid = "Same"
	more := irsaStatement(t, all[2])
	more.Sid = ""
	putRole(t, server, iam.Document{Version: iam.PolicyVersion, Statement: []iam.Statement{same, foreignStatement, more}})
	server.Change(func(s *awstest.State) {
		s.TrustPolicyQuota = 4096
		for i, ns := range []string{all[0], all[2], "elsewhere"} {
			s.Associations = append(s.Associations, awstest.Association{ID: fmt.Sprintf("a-%d", i), Cluster: clusterName, Namespace: ns, ServiceAccount: "mxp-controller",
				RoleARN: "arn:aws:iam::123456789012:role/" + roleName})
		}
	})
}

var update = flag.Bool("update", false, "write the golden files")

// toldPlans has the text of each plan.
const toldPlans = "testdata/plans.txtar"

// TestPlanTellsEverythingThatApplyDoes has the whole text of plans: who gains and loses
// access, what stays and why, and what only somebody else can change.
func TestPlanTellsEverythingThatApplyDoes(t *testing.T) {
	golden, err := txtar.ParseFile(toldPlans)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for _, f := range golden.Files {
		want[f.Name] = string(f.Data)
	}
	cases := planCases(t)
	now := &txtar.Archive{Comment: golden.Comment}
	for _, name := range slices.Sorted(maps.Keys(cases)) {
		inBubble(t, name, func(t *testing.T) {
			tt := cases[name]
			server := testAccount(t)
			tt.start(t, server)
			server.Forget()
			got := strings.Join(linesOf(mustPlan(t, tt.spec, tt.how...)), "\n") + "\n"
			now.Files = append(now.Files, txtar.File{Name: name, Data: []byte(got)})
			if !*update {
				equal(t, "the plan", want[name], got)
			}
			for _, c := range server.Calls() {
				if c.Write {
					t.Errorf("the plan writes: %s", c.Operation)
				}
			}
		})
	}
	if *update {
		if err := os.WriteFile(toldPlans, txtar.Format(now), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
