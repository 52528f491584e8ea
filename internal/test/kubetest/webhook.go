package kubetest

import (
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Webhook simulates the EKS Pod Identity webhook, after its published behaviour:
//
//   - It sees pods when they are created, unless they have the label
//     eks.amazonaws.com/skip-pod-identity-webhook. If it fails, the pod is created unchanged.
//   - A service account with the annotation role-arn gets the variables and the token volume
//     of IRSA. The annotations audience (default sts.amazonaws.com), token-expiration
//     (default 86400, at least 600) and sts-regional-endpoints count too. A pod's own
//     token-expiration wins.
//   - A service account with an identity in its configuration, which EKS writes for each
//     association, gets those of EKS Pod Identity instead.
//   - It leaves containers that the pod's annotation skip-containers lists. If a container
//     has one of a pair of variables, it sets neither, but still mounts the token.
//
// It does not do this: set AWS_REGION, handle Windows, read its configuration from a file,
// or lag behind the service accounts, as the cache of the real webhook does. It has one
// configuration for a whole cluster.
//
// Source: github.com/aws/amazon-eks-pod-identity-webhook, README.md and pkg/handler.
type Webhook struct {
	// Skip is the number of pods that the webhook does not change from now on. EKS does the
	// same if it does not know an association yet.
	Skip atomic.Int32

	cluster    *Cluster
	mu         sync.Mutex
	associated map[string]bool // namespace/service account
}

// Associate adds or removes the identity of a service account in the webhook's
// configuration, as EKS does for an association.
func (w *Webhook) Associate(namespace, serviceAccount string, exists bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.associated[namespace+"/"+serviceAccount] = exists
}

// SimulateWebhook starts a simulated webhook for the cluster.
func (c *Cluster) SimulateWebhook(t testing.TB) *Webhook {
	t.Helper()
	hook := &Webhook{cluster: c, associated: map[string]bool{}}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := hook.review(w, r); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	}))
	t.Cleanup(server.Close)
	bundle := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	c.Create(t, fmt.Sprintf(webhookManifest, server.URL, base64.StdEncoding.EncodeToString(bundle)))
	return hook
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
  objectSelector: {matchExpressions: [{key: eks.amazonaws.com/skip-pod-identity-webhook, operator: DoesNotExist}]}
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
		Metadata struct {
			Annotations map[string]string `json:"annotations"`
			Labels      map[string]string `json:"labels"`
		} `json:"metadata"`
		Spec map[string]any `json:"spec"`
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

func (w *Webhook) review(out http.ResponseWriter, r *http.Request) error {
	var review admissionReview
	if err := json.NewDecoder(r.Body).Decode(&review); err != nil {
		return err
	}
	review.Response = &admissionAnswer{UID: review.Request.UID, Allowed: true}
	name, _ := review.Request.Object.Spec["serviceAccountName"].(string)
	var annotations map[string]string
	account, err := w.cluster.Objects.Resource(ServiceAccounts).Namespace(review.Request.Namespace).Get(r.Context(), name, metav1.GetOptions{})
	switch {
	case err == nil:
		annotations = account.GetAnnotations()
	case !apierrors.IsNotFound(err):
		return err
	}
	what := injectionOf(annotations, w.isAssociated(review.Request.Namespace, name))
	if what != nil && !countDown(&w.Skip) {
		if review.Response.Patch, err = json.Marshal(what.patch(review.Request)); err != nil {
			return err
		}
		review.Response.PatchType = "JSONPatch"
	}
	review.Request = nil
	return json.NewEncoder(out).Encode(review)
}

func (w *Webhook) isAssociated(namespace, serviceAccount string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.associated[namespace+"/"+serviceAccount]
}

const annotationPrefix = "eks.amazonaws.com/"

// injected is what the webhook writes into a pod.
type injected struct {
	variables              [][2]string // a pair: if a container has one of them, it gets neither
	volume, mount, token   string
	audience               string
	expiration             int64 // seconds
	regional, withIdentity bool
}

// injectionOf returns what a service account's pods get, or nil.
func injectionOf(annotations map[string]string, associated bool) *injected {
	what := &injected{audience: "sts.amazonaws.com", volume: "aws-iam-token", mount: "/var/run/secrets/eks.amazonaws.com/serviceaccount", token: "token",
		expiration: expirationOf(annotations, 86400), regional: annotations[annotationPrefix+"sts-regional-endpoints"] == "true"}
	role := annotations[annotationPrefix+"role-arn"]
	switch {
	case associated:
		what.audience, what.volume, what.mount, what.token = "pods.eks.amazonaws.com", "eks-pod-identity-token", "/var/run/secrets/pods.eks.amazonaws.com/serviceaccount", "eks-pod-identity-token"
		what.withIdentity = true
		what.variables = [][2]string{{"AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials"}, {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", what.mount + "/" + what.token}}
	case role != "":
		if audience := annotations[annotationPrefix+"audience"]; audience != "" {
			what.audience = audience
		}
		what.variables = [][2]string{{"AWS_ROLE_ARN", role}, {"AWS_WEB_IDENTITY_TOKEN_FILE", what.mount + "/" + what.token}}
	default:
		return nil
	}
	return what
}

// expirationOf returns the lifetime that annotations ask for, in seconds.
func expirationOf(annotations map[string]string, otherwise int64) int64 {
	seconds, err := strconv.ParseInt(annotations[annotationPrefix+"token-expiration"], 10, 64)
	if err != nil {
		return otherwise
	}
	return max(seconds, 600)
}

func (what *injected) patch(r *admissionRequest) []patchOperation {
	spec, annotations := r.Object.Spec, r.Object.Metadata.Annotations
	skipped := strings.Split(annotations[annotationPrefix+"skip-containers"], ",")
	for _, list := range []string{"initContainers", "containers"} {
		containers, _ := spec[list].([]any)
		for _, item := range containers {
			if container := item.(map[string]any); !slices.Contains(skipped, fmt.Sprint(container["name"])) {
				what.change(container)
			}
		}
	}
	volumes, _ := spec["volumes"].([]any)
	if !hasNamed(volumes, what.volume) {
		token := map[string]any{"audience": what.audience, "expirationSeconds": expirationOf(annotations, what.expiration), "path": what.token}
		spec["volumes"] = append([]any{map[string]any{"name": what.volume, "projected": map[string]any{"sources": []any{map[string]any{"serviceAccountToken": token}}}}}, volumes...)
	}
	patch := []patchOperation{{"replace", "/spec", spec}}
	if what.withIdentity {
		labels := map[string]string{annotationPrefix + "pod-identity": "enabled"}
		maps.Copy(labels, r.Object.Metadata.Labels)
		patch = append(patch, patchOperation{"add", "/metadata/labels", labels})
	}
	return patch
}

// change adds the variables and the mount to a container.
func (what *injected) change(container map[string]any) {
	env, _ := container["env"].([]any)
	if what.regional && !hasNamed(env, "AWS_STS_REGIONAL_ENDPOINTS") {
		env = append(env, map[string]any{"name": "AWS_STS_REGIONAL_ENDPOINTS", "value": "regional"})
	}
	if !slices.ContainsFunc(what.variables, func(v [2]string) bool { return hasNamed(env, v[0]) }) {
		for _, v := range what.variables {
			env = append(env, map[string]any{"name": v[0], "value": v[1]})
		}
	}
	container["env"] = env
	if mounts, _ := container["volumeMounts"].([]any); !hasNamed(mounts, what.volume) {
		container["volumeMounts"] = append(mounts, map[string]any{"name": what.volume, "mountPath": what.mount, "readOnly": true})
	}
}

func hasNamed(list []any, name string) bool {
	return slices.ContainsFunc(list, func(item any) bool { return item.(map[string]any)["name"] == name })
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
