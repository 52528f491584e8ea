package e2e

import (
	"strings"
	"testing"

	"spaces-identity.dev/internal/test/awstest"
	"spaces-identity.dev/internal/test/kubetest"
	"spaces-identity.dev/internal/verify"
)

const scopeSettings = clusterSetting + `
components: [{name: mxp-controller, mode: pod-identity, roleARN: ` + roleARN + `, bucket: spaces-backups, prefix: prod, podIdentity: {scope: controlPlane}}]
`

// TestScopeTakesControlPlanesFromTheCluster applies session policies. Their group and name
// come from the ControlPlane objects. The user has only the rights of examples/rbac.
func TestScopeTakesControlPlanesFromTheCluster(t *testing.T) {
	account := awstest.New(t)
	account.Change(func(s *awstest.State) {
		s.Clusters["prod-space"] = awstest.Cluster{Issuer: kubetest.Issuer, Version: "1.36"}
	})
	c := kubetest.Start(t, false)
	c.InstallCRDs(t, repositoryRoot)
	bindRole(t, c, "spaces-identity-reader")
	createNamespaces(t, c, "team", planeA, planeB)
	controlPlaneObject(t, c, "ctp1", planeA)
	controlPlaneObject(t, c, "ctp10", planeB)
	user := withKubeconfig(c.Kubeconfig(t, kubetest.UserToken))

	discovering := writeConfig(t, scopeSettings+"controlPlanes: {discover: true}\n")
	user.must(t, "apply", "--approve", "--config", discovering)
	expectSessions(t, account, map[string]string{planeA: "prod/team/ctp1/*", planeB: "prod/team/ctp10/*"})

	// A config that only lists the namespaces asks the cluster too, and one with other names is
	// corrected by it.
	listing := writeConfig(t, scopeSettings+"controlPlanes: {namespaces: ["+planeA+", "+planeB+"]}\n")
	if o := user.run(t, "", "plan", "--exit-code", "--config", listing); o.Status != 0 {
		t.Errorf("plan of the listed namespaces: exit status %d\n%s%s", o.Status, o.Out, o.Err)
	}
	wrong := writeConfig(t, scopeSettings+"controlPlanes: {discover: true, namespaces: [{name: "+planeA+", group: team, controlPlane: ctp2}]}\n")
	o := user.run(t, "", "plan", "--exit-code", "--config", wrong)
	if o.Status != 0 || !strings.Contains(o.flat(), "the config says that "+planeA+" is the host namespace of team/ctp2, but in the cluster it belongs to team/ctp1") {
		t.Errorf("plan of another name: exit status %d\n%s%s", o.Status, o.Out, o.Err)
	}
	unknown := writeConfig(t, scopeSettings+"controlPlanes: {namespaces: [team]}\n")
	if o := user.run(t, "", "plan", "--config", unknown); o.Status == 0 || !strings.Contains(o.flat(), "does not know those of team") {
		t.Errorf("plan of a namespace without a control plane: exit status %d\n%s%s", o.Status, o.Out, o.Err)
	}

	// verify compares the policies with the names in the cluster.
	expectAssociations(t, user, discovering, verify.OK)
	account.Change(func(s *awstest.State) {
		for i := range s.Associations {
			s.Associations[i].Policy = strings.ReplaceAll(s.Associations[i].Policy, "ctp1", "ctp")
		}
	})
	expectAssociations(t, user, discovering, verify.Fails)
	user.must(t, "apply", "--approve", "--config", discovering)
	expectSessions(t, account, map[string]string{planeA: "prod/team/ctp1/*", planeB: "prod/team/ctp10/*"})
}

// expectSessions fails the test unless the association of each namespace has a session policy
// for its prefix, and for no other.
func expectSessions(t *testing.T, account *awstest.Server, prefixes map[string]string) {
	t.Helper()
	associations := account.State().Associations
	if len(associations) != len(prefixes) {
		t.Errorf("%d associations, want %d", len(associations), len(prefixes))
	}
	for _, a := range associations {
		if strings.Count(a.Policy, "prod/") != 2 || strings.Count(a.Policy, prefixes[a.Namespace]) != 2 || !a.DisableSessionTags {
			t.Errorf("%s has %s", a.Namespace, a.Policy)
		}
	}
}

// expectAssociations fails the test unless verify judges the association of each control plane
// so.
func expectAssociations(t *testing.T, user program, file string, state verify.State) {
	t.Helper()
	found := 0
	for _, row := range user.verify(t, 3, file).Rows {
		for _, c := range row.Checks {
			if c.Name == verify.Association {
				found++
				if c.State != state {
					t.Errorf("%s: the association is %s, not %s: %s", row.ControlPlane, c.State, state, c.Detail)
				}
			}
		}
	}
	if found != 2 {
		t.Errorf("verify judges %d associations, not 2", found)
	}
}
