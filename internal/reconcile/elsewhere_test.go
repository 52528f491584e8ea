package reconcile_test

import (
	"slices"
	"testing"
	"testing/synctest"

	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/test/awstest"
)

// specOf returns the config of components, which get a role of their own each.
func specOf(t *testing.T, components ...identity.Component) identity.Spec {
	t.Helper()
	base := testSpec(identity.PodIdentity, testNamespaces(1)...)
	settings := identity.Settings{Cluster: base.Cluster, ControlPlanes: base.ControlPlanes}
	for _, c := range components {
		c.Mode, c.Role = identity.PodIdentity, identity.RoleARN{Partition: "aws", Account: awstest.AccountID, Name: "role-" + c.Name}
		settings.Components = append(settings.Components, c)
	}
	spec, problems := identity.New(settings)
	if len(problems) > 0 {
		t.Fatal(problems[0])
	}
	return spec
}

// associated returns the associations in AWS: namespace/service account and the role's name.
func associated(server *awstest.Server) []string {
	var all []string
	for _, a := range server.State().Associations {
		all = append(all, a.Namespace+"/"+a.ServiceAccount+" "+a.RoleARN[len("arn:aws:iam::"+awstest.AccountID+":role/"):])
	}
	slices.Sort(all)
	return all
}

// TestPruneKeepsTheAssociationsOfOtherNamespaces has components with service accounts of the
// same name in different namespaces. EKS lists associations by the name alone.
func TestPruneKeepsTheAssociationsOfOtherNamespaces(t *testing.T) {
	for _, reverse := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			server := testAccount(t)
			components := []identity.Component{{Name: "mxp-controller"}, {Name: "a", Namespace: "a", ServiceAccount: "mxp-controller"}, {Name: "b", Namespace: "b", ServiceAccount: "mxp-controller"}}
			if reverse {
				slices.Reverse(components)
			}
			spec := specOf(t, components...)
			mustApply(t, spec, pruning)
			want := []string{"a/mxp-controller role-a", "b/mxp-controller role-b", testNamespaces(1)[0] + "/mxp-controller role-mxp-controller"}
			equal(t, "associations", want, associated(server))
			equal(t, "differs afterwards", false, mustApply(t, spec, pruning).Differs())
			equal(t, "associations", want, associated(server))
		})
	}
}

// TestPruneRemovesTheNameThatTheConfigHasRuledOut first leaves open in which namespace
// Crossplane is.
func TestPruneRemovesTheNameThatTheConfigHasRuledOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := testAccount(t)
		const v1, v2 = "/crossplane-x-upbound-system-x-vcluster role-crossplane", "/crossplane-x-crossplane-system-x-vcluster role-crossplane"
		host := testNamespaces(1)[0]
		mustApply(t, specOf(t, identity.Component{Name: "crossplane"}))
		equal(t, "both", []string{host + v2, host + v1}, associated(server))
		known := specOf(t, identity.Component{Name: "crossplane", SyncedFrom: identity.SyncedFrom{Namespace: "crossplane-system"}})
		plan := mustApply(t, known)
		equal(t, "kept", []string{host + v2, host + v1}, associated(server))
		if kept := plan.Beyond().Subjects; len(kept) == 0 {
			t.Error("the plan does not name what it keeps")
		}
		mustApply(t, known, pruning)
		equal(t, "pruned", []string{host + v2}, associated(server))
		equal(t, "differs afterwards", false, mustPlan(t, known).Differs())
	})
}

func TestApplyForAComponentInOneNamespace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := testAccount(t)
		spec := specOf(t, identity.Component{Name: "spaces-controller", Bucket: "space-backups"})
		mustApply(t, spec)
		equal(t, "associations", []string{"upbound-system/spaces-controller role-spaces-controller"}, associated(server))
		equal(t, "policies", 1, len(server.State().Roles["role-spaces-controller"].Inline))
		equal(t, "differs afterwards", false, mustApply(t, spec, pruning).Differs())
	})
}
