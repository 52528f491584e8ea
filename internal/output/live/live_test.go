package live

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/output"
	"spaces-identity.dev/internal/reconcile"
	"spaces-identity.dev/internal/restart"
	"spaces-identity.dev/internal/space"
	"spaces-identity.dev/internal/verify"
)

var update = flag.Bool("update", false, "write the golden files and the examples of docs/output.md")

// printed returns a result in a format, with colours if forced is set.
func printed(t *testing.T, f output.Format, r output.Result, forced bool) string {
	t.Helper()
	var out bytes.Buffer
	env := func(name string) string {
		if forced && name == "CLICOLOR_FORCE" {
			return "1"
		}
		return ""
	}
	if err := output.New(&out, io.Discard, env, func(any) bool { return false }).Print(f, r); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("differs from %s (-want +got):\n%s", path, diff)
	}
}

const (
	roleARN   = "arn:aws:iam::123456789012:role/spaces-backup"
	hostA     = "mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system"
	hostB     = "mxp-90c6a7bd-1f6c-4a37-8d8e-2f3e0c5d9a10-system"
	subjectOf = "system:serviceaccount:"
)

func plan() *reconcile.Plan {
	policy := iam.Document{Version: "2012-10-17", Statement: []iam.Statement{{Sid: "SpacesIdentityBucket", Effect: iam.Allow,
		Action: iam.Values{"s3:ListBucket"}, Resource: iam.Values{"arn:aws:s3:::spaces-backups"}}}}
	return &reconcile.Plan{
		Identity: "arn:aws:sts::123456789012:assumed-role/admin/me", Account: "123456789012",
		Providers: []reconcile.ProviderChange{{ARN: "arn:aws:iam::123456789012:oidc-provider/oidc.example", Action: reconcile.Change, Elements: []string{"tags"}}},
		Agents:    []reconcile.AgentChange{{Cluster: "prod-space", Region: "us-west-2", Action: reconcile.Create}},
		Roles: []reconcile.RoleChange{{ARN: roleARN, Action: reconcile.Adopt,
			Settings: []reconcile.SettingChange{{Name: "maxSessionDuration", Action: reconcile.Change, Before: "3600", After: "7200"}},
			Attached: []reconcile.AttachmentChange{{ARN: "arn:aws:iam::aws:policy/ReadOnlyAccess", Action: reconcile.Create}},
			Trust: reconcile.TrustChange{Action: reconcile.Change, After: policy,
				Budget: desired.Budget{Used: 1700, Limit: 2048, Kept: 90, Fits: 5, WaysOut: []desired.WayOut{{Setting: "match: uuid", Length: 500, Consequence: "also admits control planes made later"}}},
				Statements: []reconcile.StatementChange{
					{Place: 1, Action: reconcile.Foreign, Redundant: true, Grants: "Allow Federated arn:aws:iam::123456789012:oidc-provider/oidc.example under conditions", Covered: []string{subjectOf + hostA + ":mxp-controller"}},
					{Place: 5, Sid: "Break", Action: reconcile.Foreign, Grants: "Allow everyone", Beyond: []string{subjectOf + "*:mxp-controller"}},
					{Place: 4, Sid: "SpacesIdentityKept1", Action: reconcile.Keep, Elsewhere: true, Kept: []string{subjectOf + hostA + ":mxp-controller"}, Beyond: []string{subjectOf + hostA + ":mxp-controller"}},
					{Place: 3, Sid: "SpacesIdentityKept2", Action: reconcile.Keep, Edited: true, Denies: true},
					{Sid: "SpacesIdentityA", Place: 2, Action: reconcile.Change, Elements: []string{"Condition"},
						Added: []string{subjectOf + hostA + ":mxp-controller"}, Removed: []string{subjectOf + "old:mxp-controller"},
						Kept: []string{subjectOf + hostB + ":mxp-controller"}, Beyond: []string{subjectOf + hostB + ":mxp-controller"}, Gained: []string{"StringEquals oidc.example:aud sts.amazonaws.com"}, Lost: []string{"StringEquals oidc.example:aud other"}}}},
			Policies: []reconcile.PolicyChange{
				{Name: "SpacesIdentity-mxp-controller", Component: "mxp-controller", Action: reconcile.None, After: policy,
					Statements: []reconcile.StatementChange{{Sid: "SpacesIdentityBucket", Place: 1, Action: reconcile.None}}},
				{Name: "spaces-identity-mxp-controller", Component: "mxp-controller", Action: reconcile.Adopt, Successor: "SpacesIdentity-mxp-controller",
					Statements: []reconcile.StatementChange{}}},
		}},
		Associations: []reconcile.AssociationChange{
			{Action: reconcile.Create, Cluster: "prod-space", Region: "us-west-2", Namespace: hostA, ServiceAccount: "mxp-controller", Role: roleARN},
			{Action: reconcile.Foreign, Cluster: "prod-space", Region: "us-west-2", Namespace: "other", ServiceAccount: "mxp-controller", ID: "a-1", Role: roleARN, Elements: []string{"roleArn"}},
			{Action: reconcile.Keep, Cluster: "prod-space", Region: "us-west-2", Namespace: hostB, ServiceAccount: "mxp-controller", ID: "a-2", Role: roleARN}},
		UpToDate: 1,
		Warnings: []reconcile.Warning{{Text: "role " + roleARN + ": these keep access, and the config does not name them: " + hostB, Fix: reconcile.FixPrune}},
		Blocked:  []string{"association a-1 of other/mxp-controller in cluster prod-space belongs to somebody else: its owner must change it"},
	}
}

func discovery() space.Discovery {
	return space.Discovery{
		ControlPlanes: []space.ControlPlane{
			{Name: "young", Namespace: "default", Sources: []space.Source{space.FromControlPlane}, Certain: true},
			{HostNamespace: hostA, Name: "prod", Namespace: "default", ID: "706c49fa-5bb8-4a7e-9f41-2fc38ef4b065", Sources: []space.Source{space.FromControlPlane, space.FromLabels}, Certain: true},
			{HostNamespace: "monitoring", Sources: []space.Source{space.FromServiceAccount}}},
		Problems: []*space.Error{{Verb: "list", Resource: space.Namespaces, Err: errors.New("the API server is overloaded (429) and stayed so; try again later")}},
	}
}

func copies() []Copy {
	return []Copy{{Component: "crossplane", HostNamespace: hostA, ServiceAccount: "crossplane-x-crossplane-system-x-vcluster", Namespace: "crossplane-system", Expected: true},
		{Component: "crossplane", HostNamespace: hostB, ServiceAccount: "crossplane-x-mine-x-vcluster", Namespace: "mine"}}
}

func verification() verify.Result {
	row := func(namespace string, checks ...verify.Check) verify.Row {
		return verify.Row{ControlPlane: space.ControlPlane{HostNamespace: namespace, Certain: true}, Component: "mxp-controller", ServiceAccount: "mxp-controller", Checks: checks}
	}
	missing := verify.Check{Name: verify.ServiceAccount, State: verify.Fails, Detail: "the annotation eks.amazonaws.com/role-arn is missing", Fix: "upgrade the Spaces release through the post-renderer: `helm upgrade spaces CHART --post-renderer spaces-identity`"}
	trust := iam.Document{Version: iam.PolicyVersion, Statement: []iam.Statement{
		{Sid: "SpacesIdentityIRSAMatch", Effect: iam.Allow, Principal: iam.Principal{Federated: iam.Values{"arn:aws:iam::123456789012:oidc-provider/oidc.eks.us-west-2.amazonaws.com/id/EXAMPLE"}}, Action: iam.Values{"sts:AssumeRoleWithWebIdentity"}},
		{Sid: "BreakGlass", Effect: iam.Allow, Principal: iam.Principal{AWS: iam.Values{"arn:aws:iam::123456789012:role/on-call"}}, Action: iam.Values{"sts:AssumeRole"}}}}
	return verify.Result{
		Cluster: verify.ClusterSummary{Name: "prod-space", Region: "us-west-2", Issuer: "oidc.eks.us-west-2.amazonaws.com/id/EXAMPLE"}, Account: "123456789012",
		Components: []verify.ComponentSummary{{Name: "mxp-controller", Mode: identity.IRSA, Role: "arn:aws:iam::123456789012:role/spaces-backup", Bucket: "spaces-backups", Prefix: "prod"},
			{Name: "external-secrets-controller", Namespace: "upbound-system", Mode: identity.PodIdentity, Role: "arn:aws:iam::123456789012:role/gone", TargetRole: "arn:aws:iam::210987654321:role/vault", Secrets: 2, Parameters: 1}},
		Roles: []verify.RoleSummary{
			{Role: "arn:aws:iam::123456789012:role/spaces-backup", Components: []string{"mxp-controller"}, TrustPolicy: &trust, Budget: &desired.Budget{Used: 381, Limit: 2048, Foreign: 123, Fits: 19},
				Statements: []reconcile.ReviewedStatement{{Sid: "SpacesIdentityIRSAMatch", Effect: iam.Allow, Origin: reconcile.OwnStatement, Kept: []string{"system:serviceaccount:old:mxp-controller"}}, {Sid: "BreakGlass", Effect: iam.Allow, Origin: reconcile.ForeignStatement}}},
			{Role: "arn:aws:iam::123456789012:role/gone", Components: []string{"external-secrets-controller"}, Notes: []string{"the role arn:aws:iam::123456789012:role/gone is not in the account"}}},
		Common: []verify.Row{row("", verify.Check{Name: verify.AdmissionPolicy, State: verify.Fails, Detail: "the cluster does not serve mutatingadmissionpolicies.admissionregistration.k8s.io: it lacks Kubernetes 1.36",
			Fix: "upgrade the cluster to Kubernetes 1.36, or install Kyverno 1.17 or later and set delivery.admissionPolicy: kyverno, or remove the setting to deliver through the chart's values alone"})},
		Rows: []verify.Row{
			row(hostA, missing, verify.Check{Name: verify.Workload, State: verify.OK, Detail: "fine"}),
			row(hostB, missing, verify.Check{Name: verify.Injected, State: verify.Unknown, Detail: "forbidden"},
				verify.Check{Name: verify.Ready, State: verify.Fails, Object: "pod mxp-controller-b", Detail: "the pod is Pending and not ready", Fix: "run `kubectl describe pod mxp-controller-b -n " + hostB + "` to see why"}),
			row("prod-c", verify.Check{Name: verify.ServiceAccount, State: verify.OK}, verify.Check{Name: verify.LatestBackup, State: verify.Warns, Detail: "there is no backup yet"},
				verify.Check{Name: verify.Ready, State: verify.Fails, Object: "pod mxp-controller-c", Detail: "the pod is Pending and not ready", Fix: "run `kubectl describe pod mxp-controller-c -n prod-c` to see why"}),
			{ControlPlane: space.ControlPlane{Name: "young", Namespace: "team", Certain: true}, Checks: []verify.Check{{Name: verify.InScope, State: verify.Warns, Detail: "the control plane has no host namespace yet"}}}},
		LeftOut:  []verify.LeftOut{{Checks: []string{verify.RoleExists, verify.Trust}, Reason: "--cluster-only leaves the AWS account out"}},
		Problems: []string{"list pods: forbidden"},
	}
}

func restartResult() restart.Result {
	reason := "the pod was created before its service account was annotated"
	return restart.Result{Steps: []restart.Step{
		{Namespace: hostA, Component: "mxp-controller", Workload: "deployments.apps/mxp-controller", Outcome: restart.Restarted, Reason: reason},
		{Namespace: hostB, Component: "mxp-controller", Workload: "deployments.apps/mxp-controller", Outcome: restart.Restarted, Reason: reason},
		{Namespace: hostB, Component: "vector", Workload: "pods/vector-0", Outcome: restart.Left, Reason: reason + "; nothing owns the pod, so nothing would replace it: delete it and create it again"}},
		ControlPlanes: 2, Pods: 5, OutOfScope: []space.ControlPlane{{HostNamespace: "prod-chosen", Name: "chosen", Namespace: "team", Sources: []space.Source{space.FromControlPlane}, Certain: true},
			{Name: "young", Namespace: "team", Sources: []space.Source{space.FromControlPlane}, Certain: true}},
		Deleting: []space.ControlPlane{{HostNamespace: "prod-gone", Name: "gone", Namespace: "team", Sources: []space.Source{space.FromControlPlane}, Certain: true, Deleting: true}},
		Problems: []string{"discovery: list namespaces: forbidden"}}
}

// hashInPage matches the hash of the style sheet or of the script, which the golden file leaves
// out.
var hashInPage = regexp.MustCompile(`sha256-[^\x27]*?=`)

func TestResultsInEachFormat(t *testing.T) {
	for name, r := range map[string]output.Result{"plan": PlanView{Plan: plan()}, "discover": DiscoveryView{discovery(), copies()},
		"verify": VerifyView{Result: verification()}, "restart": RestartView{restartResult()}} {
		golden(t, name+".txt", printed(t, output.Table, r, false))
		golden(t, name+".coloured.txt", printed(t, output.Table, r, true))
		golden(t, name+".json", printed(t, output.JSON, r, false))
	}
	golden(t, "verify.wide.txt", printed(t, output.Wide, VerifyView{Result: verification()}, false))
	page := printed(t, output.HTML, VerifyView{Result: verification(), When: time.Date(2026, time.November, 24, 21, 5, 0, 0, time.UTC)}, false)
	golden(t, "verify.html", hashInPage.ReplaceAllString(strings.NewReplacer(reportStyle, "STYLE", reportScript, "SCRIPT").Replace(page), "HASH"))
	golden(t, "verify.xml", printed(t, output.JUnit, VerifyView{Result: verification()}, false))
	golden(t, "plan.all.txt", printed(t, output.Table, PlanView{plan(), true}, false))
	golden(t, "plan.yaml", printed(t, output.YAML, PlanView{Plan: plan()}, false))
}

func TestPlanEndsWithACount(t *testing.T) {
	created := reconcile.RoleChange{Action: reconcile.Create, Trust: reconcile.TrustChange{Budget: desired.Budget{Limit: 2048}, Action: reconcile.Create},
		Policies: []reconcile.PolicyChange{{Action: reconcile.Create}}}
	changed := reconcile.RoleChange{Action: reconcile.None, Trust: reconcile.TrustChange{Budget: desired.Budget{Limit: 2048}, Action: reconcile.Change}}
	same := reconcile.RoleChange{Action: reconcile.None, Trust: reconcile.TrustChange{Budget: desired.Budget{Limit: 2048}, Action: reconcile.None}}
	adopted := reconcile.RoleChange{Action: reconcile.Adopt, Trust: reconcile.TrustChange{Budget: desired.Budget{Limit: 2048}, Action: reconcile.None}}
	for want, p := range map[string]reconcile.Plan{
		"Up to date: 1 role, 2 associations.": {Roles: []reconcile.RoleChange{same}, UpToDate: 2},
		"Up to date: 0 roles, 1 association.": {UpToDate: 1, Associations: []reconcile.AssociationChange{{Action: reconcile.Foreign}}},
		"Nothing to change: 0 roles, 1 association, 2 subjects kept beyond the config.": {UpToDate: 1, Associations: []reconcile.AssociationChange{
			{Action: reconcile.Keep, Namespace: "a", ServiceAccount: "x"}, {Action: reconcile.Keep, Namespace: "b", ServiceAccount: "x"}, {Action: reconcile.Keep, Namespace: "b", ServiceAccount: "x"}}},
		"Nothing to change: 1 role, 0 associations, 1 subject kept beyond the config, 1 edited statement kept, 1 permissions policy kept beyond the config, 1 foreign statement beyond the config.": {Roles: []reconcile.RoleChange{
			{Action: reconcile.None, Trust: reconcile.TrustChange{Budget: desired.Budget{Limit: 2048}, Action: reconcile.None, Statements: []reconcile.StatementChange{
				{Action: reconcile.Keep, Kept: []string{"a"}, Beyond: []string{"system:serviceaccount:a:x"}},
				{Action: reconcile.Keep, Kept: []string{"b"}, Beyond: []string{"system:serviceaccount:b:x"}, Elsewhere: true},
				{Action: reconcile.Keep, Edited: true},
				{Action: reconcile.Foreign, Beyond: []string{"system:serviceaccount:*:x"}},
				{Action: reconcile.Foreign}}},
				Policies: []reconcile.PolicyChange{{Action: reconcile.Keep, Component: "x"}, {Action: reconcile.Keep, Component: "x", Successor: "y"}, {Action: reconcile.Keep}}}}},
		"Plan: 2 to add, 1 to change, 0 to remove.":                        {Roles: []reconcile.RoleChange{created, changed, same}},
		"Plan: 0 to add, 0 to change, 1 to remove, 1 to adopt.":            {Roles: []reconcile.RoleChange{adopted}, Associations: []reconcile.AssociationChange{{Action: reconcile.Remove}}},
		"Plan: 0 to add, 0 to change, 0 to remove, 1 blocked.":             {Blocked: []string{"x"}},
		"Plan: 2 to add, 0 to change, 0 to remove, 1 to adopt, 2 blocked.": {Agents: []reconcile.AgentChange{{Action: reconcile.Create}}, Providers: []reconcile.ProviderChange{{Action: reconcile.Create}}, Roles: []reconcile.RoleChange{adopted}, Blocked: []string{"x", "y"}},
	} {
		text := printed(t, output.Table, PlanView{Plan: &p}, false)
		for line := range strings.Lines(text) {
			if len(line) > 81 {
				t.Errorf("%d columns: %s", len(line)-1, line)
			}
		}
		if !strings.HasSuffix(text, "\n\n"+output.Wrap(want)) {
			t.Errorf("want %q at the end of:\n%s", want, text)
		}
	}
}

func TestPlanShowsRegionsIfTwoClustersHaveOneName(t *testing.T) {
	association := func(cluster, region string) reconcile.AssociationChange {
		return reconcile.AssociationChange{Action: reconcile.Create, Namespace: "ns", ServiceAccount: "sa", Cluster: cluster, Region: region}
	}
	p := &reconcile.Plan{Associations: []reconcile.AssociationChange{association("prod", "eu-central-1"), association("prod", "us-west-2"), association("two", "us-west-2")}}
	got := printed(t, output.Table, PlanView{Plan: p}, false)
	for _, want := range []string{"in cluster prod in eu-central-1\n", "in cluster prod in us-west-2\n", "in cluster two\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
}

func TestFailureWithoutDetailFailsInJUnit(t *testing.T) {
	r := verify.Result{Rows: []verify.Row{{Component: "<vector>", Checks: []verify.Check{{Name: verify.Labels, State: verify.Fails}}}}}
	text := printed(t, output.JUnit, VerifyView{Result: r}, false)
	if !strings.Contains(text, `<testsuite name="&lt;vector&gt;" tests="1" failures="1" errors="0">`) || !strings.Contains(text, "<failure ") {
		t.Error(text)
	}
}

func TestEmptyResultsSaySo(t *testing.T) {
	for want, r := range map[string]output.Result{
		"No control planes were found.\n":                                         DiscoveryView{},
		"3 pods in 1 control plane: each has its identity, nothing to restart.\n": RestartView{restart.Result{Pods: 3, ControlPlanes: 1}},
		"There is no pod to look at in 1 control plane.\n":                        RestartView{restart.Result{ControlPlanes: 1}},
		"0 checked: 0 ok, 0 fail, 0 warn, 0 unknown\n":                            VerifyView{},
	} {
		if diff := cmp.Diff(want, printed(t, output.Table, r, false)); diff != "" {
			t.Error(diff)
		}
		if text := printed(t, output.JSON, r, false); strings.Contains(text, "null") {
			t.Errorf("a list is null:\n%s", text)
		}
	}
}

// TestFindingsAreGroupedByCause has the same failure in many control planes, and another
// cause of the same check in one.
func TestFindingsAreGroupedByCause(t *testing.T) {
	var r verify.Result
	for i := range 30 {
		row := verify.Row{ControlPlane: space.ControlPlane{HostNamespace: fmt.Sprintf("plane-%02d", i)}, Component: "vector"}
		cause := "older"
		if i == 7 {
			cause = "skipped"
		}
		row.Checks = []verify.Check{{Name: verify.Injected, State: verify.Fails, Detail: cause, Object: fmt.Sprintf("pod p-%d", i), Fix: "restart"}}
		r.Rows = append(r.Rows, row)
	}
	text := printed(t, output.Table, VerifyView{Result: r}, false)
	for _, want := range []string{"\n1 fail injected: older\n    plane-00/vector (pod p-0)\n", "    and 19 more, which -o wide lists\n  fix: restart\n",
		"\n2 fail injected: skipped\n    plane-07/vector (pod p-7)\n", "plane-07   vector     fail    0/1  2\n", "plane-08   vector     fail    0/1  1\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("the table lacks %q:\n%s", want, text)
		}
	}
	if wide := printed(t, output.Wide, VerifyView{Result: r}, false); !strings.Contains(wide, "    plane-29/vector (pod p-29)\n") {
		t.Errorf("the wide table does not name every member:\n%s", wide)
	}
}

// TestVerifyFitsIntoEightyColumns allows longer lines only for commands to copy and for
// names, which are never cut.
func TestVerifyFitsIntoEightyColumns(t *testing.T) {
	for line := range strings.Lines(printed(t, output.Table, VerifyView{Result: verification()}, false)) {
		if len([]rune(line)) > 81 && !strings.Contains(line, "`") && !strings.HasPrefix(line, "    mxp-") {
			t.Errorf("%d columns: %s", len([]rune(line))-1, line)
		}
	}
}
