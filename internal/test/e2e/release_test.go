package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"spaces-identity.dev/internal/test/kubetest"
	"spaces-identity.dev/internal/verify"
)

const releaseSettings = clusterSetting + `
controlPlanes: {namespaces: [` + planeA + `]}
components: [{name: mxp-controller, roleARN: ` + roleARN + `}]
artifacts: {dir: none}
`

// TestReleaseShowsWhetherThePostRendererRan installs the stand-in chart with each Helm, with
// and without the post-renderer, and reads what that Helm has stored. No controller runs the
// Jobs of hooks, so they are left out.
func TestReleaseShowsWhetherThePostRendererRan(t *testing.T) {
	for _, name := range []string{"helm3", "helm4"} {
		t.Run(name, func(t *testing.T) {
			path := os.Getenv("SPACES_IDENTITY_" + strings.ToUpper(name))
			if path == "" {
				t.Skip("needs the Helms: run make e2e")
			}
			c := kubetest.Start(t, false)
			createNamespaces(t, c, planeA, "upbound-system")
			serviceAccount(t, c, planeA, "mxp-controller", roleARN)
			h := newHelm(t, path, c.Kubeconfig(t, kubetest.AdminToken), "apiVersion: spaces-identity.dev/v1alpha1\nkind: SpacesIdentity\n"+releaseSettings)
			admin, file := withKubeconfig(c.Kubeconfig(t, kubetest.AdminToken)), writeConfig(t, releaseSettings)
			expect := func(release string, state verify.State, says string) {
				t.Helper()
				expectRelease(t, admin, file, release, state, says)
			}
			chart := []string{"upgrade", "--install", "spaces", absolutePath(t, repositoryRoot, "testdata", "chart"), "--namespace", "upbound-system", "--no-hooks"}
			rendered := append(chart, "--post-renderer", h.postRenderer(t))

			h.run(t, chart...)
			expect("upbound-system/spaces", verify.Fails, "revision 1 of upbound-system/spaces has none of the edits: the post-renderer did not run when it was rendered. The service accounts in the cluster still have the role")
			h.run(t, rendered...)
			expect("upbound-system/spaces", verify.OK, "revision 2 of upbound-system/spaces has every edit")
			h.run(t, "rollback", "spaces", "1", "--no-hooks", "--namespace", "upbound-system")
			expect("upbound-system/spaces", verify.Fails, "revision 3 of upbound-system/spaces has none of the edits")
			h.run(t, append(rendered, "--set", "account=other")...)
			expect("upbound-system/spaces", verify.OK, "revision 4 of upbound-system/spaces has every edit")
			expect("upbound-system/space", verify.Unknown, "there is no release space: the namespace upbound-system has only spaces in secrets")

			// Helm gives the plugin its namespace in the environment.
			out, err := h.output("spaces-identity", "verify", "--cluster-only", "--release", "spaces", "--namespace", "upbound-system", "--output", "json")
			if err == nil || !strings.Contains(out, "revision 4 of upbound-system/spaces has every edit") {
				t.Errorf("%v\n%s", err, out)
			}
			out, err = h.output("spaces-identity", "verify", "--cluster-only", "--release", "spaces", "--output", "json")
			if err == nil || !strings.Contains(out, "there is no release spaces: the namespace default has no release of Helm in secrets") {
				t.Errorf("%v\n%s", err, out)
			}

			h.run(t, "uninstall", "spaces", "--no-hooks", "--namespace", "upbound-system", "--keep-history")
			expect("upbound-system/spaces", verify.Fails, "the release upbound-system/spaces is uninstalled; revision 4 is only its history")

			h.env = append(h.env, "HELM_DRIVER=configmap")
			h.run(t, "upgrade", "--install", "other", absolutePath(t, repositoryRoot, "testdata", "chart"), "--namespace", "upbound-system", "--no-hooks", "--post-renderer", h.postRenderer(t))
			expect("upbound-system/other", verify.Unknown, "there is no release other")
			admin["HELM_DRIVER"] = "configmap"
			expect("upbound-system/other", verify.OK, "revision 1 of upbound-system/other has every edit")
			admin["HELM_DRIVER"] = "sql"
			if o := admin.run(t, "", "verify", "--cluster-only", "--config", file, "--release", "other"); o.Status != 2 || !strings.Contains(o.Err, `HELM_DRIVER is "sql"`) {
				t.Errorf("exit status %d\n%s", o.Status, o.Err)
			}
		})
	}
}

// TestReleaseNeedsARightOfItsOwn runs verify as a user with the documented rights.
func TestReleaseNeedsARightOfItsOwn(t *testing.T) {
	c := kubetest.Start(t, false)
	createNamespaces(t, c, planeA, "upbound-system")
	serviceAccount(t, c, planeA, "mxp-controller", roleARN)
	bindRole(t, c, "spaces-identity-reader")
	user, file := withKubeconfig(c.Kubeconfig(t, kubetest.UserToken)), writeConfig(t, releaseSettings)
	expectRelease(t, user, file, "upbound-system/spaces", verify.Unknown, `list secrets in upbound-system: forbidden: it needs the RBAC rule {apiGroups: [""], resources: [secrets], verbs: [list]}`)

	text, err := os.ReadFile(filepath.Join(repositoryRoot, "examples", "rbac", "release-reader.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	c.Create(t, string(text))
	c.Create(t, `{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: release-reader, namespace: upbound-system},
  roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: spaces-identity-release-reader},
  subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: `+kubetest.User+`}]}`)
	c.Create(t, `{apiVersion: v1, kind: Secret, metadata: {name: sh.helm.release.v1.spaces.v1, namespace: upbound-system,
  labels: {owner: helm, name: spaces, version: "1", status: deployed}}, stringData: {release: hunter22}}`)
	o := expectRelease(t, user, file, "upbound-system/spaces", verify.Unknown, "secret upbound-system/sh.helm.release.v1.spaces.v1 is not a release")
	if strings.Contains(o, "hunter22") {
		t.Errorf("the content of a Secret is printed:\n%s", o)
	}
}

// expectRelease checks the state and the detail of every check of the release, and returns
// the output.
func expectRelease(t *testing.T, p program, file, release string, state verify.State, says string) string {
	t.Helper()
	o := p.run(t, "", "verify", "--cluster-only", "--output", "json", "--config", file, "--release", release)
	var result verify.Result
	decodeJSON(t, o.Out, &result)
	count := 0
	for _, check := range result.Common[0].Checks {
		if check.Name != verify.Release {
			continue
		}
		count++
		if check.State != state || !strings.Contains(check.Detail, says) {
			t.Errorf("%s: %+v, want %s and %q", release, check, state, says)
		}
	}
	if count == 0 {
		t.Errorf("%s: no check of the release\n%s%s", release, o.Out, o.Err)
	}
	return o.Out + o.Err
}
