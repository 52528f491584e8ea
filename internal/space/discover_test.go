package space

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

const uuidNamespace = "mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system"

func TestInScopeSelectsControlPlanes(t *testing.T) {
	found := Discovery{ControlPlanes: []ControlPlane{
		{Name: "new", Certain: true}, {HostNamespace: "logging"}, {HostNamespace: uuidNamespace, Certain: true}, {HostNamespace: "prod-a", Certain: true},
	}}
	for name, tt := range map[string]struct {
		namespaces []string
		admits     string
		certain    bool
		want       []string
	}{
		"certain ones":           {nil, "", true, []string{uuidNamespace, "prod-a"}},
		"a pattern":              {nil, uuidNamespace, false, []string{uuidNamespace}},
		"listed, not found":      {[]string{"prod-z"}, "", false, []string{"prod-z"}},
		"listed and certain":     {[]string{"prod-z"}, "", true, []string{uuidNamespace, "prod-a", "prod-z"}},
		"an uncertain one named": {[]string{"logging"}, "logging", false, []string{"logging"}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, p := range found.InScope(Scope{tt.namespaces, func(ns string) bool { return ns == tt.admits }, tt.certain}) {
				got = append(got, p.HostNamespace)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("differs (-want +got):\n%s", diff)
			}
		})
	}
	if got := found.Certain(); len(got) != 2 || got[0].HostNamespace != uuidNamespace || got[1].HostNamespace != "prod-a" {
		t.Errorf("the certain ones: %+v", got)
	}
}
