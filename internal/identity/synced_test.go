package identity_test

import (
	"slices"
	"strings"
	"testing"

	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/test/fixture"
)

// TestSyncedNameIsThatOfVCluster compares names with those that the shell gives by the rule:
// head -c 52, and sha256sum of the whole.
func TestSyncedNameIsThatOfVCluster(t *testing.T) {
	long := strings.Repeat("a", 28)
	for _, tt := range []struct{ name, namespace, vcluster, want string }{
		{"crossplane", "upbound-system", "vcluster", "crossplane-x-upbound-system-x-vcluster"},
		{"crossplane", "crossplane-system", "vcluster", "crossplane-x-crossplane-system-x-vcluster"},
		{"crossplane", "crossplane-system", "other", "crossplane-x-crossplane-system-x-other"},
		{"a.b", "c", "d", "a.b-x-c-x-d"},
		{"a.", "c", "d", "a.-x-c-x-d"}, // a short name keeps the dot
		{long, long, "z", "aaaaaaaaaaaaaaaaaaaaaaaaaaaa-x-aaaaaaaaaaaaaaaaaaaaaaaaaaaa-x-z"},
		{long, long, "zz", "aaaaaaaaaaaaaaaaaaaaaaaaaaaa-x-aaaaaaaaaaaaaaaaaaaaa-7cbb55768b"},
		{strings.Repeat("b", 51) + ".", "ns", "vcluster", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb-9484f34d74"},
		{"provider-aws-s3-with-a-rather-long-name", "crossplane-system", "vcluster", "provider-aws-s3-with-a-rather-long-name-x-crossplane-0fa3eabb33"},
	} {
		got := identity.SyncedName(tt.name, tt.namespace, tt.vcluster)
		if got != tt.want {
			t.Errorf("%s, %s, %s: %s, want %s", tt.name, tt.namespace, tt.vcluster, got, tt.want)
		}
		if len(got) > 63 {
			t.Errorf("%s has %d characters", got, len(got))
		}
	}
}

func TestHostAccountsOfComponents(t *testing.T) {
	from := func(namespace, account, vcluster string) identity.SyncedFrom {
		return identity.SyncedFrom{Namespace: namespace, ServiceAccount: account, VCluster: vcluster}
	}
	const v1, v2 = "crossplane-x-upbound-system-x-vcluster", "crossplane-x-crossplane-system-x-vcluster"
	for name, tt := range map[string]struct {
		component   identity.Component
		want, other []string
	}{
		"known":                     {identity.Component{Name: "vector"}, []string{"vector"}, nil},
		"crossplane":                {identity.Component{Name: "crossplane"}, []string{v1, v2}, nil},
		"crossplane of UXP v2":      {identity.Component{Name: "crossplane", SyncedFrom: from("crossplane-system", "", "")}, []string{v2}, []string{v1}},
		"crossplane of UXP v1":      {identity.Component{Name: "crossplane", SyncedFrom: from("upbound-system", "", "")}, []string{v1}, []string{v2}},
		"crossplane elsewhere":      {identity.Component{Name: "crossplane", SyncedFrom: from("mine", "", "")}, []string{"crossplane-x-mine-x-vcluster"}, []string{v1, v2}},
		"crossplane, other name":    {identity.Component{Name: "crossplane", ServiceAccount: "uxp", SyncedFrom: from("mine", "", "")}, []string{"uxp-x-mine-x-vcluster"}, []string{"uxp-x-upbound-system-x-vcluster", "uxp-x-crossplane-system-x-vcluster"}},
		"crossplane, other cluster": {identity.Component{Name: "crossplane", SyncedFrom: from("", "", "vc")}, []string{"crossplane-x-upbound-system-x-vc", "crossplane-x-crossplane-system-x-vc"}, nil},
		"crossplane, name on host":  {identity.Component{Name: "crossplane", ServiceAccount: "crossplane"}, []string{"crossplane"}, nil},
		"a provider":                {identity.Component{Name: "provider", SyncedFrom: from("crossplane-system", "s3", "")}, []string{"s3-x-crossplane-system-x-vcluster"}, nil},
		"a provider, both names":    {identity.Component{Name: "provider", ServiceAccount: "s3", SyncedFrom: from("crossplane-system", "s3", "")}, []string{"s3-x-crossplane-system-x-vcluster"}, nil},
	} {
		c := fixture.Spec(t, identity.Settings{Components: []identity.Component{tt.component}}).Components[0]
		if got, other := c.HostAccounts(), c.OtherHostAccounts(); !slices.Equal(got, tt.want) || !slices.Equal(other, tt.other) {
			t.Errorf("%s: %q and %q, want %q and %q", name, got, other, tt.want, tt.other)
		}
	}
}

func TestNewChecksNamespacesAndSyncedAccounts(t *testing.T) {
	for name, tt := range map[string]struct {
		components []identity.Component
		planes     identity.ControlPlanes
		want       string // a part of the only problem; empty for none
	}{
		"a pattern as namespace":       {[]identity.Component{{Name: "spaces-controller", Namespace: "upbound-*"}}, identity.ControlPlanes{}, `components[0].namespace: "upbound-*" is a pattern`},
		"no namespace inside":          {[]identity.Component{{Name: "p", SyncedFrom: identity.SyncedFrom{ServiceAccount: "p"}}}, identity.ControlPlanes{}, "components[0].syncedFrom.namespace: is missing"},
		"no service account inside":    {[]identity.Component{{Name: "p", SyncedFrom: identity.SyncedFrom{Namespace: "a"}}}, identity.ControlPlanes{}, "components[0].syncedFrom.serviceAccount: is missing"},
		"two service accounts":         {[]identity.Component{{Name: "p", ServiceAccount: "a", SyncedFrom: identity.SyncedFrom{Namespace: "a", ServiceAccount: "b"}}}, identity.ControlPlanes{}, "contradicts the setting serviceAccount"},
		"bad vcluster":                 {[]identity.Component{{Name: "crossplane", SyncedFrom: identity.SyncedFrom{VCluster: "V"}}}, identity.ControlPlanes{}, "components[0].syncedFrom.vcluster"},
		"bad namespace inside":         {[]identity.Component{{Name: "crossplane", SyncedFrom: identity.SyncedFrom{Namespace: "a_b"}}}, identity.ControlPlanes{}, "components[0].syncedFrom.namespace"},
		"one candidate of crossplane":  {[]identity.Component{{Name: "crossplane"}, {Name: "p", ServiceAccount: "crossplane-x-upbound-system-x-vcluster"}}, identity.ControlPlanes{}, "is already the service account of"},
		"same account, two namespaces": {[]identity.Component{{Name: "a", ServiceAccount: "x", Namespace: "a"}, {Name: "b", ServiceAccount: "x", Namespace: "b"}}, identity.ControlPlanes{}, ""},
		"same account, one namespace":  {[]identity.Component{{Name: "a", ServiceAccount: "x", Namespace: "a"}, {Name: "b", ServiceAccount: "x", Namespace: "a"}}, identity.ControlPlanes{}, "components[1].serviceAccount"},
		"not in a control plane":       {[]identity.Component{{Name: "a", ServiceAccount: "vector", Namespace: "a"}, {Name: "vector"}}, identity.ControlPlanes{Match: "uuid"}, ""},
		"in a listed control plane":    {[]identity.Component{{Name: "a", ServiceAccount: "vector", Namespace: "a"}, {Name: "vector"}}, identity.ControlPlanes{Namespaces: []string{"a"}}, "components[1].serviceAccount"},
		"in a matched control plane":   {[]identity.Component{{Name: "vector"}, {Name: "a", ServiceAccount: "vector", Namespace: "team-a"}}, identity.ControlPlanes{Match: "team-*"}, "components[1].serviceAccount"},
	} {
		_, problems := identity.New(identity.Settings{Components: tt.components, ControlPlanes: tt.planes})
		switch {
		case tt.want == "" && len(problems) > 0:
			t.Errorf("%s: %v", name, problems)
		case tt.want != "" && (len(problems) != 1 || !strings.Contains(problems[0].Error(), tt.want)):
			t.Errorf("%s: %v, want %s", name, problems, tt.want)
		}
	}
}
