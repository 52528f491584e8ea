package kubetest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// nodeManifest is a node that kwok simulates.
const nodeManifest = `
apiVersion: v1
kind: Node
metadata:
  name: node-0
  annotations: {node.alpha.kubernetes.io/ttl: "0", kwok.x-k8s.io/node: fake}
  labels: {kubernetes.io/hostname: node-0, kubernetes.io/os: linux, type: kwok}
status:
  allocatable: {cpu: "1000", memory: 1000Gi, pods: "10000"}
  capacity: {cpu: "1000", memory: 1000Gi, pods: "10000"}
`

// startNodes starts the programs that create pods of Deployments, schedule them and
// simulate a node.
func (c *Cluster) startNodes() error {
	kubeconfig := filepath.Join(c.dir, "kubeconfig")
	if err := os.WriteFile(kubeconfig, kubeconfigOf(c.URL, c.ca, AdminToken), 0o600); err != nil {
		return err
	}
	certificate, key := filepath.Join(c.dir, "certificates", "apiserver.crt"), filepath.Join(c.dir, "service-account.key")
	if _, err := c.run("kube-controller-manager", "--kubeconfig", kubeconfig, "--leader-elect=false", "--secure-port", "0",
		"--service-account-private-key-file", key, "--root-ca-file", certificate,
		"--kube-api-qps", "500", "--kube-api-burst", "1000", "--concurrent-deployment-syncs", "20"); err != nil {
		return err
	}
	if _, err := c.run("kube-scheduler", "--kubeconfig", kubeconfig, "--leader-elect=false", "--secure-port", "0"); err != nil {
		return err
	}
	kwok, err := c.run("kwok", "--kubeconfig", kubeconfig, "--config", filepath.Join(c.programs, "kwok-stages.yaml"),
		"--manage-all-nodes=true", "--node-lease-duration-seconds", "40")
	if err != nil {
		return err
	}
	object, err := parseOne(nodeManifest)
	if err != nil {
		return err
	}
	if err := c.create(context.Background(), object); err != nil {
		return err
	}
	return kwok.until(func() bool { return c.nodeReady() })
}

func (c *Cluster) nodeReady() bool {
	n, err := c.Objects.Resource(Nodes).Get(context.Background(), "node-0", metav1.GetOptions{})
	if err != nil {
		return false
	}
	taints, _, _ := nestedSlice(n, "spec", "taints")
	conditions, _, _ := nestedSlice(n, "status", "conditions")
	return len(taints) == 0 && fmt.Sprint(conditions) != "[]"
}
