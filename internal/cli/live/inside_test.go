package live_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"spaces-identity.dev/internal/config"
	"spaces-identity.dev/internal/test/awstest"
	"spaces-identity.dev/internal/test/spacetest"
)

// TestInitFindsTheNamespaceInsideTheControlPlanes has copies of service accounts that vcluster
// has made. A case lists them as HOST-NAMESPACE NAME-ON-HOST NAME NAMESPACE.
func TestInitFindsTheNamespaceInsideTheControlPlanes(t *testing.T) {
	const second = "mxp-22222222-5bb8-4a7e-9f41-2fc38ef4b065-system"
	v1 := first + " crossplane-x-upbound-system-x-vcluster crossplane upbound-system"
	v2 := first + " crossplane-x-crossplane-system-x-vcluster crossplane crossplane-system"
	for name, tt := range map[string]struct {
		copies []string
		forbid string
		flags  []string
		want   string // in the config; empty for no syncedFrom
		note   string
	}{
		"none":                      {nil, "", nil, "", ""},
		"UXP v1":                    {[]string{v1}, "", nil, `syncedFrom: {namespace: "upbound-system"}`, ""},
		"UXP v2 in several":         {[]string{v2, strings.Replace(v2, first, second, 1)}, "", nil, `syncedFrom: {namespace: "crossplane-system"}`, ""},
		"both":                      {[]string{v1, v2}, "", nil, "", "note: the config does not say where crossplane is inside the control planes"},
		"another service account":   {[]string{first + " vault-x-crossplane-system-x-vcluster vault crossplane-system"}, "", nil, "", ""},
		"a namespace of one's own":  {[]string{first + " crossplane-x-infra-x-vcluster crossplane infra"}, "", nil, `syncedFrom: {namespace: "infra"}`, ""},
		"another vcluster":          {[]string{first + " crossplane-x-infra-x-own crossplane infra"}, "", nil, `syncedFrom: {namespace: "infra", vcluster: "own"}`, ""},
		"a name that was cut":       {[]string{first + " crossplane-x-a-long-namespace-0123456789-0123456789-x-f-0123456789 crossplane a-long-namespace-0123456789-0123456789"}, "", nil, "", "note: the config does not say where"},
		"outside of the Space":      {[]string{"dev crossplane-x-infra-x-dev crossplane infra"}, "", nil, "", ""},
		"also outside of the Space": {[]string{v2, "dev crossplane-x-infra-x-dev crossplane infra"}, "", nil, `syncedFrom: {namespace: "crossplane-system"}`, ""},
		"with a pattern":            {[]string{strings.Replace(v2, first, second, 1)}, "", []string{"--match", "uuid"}, `syncedFrom: {namespace: "crossplane-system"}`, ""},
		"forbidden":                 {[]string{v2}, "serviceaccounts", []string{"--match", "uuid"}, "", "note: the namespace of crossplane inside the control planes is not known: list serviceaccounts: forbidden"},
	} {
		t.Run(name, func(t *testing.T) {
			server := newSpace(t)
			cluster := spacetest.New(t, "{kind: ControlPlane, metadata: {name: ctp, namespace: team}, spec: {hostNamespace: {name: "+first+"}}}\n---\n"+
				"{kind: ControlPlane, metadata: {name: other, namespace: team}, spec: {hostNamespace: {name: "+second+"}}}")
			server.Change(func(s *awstest.State) { cluster.Issuer = s.Clusters["prod-space"].Issuer })
			for _, c := range tt.copies {
				f := strings.Fields(c)
				cluster.Add(t, fmt.Sprintf("{kind: ServiceAccount, metadata: {namespace: %s, name: %s, annotations: {vcluster.loft.sh/object-name: %s, vcluster.loft.sh/object-namespace: %s}}}", f[0], f[1], f[2], f[3]))
			}
			if tt.forbid != "" {
				cluster.Forbidden = func(_, of, _ string) bool { return of == tt.forbid }
			}
			r := must(t, run(t, "", append([]string{"init", "--component", "crossplane", "--bucket", "b-1", "--kubeconfig", cluster.Kubeconfig(t)}, tt.flags...)...), 0)
			text, err := os.ReadFile(config.DefaultFile)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Contains(string(text), "syncedFrom"); got != (tt.want != "") || !strings.Contains(string(text), tt.want) {
				t.Errorf("want %q in the config:\n%s", tt.want, text)
			}
			if got := strings.Join(strings.Fields(r.Err), " "); !strings.Contains(got, tt.note) || tt.note == "" && strings.Contains(got, "inside the control planes") {
				t.Errorf("want the note %q:\n%s", tt.note, r.Err)
			}
		})
	}
}
