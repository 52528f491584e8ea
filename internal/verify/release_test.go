package verify

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/rewrite"
	"spaces-identity.dev/internal/space"
	"spaces-identity.dev/internal/test/fixture"
)

const releaseRender = `apiVersion: v1
kind: ConfigMap
metadata: {name: values, namespace: upbound-system}
data:
  values.yaml: |
    controlPlanes: {mxpController: {}, vector: {}}
---
apiVersion: v1
kind: Secret
metadata: {name: s}
stringData: {password: hunter22}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: mxp-controller, namespace: a}
`

func releaseState(t *testing.T, role string) desired.State {
	t.Helper()
	arn, err := identity.ParseRoleARN(role)
	if err != nil {
		t.Fatal(err)
	}
	return desired.Of(fixture.Spec(t, identity.Settings{ControlPlanes: identity.ControlPlanes{Match: identity.MatchUUID},
		Components: []identity.Component{{Name: "mxp-controller", Role: arn}}}))
}

// rendered returns the render after the post-renderer.
func rendered(t *testing.T, state desired.State, render string) string {
	t.Helper()
	result, err := rewrite.Run([]byte(render), state, rewrite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if _, err := result.WriteTo(&text); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// storedRelease is what Helm stores, in JSON.
func storedRelease(t *testing.T, manifest string, hooks ...string) []byte {
	t.Helper()
	all := []map[string]any{}
	for _, hook := range hooks {
		all = append(all, map[string]any{"name": "h", "manifest": hook, "events": []string{"pre-install"}})
	}
	text, err := json.Marshal(map[string]any{"name": "spaces", "info": map[string]any{"status": "deployed"}, "manifest": manifest, "hooks": all, "version": 1})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func gzipped(t *testing.T, text []byte) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(b.Bytes())
}

// addRevision adds the Secret, or ConfigMap, of a revision.
func (w *liveWorld) addRevision(t *testing.T, kind, release string, number int, status, content string) {
	t.Helper()
	if kind == "Secret" {
		content = base64.StdEncoding.EncodeToString([]byte(content))
	}
	w.cluster.Add(t, fmt.Sprintf(`{kind: %s, metadata: {name: sh.helm.release.v1.%s.v%d, namespace: upbound-system,
  labels: {owner: helm, name: %s, version: "%d", status: %s}}, data: {release: %q}}`, kind, release, number, release, number, status, content))
}

// Each case stores revisions of a release. The checks are of the component mxp-controller.
func TestReleaseIsComparedWithTheEdits(t *testing.T) {
	state := releaseState(t, testRole)
	good := rendered(t, state, releaseRender)
	other := rendered(t, releaseState(t, "arn:aws:iam::123456789012:role/other"), releaseRender)
	const at = `metadata.annotations["eks.amazonaws.com/role-arn"]: `
	const values = `ConfigMap upbound-system/values data["values.yaml"] → controlPlanes.mxpController.serviceAccount.annotations["eks.amazonaws.com/role-arn"]: `
	secret := func(number int, status, manifest string) func(*testing.T, *liveWorld) {
		return func(t *testing.T, w *liveWorld) {
			w.addRevision(t, "Secret", "spaces", number, status, gzipped(t, storedRelease(t, manifest)))
		}
	}
	raw := func(content string) func(*testing.T, *liveWorld) {
		return func(t *testing.T, w *liveWorld) { w.addRevision(t, "Secret", "spaces", 1, "deployed", content) }
	}
	for name, tt := range map[string]struct {
		stored []func(*testing.T, *liveWorld)
		want   []string
	}{
		"with the edits": {[]func(*testing.T, *liveWorld){secret(1, "deployed", good)}, []string{"ok: revision 1 of upbound-system/spaces has every edit"}},
		"without them": {[]func(*testing.T, *liveWorld){secret(1, "deployed", releaseRender)}, []string{
			"fail: " + values + "revision 1 of upbound-system/spaces has none of the edits: the post-renderer did not run when it was rendered. The service accounts in the cluster still have the role, but nothing renews it",
			"fail: ServiceAccount a/mxp-controller " + at + "revision 1 of upbound-system/spaces has none of the edits: the post-renderer did not run when it was rendered. The service accounts in the cluster still have the role, but nothing renews it",
		}},
		"with another role": {[]func(*testing.T, *liveWorld){secret(1, "deployed", other)}, []string{
			"fail: " + values + "revision 1 of upbound-system/spaces has another value there: it was rendered with another config",
			"fail: ServiceAccount a/mxp-controller " + at + "revision 1 of upbound-system/spaces has another value there: it was rendered with another config",
		}},
		"with one of two": {[]func(*testing.T, *liveWorld){secret(1, "deployed", good[:strings.LastIndex(good, "---")]+releaseRender[strings.LastIndex(releaseRender, "---"):])},
			[]string{"fail: ServiceAccount a/mxp-controller " + at + "revision 1 of upbound-system/spaces lacks this edit, but has others"}},
		"rolled back": {[]func(*testing.T, *liveWorld){secret(1, "superseded", releaseRender), secret(2, "superseded", good), secret(10, "deployed", good)},
			[]string{"ok: revision 10 of upbound-system/spaces has every edit"}},
		"a later one failed": {[]func(*testing.T, *liveWorld){secret(1, "deployed", good), secret(2, "failed", releaseRender)}, []string{
			"warn: revision 2 of upbound-system/spaces is failed; the check is about revision 1, which is deployed",
			"ok: revision 1 of upbound-system/spaces has every edit"}},
		"none is deployed": {[]func(*testing.T, *liveWorld){secret(1, "pending-install", good)}, []string{
			"warn: revision 1 of upbound-system/spaces is pending-install, and no other one is deployed",
			"ok: revision 1 of upbound-system/spaces has every edit"}},
		"uninstalled": {[]func(*testing.T, *liveWorld){secret(3, "uninstalled", good)},
			[]string{"fail: the release upbound-system/spaces is uninstalled; revision 3 is only its history"}},
		"of another chart": {[]func(*testing.T, *liveWorld){secret(1, "deployed", "kind: ConfigMap\n")},
			[]string{"fail: revision 1 of upbound-system/spaces has no place for the component"}},
		"only in hooks": {[]func(*testing.T, *liveWorld){func(t *testing.T, w *liveWorld) {
			w.addRevision(t, "Secret", "spaces", 1, "deployed", gzipped(t, storedRelease(t, "kind: ConfigMap\n", "kind: ConfigMap", good)))
		}}, []string{"ok: the hooks of revision 1 have the edits"}},
		"hooks without edits": {[]func(*testing.T, *liveWorld){func(t *testing.T, w *liveWorld) {
			w.addRevision(t, "Secret", "spaces", 1, "deployed", gzipped(t, storedRelease(t, good, releaseRender)))
		}}, []string{"ok: revision 1 of upbound-system/spaces has every edit"}},
		"without compression": {[]func(*testing.T, *liveWorld){raw(base64.StdEncoding.EncodeToString(storedRelease(t, good)))},
			[]string{"ok: revision 1 of upbound-system/spaces has every edit"}},
		"not base64": {[]func(*testing.T, *liveWorld){raw("hunter22!")},
			[]string{"unknown: secret upbound-system/sh.helm.release.v1.spaces.v1 is not a release as Helm 3 or Helm 4 stores it: it is not base64"}},
		"cut off": {[]func(*testing.T, *liveWorld){raw(cutBase64(gzipped(t, storedRelease(t, good))))},
			[]string{"unknown: secret upbound-system/sh.helm.release.v1.spaces.v1 is not a release as Helm 3 or Helm 4 stores it: it is damaged"}},
		"not JSON": {[]func(*testing.T, *liveWorld){raw(base64.StdEncoding.EncodeToString([]byte("hunter22")))},
			[]string{"unknown: secret upbound-system/sh.helm.release.v1.spaces.v1 is not a release as Helm 3 or Helm 4 stores it: it is damaged"}},
		"empty": {[]func(*testing.T, *liveWorld){func(t *testing.T, w *liveWorld) {
			w.cluster.Add(t, `{kind: Secret, metadata: {name: x, namespace: upbound-system, labels: {owner: helm, name: spaces, version: "1", status: deployed}}}`)
		}}, []string{"unknown: secret upbound-system/x is not a release as Helm 3 or Helm 4 stores it: it has no data of that name"}},
		"not YAML": {[]func(*testing.T, *liveWorld){secret(1, "deployed", "mxp-controller: [hunter22\n")},
			[]string{"unknown: the manifests of revision 1 cannot be read: manifests:1:"}},
		"no release at all": {nil, []string{"unknown: there is no release spaces: the namespace upbound-system has no release of Helm in secrets"}},
		"a release of nearly that name": {[]func(*testing.T, *liveWorld){func(t *testing.T, w *liveWorld) {
			w.addRevision(t, "Secret", "space", 1, "deployed", "")
		}}, []string{"unknown: there is no release spaces: the namespace upbound-system has only space in secrets"}},
		"only in ConfigMaps": {[]func(*testing.T, *liveWorld){func(t *testing.T, w *liveWorld) {
			w.addRevision(t, "ConfigMap", "spaces", 1, "deployed", gzipped(t, storedRelease(t, good)))
		}}, []string{"unknown: there is no release spaces: the namespace upbound-system has no release of Helm in secrets"}},
		"listing is forbidden": {[]func(*testing.T, *liveWorld){secret(1, "deployed", good), func(t *testing.T, w *liveWorld) { forbid("upbound-system", "secrets")(t, w) }},
			[]string{`unknown: list secrets in upbound-system: forbidden: it needs the RBAC rule {apiGroups: [""], resources: [secrets], verbs: [list]}`}},
	} {
		t.Run(name, func(t *testing.T) {
			checkReleaseChecks(t, state, space.Secrets, tt.stored, tt.want)
		})
	}
	t.Run("in a ConfigMap", func(t *testing.T) {
		checkReleaseChecks(t, state, space.ConfigMaps, []func(*testing.T, *liveWorld){func(t *testing.T, w *liveWorld) {
			w.addRevision(t, "ConfigMap", "spaces", 1, "deployed", gzipped(t, storedRelease(t, good)))
		}}, []string{"ok: revision 1 of upbound-system/spaces has every edit"})
	})
}

// cutBase64 removes the end of what was encoded.
func cutBase64(text string) string { return text[:len(text)/8*4] }

func checkReleaseChecks(t *testing.T, state desired.State, store space.Resource, stored []func(*testing.T, *liveWorld), want []string) {
	t.Helper()
	w := newLiveWorld(t)
	for _, store := range stored {
		store(t, w)
	}
	result, err := Verify(t.Context(), w.cluster.Client(t), Access{LeftOut: "no account"}, nil, state, ReleaseName{"upbound-system", "spaces", store})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range result.Common[0].Checks {
		if c.Name != Release {
			continue
		}
		text := string(c.State) + ": " + strings.TrimPrefix(c.Object+": "+c.Detail, ": ")
		if c.State != OK && c.Fix == "" {
			t.Errorf("%s has no fix", text)
		}
		if strings.Contains(text+c.Fix, "hunter22") {
			t.Errorf("%s quotes a secret", text)
		}
		got = append(got, text)
	}
	if len(got) == len(want) && slices.ContainsFunc(want, func(w string) bool { return strings.HasSuffix(w, "manifests:1:") }) {
		got[0] = got[0][:min(len(got[0]), len(want[0]))]
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestReleaseStoreFollowsHelmsDriver(t *testing.T) {
	for driver, want := range map[string]string{"": "secrets", "secret": "secrets", "secrets": "secrets", "configmap": "configmaps", "configmaps": "configmaps", "sql": "", "memory": ""} {
		got, err := space.ReleaseStore(driver)
		if got.Plural != want || (err != nil) != (want == "") {
			t.Errorf("%q: %v, %v", driver, got, err)
		}
	}
}
