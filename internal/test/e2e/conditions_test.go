package e2e

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"spaces-identity.dev/internal/test/kubetest"
	"spaces-identity.dev/internal/verify"
)

// TestCommandsReportFailuresOfTheAPIServer makes calls to the API server fail. Commands that
// only read must never write.
func TestCommandsReportFailuresOfTheAPIServer(t *testing.T) {
	c := kubetest.Start(t, false)
	c.InstallCRDs(t, repositoryRoot)
	c.Create(t, "{apiVersion: v1, kind: Namespace, metadata: {name: team}}")
	createNamespaces(t, c, planeA)
	controlPlaneObject(t, c, "ctp", planeA)
	serviceAccount(t, c, planeA, "mxp-controller", roleARN)
	p := newProxy(t, c)
	file := writeConfig(t, "controlPlanes: {match: uuid}\ncomponents: [{name: mxp-controller, roleARN: "+roleARN+"}]\n")
	admin := p.program(t, kubetest.AdminToken)

	first := func(answer http.HandlerFunc, calls int) func(int, *http.Request) http.HandlerFunc {
		return func(call int, _ *http.Request) http.HandlerFunc {
			if call <= calls {
				return answer
			}
			return nil
		}
	}
	on := func(part string, answer http.HandlerFunc) func(int, *http.Request) http.HandlerFunc {
		return func(_ int, r *http.Request) http.HandlerFunc {
			if strings.Contains(r.URL.Path, part) {
				return answer
			}
			return nil
		}
	}
	for _, tt := range []struct {
		name   string
		tamper func(int, *http.Request) http.HandlerFunc
		status int
		says   string
	}{
		{"too many requests at first", first(failWith(429, "TooManyRequests", "Retry-After", "1"), 1), 0, ""},
		{"an error at first", first(failWith(500, "InternalError"), 2), 0, ""},
		{"connections dropped at first", first(dropConnection, 2), 0, ""},
		{"errors for ever", func(int, *http.Request) http.HandlerFunc { return failWith(500, "InternalError") }, 1, "injected by the test"},
		{"token expired", func(int, *http.Request) http.HandlerFunc { return failWith(401, "Unauthorized") }, 1, "log in again"},
		{"gone in the middle", func(call int, _ *http.Request) http.HandlerFunc {
			if call > 1 {
				return dropConnection
			}
			return nil
		}, 1, "cannot reach the API server"},
		{"one source forbidden", on("/controlplanes", failWith(403, "Forbidden")), 1,
			`needs the RBAC rule {apiGroups: ["spaces.upbound.io"], resources: [controlplanes], verbs: [list]}`},
		{"one source fails", on("/controlplanes", failWith(500, "InternalError")), 1, "list controlplanes.spaces.upbound.io"},
	} {
		t.Run("discover/"+tt.name, func(t *testing.T) {
			p.reset(tt.tamper)
			o := admin.run(t, "", "discover", "--config", file)
			if o.Status != tt.status || !strings.Contains(o.flat(), tt.says) {
				t.Errorf("exit status %d, want %d and %q\n%s%s", o.Status, tt.status, tt.says, o.Out, o.Err)
			}
			if partial := strings.HasPrefix(tt.name, "one source"); partial != (strings.Contains(o.Out, planeA) && o.Status != 0) {
				t.Errorf("an incomplete result was hidden, or a failed one was printed:\n%s", o.Out)
			}
		})
	}

	t.Run("a list's continuation expires", func(t *testing.T) {
		controlPlaneObject(t, c, "second", planeB)
		expired := 0
		p.reset(func(_ int, r *http.Request) http.HandlerFunc {
			r.URL.RawQuery = strings.Replace(r.URL.RawQuery, "limit=500", "limit=1", 1)
			if r.URL.Query().Get("continue") == "" || expired > 0 {
				return nil
			}
			expired++
			return failWith(410, "Expired")
		})
		o := admin.run(t, "", "discover", "--config", file)
		if o.Status != 0 || expired != 1 || strings.Count(o.Out, planeA) != 1 || strings.Count(o.Out, planeB) != 1 {
			t.Errorf("exit status %d, expired %d times\n%s%s", o.Status, expired, o.Out, o.Err)
		}
	})
	t.Run("an answer that does not come", func(t *testing.T) {
		p.reset(func(int, *http.Request) http.HandlerFunc {
			return func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
		})
		o := admin.run(t, "", "discover", "--config", file, "--request-timeout", "100ms")
		if o.Status != 1 || !strings.Contains(o.Err, "in time") {
			t.Errorf("exit status %d\n%s", o.Status, o.Err)
		}
	})
	t.Run("forbidden on one namespace of many", func(t *testing.T) { forbiddenOnOne(t, c, p) })
	t.Run("no CRDs", func(t *testing.T) {
		p.reset(func(_ int, r *http.Request) http.HandlerFunc {
			if strings.Contains(r.URL.Path, "upbound.io/") {
				return http.NotFound
			}
			return nil
		})
		o := admin.run(t, "", "discover", "--config", file)
		if o.Status != 0 || !strings.Contains(o.flat(), "the cluster does not serve controlplanes.spaces.upbound.io") {
			t.Errorf("exit status %d\n%s%s", o.Status, o.Out, o.Err)
		}
	})
	t.Run("looking changes nothing", func(t *testing.T) {
		p.reset(nil)
		for _, command := range [][]string{{"discover"}, {"verify"}, {"restart", "--dry-run"}} {
			admin.run(t, "", append(command, "--config", file)...)
		}
		if n := p.writes(); n > 0 || p.total == 0 {
			t.Errorf("%d of %d calls were no reads: %v", n, p.total, p.calls)
		}
	})
}

// forbiddenOnOne gives a user rights in only one of two namespaces.
func forbiddenOnOne(t *testing.T, c *kubetest.Cluster, p *proxy) {
	p.reset(nil)
	createNamespaces(t, c, planeB)
	serviceAccount(t, c, planeB, "mxp-controller", roleARN)
	c.Create(t, fmt.Sprintf(`{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: look, namespace: %s},
  rules: [{apiGroups: ["", apps], resources: ["*"], verbs: [get, list]}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: look, namespace: %s},
  roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: look}, subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: %s}]}`,
		planeA, planeA, kubetest.User))
	listed := writeConfig(t, "controlPlanes: {namespaces: ["+planeA+", "+planeB+"]}\ncomponents: [{name: mxp-controller, roleARN: "+roleARN+"}]\n")
	got := statesOf(p.program(t, kubetest.UserToken).verify(t, 3, listed)) // nothing runs in planeA
	if got[planeA][verify.ServiceAccount] != verify.OK || got[planeB][verify.ServiceAccount] != verify.Unknown {
		t.Errorf("%v", got)
	}
}

// TestCommandsReportAMissingCluster runs the commands that need a cluster without one.
func TestCommandsReportAMissingCluster(t *testing.T) {
	if testing.Short() {
		t.Skip("slow: a refused connection is retried")
	}
	file := writeConfig(t, "controlPlanes: {match: uuid}\ncomponents: [{name: mxp-controller, roleARN: "+roleARN+"}]\n")
	missing := filepath.Join(t.TempDir(), "nowhere")
	config := kubetest.WriteKubeconfig(t, "https://127.0.0.1:1", nil, "x")
	for name, tt := range map[string]struct {
		env  program
		args []string
		says string
	}{
		"no kubeconfig":  {program{"KUBECONFIG": missing}, nil, "no cluster to connect to"},
		"no such file":   {program{}, []string{"--kubeconfig", missing}, "check KUBECONFIG, or name another with --kubeconfig"},
		"wrong context":  {withKubeconfig(config), []string{"--kube-context", "prod"}, `the kubeconfig has no context "prod"`},
		"Helm's context": {program{"KUBECONFIG": config, "HELM_KUBECONTEXT": "prod"}, nil, `the kubeconfig has no context "prod"`},
		"nobody listens": {withKubeconfig(config), nil, "cannot reach the API server https://127.0.0.1:1"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, command := range []string{"discover", "verify", "restart"} {
				o := tt.env.run(t, "", append([]string{command, "--config", file}, tt.args...)...)
				if o.Status != 1 || !strings.Contains(o.Err, tt.says) || o.Out != "" {
					t.Errorf("%s: exit status %d\n%s%s", command, o.Status, o.Out, o.Err)
				}
			}
		})
	}
}
