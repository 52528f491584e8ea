package kubetest

import (
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// SimulateWebhook simulates the EKS webhook for IRSA: every container of a pod whose service
// account has the role annotation gets the environment and the volume. If skip is above 0,
// the webhook decrements it and does not change the pod. EKS does the same if it does not
// know an association yet.
func (c *Cluster) SimulateWebhook(t testing.TB) (skip *atomic.Int32) {
	t.Helper()
	skip = new(atomic.Int32)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := c.review(w, r, skip); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	}))
	t.Cleanup(server.Close)
	bundle := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	c.Create(t, fmt.Sprintf(webhookManifest, server.URL, base64.StdEncoding.EncodeToString(bundle)))
	return skip
}

const webhookManifest = `
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata: {name: simulated-pod-identity-webhook}
webhooks:
- name: simulated.eks.amazonaws.com
  admissionReviewVersions: [v1]
  sideEffects: None
  failurePolicy: Ignore
  clientConfig: {url: %q, caBundle: %s}
  rules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods]}]
`

// admissionReview is the part of an AdmissionReview that the webhook needs.
type admissionReview struct {
	APIVersion string            `json:"apiVersion"`
	Kind       string            `json:"kind"`
	Request    *admissionRequest `json:"request,omitempty"`
	Response   *admissionAnswer  `json:"response,omitempty"`
}

type admissionRequest struct {
	UID       string `json:"uid"`
	Namespace string `json:"namespace"`
	Object    struct {
		Spec struct {
			ServiceAccountName string `json:"serviceAccountName"`
			Containers         []struct {
				Env []any `json:"env"`
			} `json:"containers"`
			InitContainers []struct {
				Env []any `json:"env"`
			} `json:"initContainers"`
		} `json:"spec"`
	} `json:"object"`
}

type admissionAnswer struct {
	UID       string `json:"uid"`
	Allowed   bool   `json:"allowed"`
	PatchType string `json:"patchType,omitempty"`
	Patch     []byte `json:"patch,omitempty"`
}

type patchOperation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value"`
}

func (c *Cluster) review(w http.ResponseWriter, r *http.Request, skip *atomic.Int32) error {
	var review admissionReview
	if err := json.NewDecoder(r.Body).Decode(&review); err != nil {
		return err
	}
	pod := review.Request.Object.Spec
	review.Response = &admissionAnswer{UID: review.Request.UID, Allowed: true}
	account, err := c.Objects.Resource(ServiceAccounts).Namespace(review.Request.Namespace).Get(r.Context(), pod.ServiceAccountName, metav1.GetOptions{})
	if err != nil {
		return err
	}
	if role := account.GetAnnotations()["eks.amazonaws.com/role-arn"]; role != "" && !countDown(skip) {
		patch := []patchOperation{{"add", "/spec/volumes/-", map[string]any{"name": "aws-iam-token", "emptyDir": struct{}{}}}}
		for i, container := range pod.Containers {
			patch = append(patch, environmentPatch("containers", i, role, container.Env)...)
		}
		for i, container := range pod.InitContainers {
			patch = append(patch, environmentPatch("initContainers", i, role, container.Env)...)
		}
		if review.Response.Patch, err = json.Marshal(patch); err != nil {
			return err
		}
		review.Response.PatchType = "JSONPatch"
	}
	review.Request = nil
	return json.NewEncoder(w).Encode(review)
}

func environmentPatch(list string, i int, role string, existing []any) []patchOperation {
	env := append(existing,
		map[string]any{"name": "AWS_ROLE_ARN", "value": role},
		map[string]any{"name": "AWS_WEB_IDENTITY_TOKEN_FILE", "value": "/var/run/secrets/eks.amazonaws.com/serviceaccount/token"})
	return []patchOperation{{"add", fmt.Sprintf("/spec/%s/%d/env", list, i), env}}
}

// countDown decrements a number above 0 and reports whether it did.
func countDown(left *atomic.Int32) bool {
	for {
		n := left.Load()
		if n <= 0 {
			return false
		}
		if left.CompareAndSwap(n, n-1) {
			return true
		}
	}
}
