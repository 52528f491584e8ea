package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"spaces-identity.dev/internal/test/kubetest"
)

// TestGoLibraryExamplesInstall installs and upgrades the stand-in chart with the examples for
// Helm's libraries. The role must be there after both.
func TestGoLibraryExamplesInstall(t *testing.T) {
	for _, name := range []string{"helm3", "helm4"} {
		t.Run(name, func(t *testing.T) {
			c := kubetest.Start(t, true)
			createNamespaces(t, c, planeA)
			dir := t.TempDir()
			install := exec.Command("go", "build", "-trimpath", "-o", filepath.Join(dir, "install"), ".")
			install.Dir = filepath.Join(repositoryRoot, "examples", "helm-go-library", name)
			install.Env = append(os.Environ(), "CGO_ENABLED=0") // as the Makefile builds Helm
			if out, err := install.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			config := "apiVersion: spaces-identity.dev/v1alpha1\nkind: SpacesIdentity\n" + clusterSetting +
				"controlPlanes: {match: uuid}\nartifacts: {dir: none}\ncomponents: [{name: mxp-controller, roleARN: ROLE}]\n"
			writeFile(t, filepath.Join(dir, "values.yaml"), "standIn: {hostNamespaces: ["+planeA+"]}\n")
			h := helmProgram{filepath.Join(dir, "install"), dir, append(slices.DeleteFunc(os.Environ(), isSetting),
				"KUBECONFIG="+c.Kubeconfig(t, kubetest.AdminToken), "HELM_NAMESPACE=upbound-system",
				"PATH="+absolutePath(t, repositoryRoot, "bin")+string(os.PathListSeparator)+os.Getenv("PATH"))}
			for i, role := range []string{roleARN, roleARN + "-2"} {
				writeFile(t, filepath.Join(dir, "spaces-identity.yaml"), strings.ReplaceAll(config, "ROLE", role))
				out := h.run(t, "-values", "values.yaml", "spaces", absolutePath(t, repositoryRoot, "testdata", "chart"))
				if want := "spaces: revision " + string(rune('1'+i)); strings.TrimSpace(out) != want {
					t.Errorf("it printed %q, want %q", out, want)
				}
				if got := roleOf(t, c, planeA, "mxp-controller"); got != role {
					t.Errorf("after revision %d, the service account has the role %q, want %q", i+1, got, role)
				}
			}
		})
	}
}
