package e2e

import (
	"flag"
	"maps"
	"os"
	"strings"
	"testing"

	"spaces-identity.dev/internal/test/awstest"
	"spaces-identity.dev/internal/test/kubetest"
	"spaces-identity.dev/internal/test/pages"
)

var update = flag.Bool("update", false, "write what the commands print to the pages that show it")

// TestWalkThrough runs each command of the README and of the walk-through, with both Helms,
// a real API server and a simulated AWS account. The control plane of the page exists before
// the upgrade. In place of the controller of the Space, which is not available, the test
// annotates the service account after the upgrade.
func TestWalkThrough(t *testing.T) {
	for _, version := range []string{"3", "4"} {
		t.Run("helm"+version, func(t *testing.T) {
			helm := pages.Helm(t, version)
			account := awstest.New(t)
			account.Change(func(s *awstest.State) {
				s.Clusters["demo-space"] = awstest.Cluster{Issuer: kubetest.Issuer, Version: "1.36"}
			})
			c := kubetest.Start(t, true)
			c.InstallCRDs(t, repositoryRoot)
			c.SimulateWebhook(t)
			c.Create(t, "{apiVersion: v1, kind: Namespace, metadata: {name: team}}")
			newSpace(t, c, "ctp-a", planeA)

			variables := account.Environment("AKIDTEST")
			maps.Copy(variables, map[string]string{"KUBECONFIG": c.Kubeconfig(t, kubetest.AdminToken)})
			session := pages.NewSession(t, repositoryRoot, helm, variables)
			pages.Walk{Session: session, Helm: version, Cluster: true, NotRun: pages.NotRunInReadme(), Update: *update}.Run(t, repositoryRoot+"/README.md")
			pages.Walk{Session: session, Helm: version, Cluster: true, NotRun: pages.NotRunInWalkThrough(), Update: *update,
				Before: map[string]func(){"kubectl apply ": func() {
					c.Patch(t, kubetest.ServiceAccounts, planeA, "mxp-controller", `{"metadata":{"annotations":{"`+roleAnnotation+`":"`+roleARN+`"}}}`)
					backups, err := os.ReadFile(session.File("identity-artifacts/mxp-controller.shared-backup-config.yaml"))
					if err != nil {
						t.Fatal(err)
					}
					c.Create(t, strings.Replace(string(backups), "metadata:\n", "metadata:\n  namespace: team\n", 1))
				}}}.Run(t, repositoryRoot+"/docs/walk-through.md")
		})
	}
}
