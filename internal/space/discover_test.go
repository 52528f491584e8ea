package space

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/identity"
)

const uuidNamespace = "mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system"

func TestInScope(t *testing.T) {
	found := Discovery{ControlPlanes: []ControlPlane{
		{Name: "new", Certain: true}, {HostNamespace: "logging"}, {HostNamespace: uuidNamespace, Certain: true}, {HostNamespace: "prod-a", Certain: true},
	}}
	for name, tt := range map[string]struct {
		planes identity.ControlPlanes
		admits string // the namespaces that the config covers, besides those that it lists
		want   []string
	}{
		"nothing is said":        {identity.ControlPlanes{}, "", []string{uuidNamespace, "prod-a"}},
		"match":                  {identity.ControlPlanes{Match: identity.MatchUUID}, uuidNamespace, []string{uuidNamespace}},
		"listed, nobody told":    {identity.ControlPlanes{Namespaces: []string{"prod-z"}}, "", []string{"prod-z"}},
		"listed and discovered":  {identity.ControlPlanes{Namespaces: []string{"prod-z"}, Discover: true}, "", []string{uuidNamespace, "prod-a", "prod-z"}},
		"an uncertain one named": {identity.ControlPlanes{Namespaces: []string{"logging"}}, "logging", []string{"logging"}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, p := range found.InScope(tt.planes, func(ns string) bool { return ns == tt.admits }) {
				got = append(got, p.HostNamespace)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("differs (-want +got):\n%s", diff)
			}
		})
	}
	if diff := cmp.Diff([]string{uuidNamespace, "prod-a"}, found.Namespaces()); diff != "" {
		t.Errorf("the certain ones differ (-want +got):\n%s", diff)
	}
}

func TestIsHostNamespace(t *testing.T) {
	for name, want := range map[string]bool{
		uuidNamespace: true, "mxp-system": false, "mxp--system": false, "": false,
		"mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b06-system":   false,
		"mxp-706C49FA-5bb8-4a7e-9f41-2fc38ef4b065-system":  false,
		"mxp-706c49fa55bb8-4a7e-9f41-2fc38ef4b065-system":  false,
		"xmxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system": false,
	} {
		if got := isHostNamespace(name); got != want {
			t.Errorf("%q: %t", name, got)
		}
	}
}
