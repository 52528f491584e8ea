package verify

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/reconcile"
	"spaces-identity.dev/internal/space"
	"spaces-identity.dev/internal/test/awstest"
)

// MixedWorld returns a world of a few control planes in which some chains are broken, as an
// upgrade leaves them.
func MixedWorld(t *testing.T) *World {
	t.Helper()
	planes := map[string]string{}
	for i, name := range []string{"checkout-prod", "data-eu", "data-us", "payments-prod", "payments-staging", "platform", "sandbox", "search-prod"} {
		planes[name] = fmt.Sprintf("mxp-%08x-8c1f-4f5e-9d7b-6a1f0c9e8d7c-system", 0x0d3b2bd0+i*0x1a2b3c4d)
	}
	w := NewWorld(t, planes)
	w.addComponent(t, planes["payments-staging"], "mxp-controller", `{eks.amazonaws.com/role-arn: "`+testRole+`"}`, barePod)
	w.addComponent(t, planes["data-eu"], "mxp-controller", `{eks.amazonaws.com/role-arn: "`+testRole+`"}`, barePod)
	w.cluster.Add(t, `{kind: Backup, metadata: {name: nightly-20261124, namespace: team, creationTimestamp: "2026-11-24T01:00:00Z"}, spec: {controlPlane: platform, configRef: {name: nightly}}, status: {phase: Failed}}`)
	w.cluster.Add(t, `{kind: ControlPlane, metadata: {name: legacy, namespace: team}, spec: {hostNamespace: {name: legacy-system}}}`)
	w.account.Change(func(s *awstest.State) {
		s.Associations = slices.DeleteFunc(s.Associations, func(a awstest.Association) bool { return a.Namespace == planes["sandbox"] })
		r := s.Roles["spaces-backup"]
		doc, err := iam.Parse([]byte(r.Trust))
		if err != nil {
			t.Fatal(err)
		}
		kept := doc.Statement[0]
		kept.Sid = desired.KeptSid + "1a2b3c4d"
		kept.Condition = iam.Condition{"StringEquals": {testIssuer + ":aud": {"sts.amazonaws.com"}, testIssuer + ":sub": {"system:serviceaccount:team-old-system:mxp-controller"}}}
		doc.Statement = append(doc.Statement, kept, iam.Statement{Sid: "BreakGlass", Effect: iam.Allow, Principal: iam.Principal{AWS: iam.Values{"arn:aws:iam::" + awstest.AccountID + ":role/on-call"}}, Action: iam.Values{"sts:AssumeRole"}})
		r.Trust = string(doc.JSON())
		s.Roles["spaces-backup"] = r
	})
	return w
}

// LargeWorld returns a world of many control planes, of which three are broken.
func LargeWorld(t *testing.T, planes map[string]string) *World {
	t.Helper()
	w := newLarge(t, planes)
	for _, name := range slices.Sorted(maps.Keys(planes))[10:13] {
		w.addComponent(t, planes[name], "mxp-controller", `{eks.amazonaws.com/role-arn: "`+testRole+`"}`, barePod)
	}
	return w
}

// BrokenWorld returns a world of many control planes in which no pod has the identity.
func BrokenWorld(t *testing.T, planes map[string]string) *World {
	t.Helper()
	w := newLarge(t, planes)
	for _, host := range planes {
		w.addComponent(t, host, "mxp-controller", `{eks.amazonaws.com/role-arn: "`+testRole+`"}`, barePod)
	}
	return w
}

func newLarge(t *testing.T, planes map[string]string) *World {
	t.Helper()
	w := NewWorld(t, planes)
	w.rate = 1e9
	w.connect(t)
	return w
}

// HostileResult returns a result whose names and texts try to leave their place in the page.
func HostileResult() Result {
	var bad = "\"'></script><script>alert(1)</script><img src=x onerror=alert(1)>\u202egnp.exe\u200b\x00\xff ]]>--><!-- {{.}} `<b>`"
	long := strings.Repeat("very-long-name-", 200)
	row := func(name string) Row {
		return Row{ControlPlane: space.ControlPlane{HostNamespace: name, Name: bad, Namespace: "team", Certain: true}, Component: bad, ServiceAccount: bad, Checks: []Check{
			{Name: Injected, State: Fails, Detail: bad, Object: "pod " + bad, Fix: bad},
			{Name: Ready, State: OK, Detail: bad},
			{Name: Trust, State: Unknown, Detail: long, Fix: long},
		}}
	}
	trust := iam.Document{Version: bad, ID: bad, Statement: []iam.Statement{{Sid: bad, Effect: iam.Allow, Principal: iam.Principal{AWS: iam.Values{bad, long}}, Action: iam.Values{"sts:AssumeRole"},
		Condition: iam.Condition{bad: {bad: {bad, long}}}}}}
	return Result{
		Cluster: ClusterSummary{Name: bad, Region: bad, Issuer: bad}, Account: bad,
		Components: []ComponentSummary{{Name: bad, Mode: "irsa", Role: bad, Bucket: bad, Prefix: long}},
		Roles: []RoleSummary{{Role: bad, Components: []string{bad}, TrustPolicy: &trust, Notes: []string{bad},
			Statements: []reconcile.ReviewedStatement{{Sid: bad, Effect: iam.Effect(bad), Origin: reconcile.OwnStatement, Kept: []string{bad, long}}},
			Budget:     &desired.Budget{Used: 3000, Limit: 2048, Foreign: 500, Kept: 700, WaysOut: []desired.WayOut{{Setting: bad, Length: 1, Consequence: bad}}}}},
		Common:  []Row{{Component: bad, Checks: []Check{{Name: RoleExists, State: Warns, Detail: bad, Fix: bad}}}},
		Rows:    []Row{row(bad), row(long), row("a b"), row("a_b"), row("a.b"), row("")},
		LeftOut: []LeftOut{{Checks: []string{bad}, Reason: bad}}, Problems: []string{bad},
	}
}
