package injection

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/space"
)

const testRole = "arn:aws:iam::123456789012:role/spaces-backup"

func component(mode identity.Mode) identity.Component {
	return identity.Component{Name: "mxp-controller", ServiceAccount: "mxp-controller", Mode: mode, Bucket: "spaces-backups",
		Role: identity.RoleARN{Partition: "aws", Account: "123456789012", Name: "spaces-backup"}}
}

// What the webhook writes into a container and a pod, as JSON.
const (
	irsaEnv   = `{"name":"AWS_ROLE_ARN","value":"` + testRole + `"},{"name":"AWS_WEB_IDENTITY_TOKEN_FILE","value":"/token"}`
	podEnv    = `{"name":"AWS_CONTAINER_CREDENTIALS_FULL_URI","value":"http://169.254.170.23/v1/credentials"},{"name":"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE","value":"/token"}`
	irsaMount = `{"name":"aws-iam-token"}`
	podMount  = `{"name":"eks-pod-identity-token"}`
)

func TestLackOf(t *testing.T) {
	other := strings.Replace(irsaEnv, "spaces-backup", "other", 1)
	for name, tt := range map[string]struct {
		mode                          identity.Mode
		init, main, volumes, metadata string
		want                          Lack
	}{
		"irsa":                    {identity.IRSA, irsaEnv, irsaEnv, irsaMount, "", Lack{}},
		"pod identity":            {identity.PodIdentity, podEnv, podEnv, podMount, "", Lack{}},
		"both, irsa so far":       {identity.Both, irsaEnv, irsaEnv, irsaMount, "", Lack{}},
		"both, associated":        {identity.Both, podEnv, podEnv, podMount, "", Lack{}},
		"nothing":                 {identity.IRSA, "", "", "", `"creationTimestamp":"2026-01-03T00:00:00Z"`, Lack{"the webhook skipped the pod: it has none of the environment of a role", true}},
		"older":                   {identity.IRSA, "", "", "", `"creationTimestamp":"2026-01-01T00:00:00Z"`, Lack{"the pod is older than the annotation of its service account", true}},
		"another role":            {identity.IRSA, other, other, irsaMount, "", Lack{"the pod has another role, arn:aws:iam::123456789012:role/other", true}},
		"overridden":              {identity.IRSA, podEnv, podEnv, podMount, "", Lack{overridden, false}},
		"no association":          {identity.PodIdentity, "", "", "", "", Lack{"the pod has no credentials of EKS Pod Identity: it is older than its association, or there is none", true}},
		"init container left out": {identity.IRSA, "", irsaEnv, irsaMount, "", Lack{"containers without the identity: apis-init", true}},
		"skipped by annotation":   {identity.IRSA, "", irsaEnv, irsaMount, `"annotations":{"eks.amazonaws.com/skip-containers":"apis-init"}`, Lack{"the pod's annotation eks.amazonaws.com/skip-containers leaves out apis-init", false}},
		"no volume":               {identity.IRSA, irsaEnv, irsaEnv, "", "", Lack{"the pod has the environment of the identity and no volume with its token", true}},
		"the other mode's volume": {identity.PodIdentity, podEnv, podEnv, irsaMount, "", Lack{"the pod has the environment of the identity and no volume with its token", true}},
	} {
		t.Run(name, func(t *testing.T) {
			pod := decode[space.Pod](t, `{"metadata":{`+tt.metadata+`},"spec":{"volumes":[`+tt.volumes+`],
				"initContainers":[{"name":"apis-init","env":[`+tt.init+`]}],"containers":[{"name":"main","env":[`+tt.main+`]}]}}`)
			account := decode[space.ServiceAccount](t, `{"metadata":{"managedFields":[
				{"time":"2026-01-02T00:00:00Z","fieldsV1":{"f:metadata":{"f:annotations":{"f:eks.amazonaws.com/role-arn":{}}}}},
				{"time":"2026-01-09T00:00:00Z","fieldsV1":{"f:metadata":{"f:labels":{}}}}]}}`)
			if diff := cmp.Diff(tt.want, LackOf(pod, component(tt.mode), account)); diff != "" {
				t.Errorf("differs (-want +got):\n%s", diff)
			}
		})
	}
}

func decode[T any](t *testing.T, text string) T {
	t.Helper()
	var value T
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatal(err)
	}
	return value
}
