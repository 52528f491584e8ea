// Package kubetest runs etcd and a real Kubernetes API server for tests. If a test needs
// nodes, it also runs kube-controller-manager, kube-scheduler and kwok, which simulates
// nodes. The programs listen on loopback and need no root. make e2e builds them and sets
// [Variable].
//
// The cluster is not EKS, so no webhook injects credentials into pods.
// [Cluster.SimulateWebhook] simulates the webhook.
package kubetest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
)

// Variable is the environment variable with the directory of the programs. If it is not
// set, tests that need a server are skipped.
const Variable = "SPACES_IDENTITY_KUBE"

// AdminToken is the bearer token of a user in the group system:masters.
const AdminToken = "admin"

// UserToken is the bearer token of the user [User], who has no rights. Tests bind the
// documented roles to that user.
const (
	UserToken = "user"
	User      = "someone"
)

// Issuer is the issuer of the service account tokens, in the form of EKS. Nothing else
// answers at this address, and it need not.
const Issuer = "https://oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E"

// startTimeout is much longer than a start takes on a busy machine.
const startTimeout = 3 * time.Minute

// Cluster is a running API server.
type Cluster struct {
	// URL of the API server.
	URL string
	// Objects reads and writes anything, as an administrator.
	Objects dynamic.Interface

	programs  string
	dir       string
	ca        []byte
	processes []*process // in the order of their start
}

// Start starts a cluster and stops it at the end of the test. With nodes, the pods of
// Deployments run.
func Start(t testing.TB, nodes bool) *Cluster {
	t.Helper()
	programs := os.Getenv(Variable)
	if programs == "" {
		t.Skip("needs a Kubernetes API server: run make e2e, which builds one and sets " + Variable)
	}
	dir, err := os.MkdirTemp("", "kubetest-")
	if err != nil {
		t.Fatal(err)
	}
	c := &Cluster{programs: programs, dir: dir}
	t.Cleanup(func() { c.stop(t) })
	if err := c.start(nodes); err != nil {
		t.Fatalf("the test's API server does not start: %v", err)
	}
	return c
}

func (c *Cluster) start(nodes bool) error {
	ports, err := freePorts(3)
	if err != nil {
		return err
	}
	etcd := fmt.Sprintf("http://127.0.0.1:%d", ports[0])
	if err := c.startEtcd(etcd, fmt.Sprintf("http://127.0.0.1:%d", ports[1])); err != nil {
		return err
	}
	if err := c.startAPIServer(etcd, ports[2]); err != nil {
		return err
	}
	if c.Objects, err = dynamic.NewForConfig(c.Config(AdminToken)); err != nil {
		return err
	}
	if nodes {
		return c.startNodes()
	}
	return nil
}

func (c *Cluster) startEtcd(client, peer string) error {
	etcd, err := c.run("etcd",
		"--data-dir", filepath.Join(c.dir, "etcd"),
		"--listen-client-urls", client, "--advertise-client-urls", client,
		"--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", "default="+peer,
		"--unsafe-no-fsync", "--quota-backend-bytes", "4294967296")
	if err != nil {
		return err
	}
	return etcd.until(func() bool { return respondsOK(http.DefaultClient, client+"/health") })
}

func (c *Cluster) startAPIServer(etcd string, port int) error {
	key, tokens := filepath.Join(c.dir, "service-account.key"), filepath.Join(c.dir, "tokens.csv")
	if err := writeKey(key); err != nil {
		return err
	}
	users := fmt.Sprintf("%s,admin,admin,system:masters\n%s,%s,%s\n", AdminToken, UserToken, User, User)
	if err := os.WriteFile(tokens, []byte(users), 0o600); err != nil {
		return err
	}
	certificates := filepath.Join(c.dir, "certificates")
	server, err := c.run("kube-apiserver",
		"--etcd-servers", etcd, "--bind-address", "127.0.0.1", "--secure-port", fmt.Sprint(port), "--cert-dir", certificates,
		"--endpoint-reconciler-type", "none", "--service-cluster-ip-range", "10.0.0.0/16",
		"--authorization-mode", "RBAC", "--token-auth-file", tokens,
		"--service-account-issuer", Issuer, "--api-audiences", "https://kubernetes.default.svc",
		"--service-account-key-file", key, "--service-account-signing-key-file", key)
	if err != nil {
		return err
	}
	c.URL = fmt.Sprintf("https://127.0.0.1:%d", port)
	return server.until(func() bool { return c.ready(filepath.Join(certificates, "apiserver.crt")) })
}

// ready reads the certificate that the server created for itself, and reports whether
// the server is ready.
func (c *Cluster) ready(certificate string) bool {
	var err error
	if c.ca, err = os.ReadFile(certificate); err != nil {
		return false
	}
	client, err := rest.HTTPClientFor(c.Config(AdminToken))
	return err == nil && respondsOK(client, c.URL+"/readyz")
}

// Config returns a client config with a bearer token.
func (c *Cluster) Config(token string) *rest.Config {
	return &rest.Config{Host: c.URL, BearerToken: token, TLSClientConfig: rest.TLSClientConfig{CAData: c.ca}, QPS: -1}
}

// Kubeconfig writes a kubeconfig for a bearer token and returns its path.
func (c *Cluster) Kubeconfig(t testing.TB, token string) string {
	t.Helper()
	return WriteKubeconfig(t, c.URL, c.ca, token)
}

func respondsOK(client *http.Client, url string) bool {
	response, err := client.Get(url)
	if err != nil {
		return false
	}
	_ = response.Body.Close() // only its status matters
	return response.StatusCode == http.StatusOK
}

func writeKey(path string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), 0o600)
}

// freePorts returns free ports. Nothing reserves them, but the kernel assigns other ports
// first.
func freePorts(n int) ([]int, error) {
	var ports []int
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer func() { _ = l.Close() }()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}
