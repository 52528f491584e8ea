package desired_test

import (
	"slices"
	"strings"
	"testing"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/identity"
)

// spaceController adds the component that backs up the whole Space, with a role.
func spaceController(mode identity.Mode, role string) change {
	return withComponent(identity.Component{Name: identity.SpaceController, Bucket: "space-backups"}, mode, role)
}

// withComponent adds a component with a mode and a role.
func withComponent(c identity.Component, mode identity.Mode, role string) change {
	return func(s *identity.Settings) {
		c.Mode, c.Role = mode, identity.RoleARN{Partition: "aws", Account: "123456789012", Name: role}
		s.Components = append(s.Components, c)
	}
}

// without removes the first component, which runs in control planes.
func without(s *identity.Settings) { s.Components = s.Components[1:] }

func TestComponentWithANamespaceNeedsNoControlPlanes(t *testing.T) {
	for _, mode := range identity.Modes() {
		s := stateOf(t, mode, spaceController(mode, "space"), without)
		roles, err := s.Roles()
		if err != nil {
			t.Fatal(err)
		}
		if s.NeedsControlPlanes() || len(s.ControlPlaneAccounts()) > 0 {
			t.Error("it needs control planes")
		}
		doc := string(roles[0].TrustPolicy.JSON())
		for part, want := range map[string]bool{"system:serviceaccount:upbound-system:spaces-controller": mode.UsesIRSA(), `"aws:RequestTag/kubernetes-namespace": "upbound-system"`: mode.UsesPodIdentity()} {
			if strings.Contains(doc, part) != want {
				t.Errorf("%s: the policy has %s: %v\n%s", mode, part, !want, doc)
			}
		}
		if mode.UsesPodIdentity() && (len(roles[0].Associations) != 1 || roles[0].Associations[0].Namespace != "upbound-system") {
			t.Errorf("associations: %+v", roles[0].Associations)
		}
		budget, err := s.Budget(s.Components[0])
		if err != nil || !budget.Unlimited || strings.Contains(budget.String(), "control plane") {
			t.Errorf("budget: %s, %v", budget, err)
		}
	}
}

func TestControlPlanesDoNotChangeAComponentWithANamespace(t *testing.T) {
	for name, order := range map[string]change{"last": func(*identity.Settings) {}, "first": func(s *identity.Settings) { slices.Reverse(s.Components) }} {
		s := stateOf(t, identity.Both, namespaces(nsA), match("mxp-*-system"), spaceController(identity.Both, "spaces-backup"), order)
		s = s.WithServiceAccounts([]desired.ServiceAccount{{Component: identity.SpaceController, Name: identity.SpaceController, Namespace: "other"}, {Component: identity.SpaceController, Name: identity.SpaceController}})
		c, _ := s.Component(identity.SpaceController)
		if !slices.Equal(c.Subjects.Namespaces, []string{"upbound-system"}) || c.Subjects.Match != "" || s.Warnings != nil {
			t.Errorf("%s: %+v, %q", name, c.Subjects, s.Warnings)
		}
		if mxp, _ := s.Component("mxp-controller"); !slices.Equal(mxp.Subjects.Namespaces, []string{nsA}) {
			t.Errorf("%s: %+v", name, mxp.Subjects)
		}
	}
}

func TestCrossplaneHasASubjectForEachNamespaceItMayBeIn(t *testing.T) {
	crossplane := func(from identity.SyncedFrom) desired.State {
		return stateOf(t, identity.Both, namespaces(nsA, nsB), withComponent(identity.Component{Name: "crossplane", SyncedFrom: from}, identity.Both, "uxp"), without)
	}
	for _, tt := range []struct {
		from identity.SyncedFrom
		want []string
	}{
		{identity.SyncedFrom{}, []string{"crossplane-x-upbound-system-x-vcluster", "crossplane-x-crossplane-system-x-vcluster"}},
		{identity.SyncedFrom{Namespace: "crossplane-system"}, []string{"crossplane-x-crossplane-system-x-vcluster"}},
	} {
		s := crossplane(tt.from)
		roles, err := s.Roles()
		if err != nil {
			t.Fatal(err)
		}
		var subjects, pairs []string
		for _, ns := range []string{nsA, nsB} {
			for _, account := range tt.want {
				subjects = append(subjects, "system:serviceaccount:"+ns+":"+account)
				pairs = append(pairs, ns+"/"+account)
			}
		}
		got := slices.Sorted(slices.Values(roles[0].TrustPolicy.Statement[0].Condition["StringEquals"][provider+":sub"]))
		if !slices.Equal(got, slices.Sorted(slices.Values(subjects))) {
			t.Errorf("subjects: %q", got)
		}
		var associations []string
		for _, a := range roles[0].Associations {
			associations = append(associations, a.Namespace+"/"+a.ServiceAccount)
		}
		if slices.Sort(associations); !slices.Equal(associations, slices.Sorted(slices.Values(pairs))) {
			t.Errorf("associations: %q", associations)
		}
	}
	both, one := crossplane(identity.SyncedFrom{}), crossplane(identity.SyncedFrom{Namespace: "upbound-system"})
	less, err1 := both.Budget(both.Components[0])
	more, err2 := one.Budget(one.Components[0])
	if err1 != nil || err2 != nil || less.Fits*2 > more.Fits+1 {
		t.Errorf("with two names %d control planes fit, with one %d (%v, %v)", less.Fits, more.Fits, err1, err2)
	}
}

func TestServiceAccountOfTwoComponentsBelongsToTheNamespace(t *testing.T) {
	s := stateOf(t, identity.IRSA, namespaces(nsA),
		withComponent(identity.Component{Name: "a", Namespace: "a", ServiceAccount: "mxp-controller"}, identity.IRSA, "a"),
		withComponent(identity.Component{Name: "b", Namespace: "b", ServiceAccount: "mxp-controller"}, identity.IRSA, "b"))
	for namespace, want := range map[string]string{"a": "a", "b": "b", nsA: "mxp-controller", "c": "mxp-controller", "": "mxp-controller a b"} {
		if got := namesOf(s.ComponentsOf(namespace, "mxp-controller")); got != want {
			t.Errorf("%q: %q, want %q", namespace, got, want)
		}
	}
}
