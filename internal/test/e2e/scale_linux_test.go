package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"spaces-identity.dev/internal/test/kubetest"
)

// planeCounts are the numbers of control planes to measure.
var planeCounts = []int{10, 100, 1000, 2000, 5000}

// maxMemory is the most memory that the program may use, in KiB.
const maxMemory = 150 << 10

// pageSize is the page size of the program's lists.
const pageSize = 500

// TestScale measures the real program. It writes the control planes itself, without
// controllers. Only the number of list pages may make the number of calls grow.
func TestScale(t *testing.T) {
	if testing.Short() {
		t.Skip("writes ten thousand objects")
	}
	binary := absolutePath(t, repositoryRoot, "bin", "spaces-identity")
	if _, err := os.Stat(binary); err != nil {
		t.Skip("needs the program: run make e2e")
	}
	c := kubetest.Start(t, false)
	c.InstallCRDs(t, repositoryRoot)
	c.Create(t, "{apiVersion: v1, kind: Namespace, metadata: {name: team}}")
	p := newProxy(t, c)
	file := writeConfig(t, clusterSetting+"controlPlanes: {discover: true}\ncomponents: [{name: mxp-controller, roleARN: "+roleARN+", bucket: spaces-backups}]\n")
	kubeconfig := p.program(t, kubetest.UserToken)["KUBECONFIG"]
	bindRole(t, c, "spaces-identity-reader")
	var table strings.Builder
	fmt.Fprintf(&table, "\n%-8s %-18s %6s %8s %8s\n", "planes", "command", "calls", "seconds", "MiB")
	written := 0
	for _, n := range planeCounts {
		writePlanes(t, c, written, n)
		written = n
		for _, command := range [][]string{{"discover"}, {"verify", "--cluster-only"}, {"restart", "--dry-run"}} {
			p.reset(nil)
			took, memory := measure(t, binary, kubeconfig, append(command, "--config", file, "--output", "json"))
			fmt.Fprintf(&table, "%-8d %-18s %6d %8.2f %8.1f\n", n, strings.Join(command, " "), p.total, took.Seconds(), float64(memory)/1024)
			if pages := (n + pageSize - 1) / pageSize; p.total > 6*pages+12 {
				t.Errorf("%v made %d calls for %d control planes: %v", command, p.total, n, p.calls)
			}
			if p.writes() > 0 || memory > maxMemory {
				t.Errorf("%v: %d writes, %d KiB", command, p.writes(), memory)
			}
		}
	}
	t.Log(table.String())
}

// measure runs the program and returns its time and its peak memory in KiB.
func measure(t *testing.T, binary, kubeconfig string, args []string) (time.Duration, int64) {
	t.Helper()
	cmd := exec.Command(binary, args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig)
	var out, err bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &err
	start := time.Now()
	_ = cmd.Run() // the exit status is checked below
	if status := cmd.ProcessState.ExitCode(); status != 0 && status != 3 {
		t.Fatalf("%v: exit status %d\n%.2000s\n%s", args, status, out.String(), err.String())
	}
	return time.Since(start), cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss
}

// writePlanes creates the control planes from one number to another, with all objects that
// the program reads. Their pods lack the identity.
func writePlanes(t *testing.T, c *kubetest.Cluster, from, to int) {
	t.Helper()
	ctx := t.Context()
	next := make(chan int)
	errs := make(chan error, to-from)
	var workers sync.WaitGroup
	for range 16 {
		workers.Go(func() {
			for i := range next {
				errs <- writePlane(ctx, c, i)
			}
		})
	}
	for i := from; i < to; i++ {
		next <- i
	}
	close(next)
	workers.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func writePlane(ctx context.Context, c *kubetest.Cluster, i int) error {
	id := fmt.Sprintf("00000000-0000-4000-8000-%012d", i)
	return c.CreateAll(ctx, strings.NewReplacer("NAMESPACE", "mxp-"+id+"-system", "NAME", fmt.Sprintf("ctp-%d", i), "UUID", id, "ROLE", roleARN).Replace(planeObjects))
}

const planeObjects = `
apiVersion: v1
kind: Namespace
metadata: {name: NAMESPACE, labels: {internal.spaces.upbound.io/controlplane-name: NAME, internal.spaces.upbound.io/controlplane-namespace: team}}
---
apiVersion: spaces.upbound.io/v1beta1
kind: ControlPlane
metadata: {name: NAME, namespace: team}
spec: {crossplane: {autoUpgrade: {channel: Stable}}}
status: {controlPlaneID: UUID}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: mxp-controller, namespace: NAMESPACE, annotations: {eks.amazonaws.com/role-arn: "ROLE"}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: mxp-controller, namespace: NAMESPACE}
spec:
  selector: {matchLabels: {app: mxp-controller}}
  template:
    metadata: {labels: {app: mxp-controller}}
    spec: {serviceAccountName: mxp-controller, containers: [{name: main, image: x}]}
status: {observedGeneration: 1, replicas: 1, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1}
---
apiVersion: v1
kind: Pod
metadata:
  name: mxp-controller-5d8f-x
  namespace: NAMESPACE
  labels: {app: mxp-controller, pod-template-hash: 5d8f}
  ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: mxp-controller-5d8f, uid: UUID, controller: true}]
spec:
  serviceAccountName: mxp-controller
  containers: [{name: main, image: x}]
status: {phase: Running, conditions: [{type: Ready, status: "True"}]}
`
