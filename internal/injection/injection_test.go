package injection

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/space"
	"spaces-identity.dev/internal/test/fixture"
)

const (
	hostNamespace = "mxp-706c49fa-5bb8-4a7e-9f41-2fc38ef4b065-system"
	testRole      = "arn:aws:iam::123456789012:role/spaces-backup"
)

// testState returns the state of a config with one component, mxp-controller. The changes
// are applied to its settings.
func testState(t *testing.T, mode identity.Mode, changes ...func(*identity.Settings)) desired.State {
	t.Helper()
	settings := identity.Settings{Components: []identity.Component{{Name: "mxp-controller", Mode: mode,
		Role: identity.RoleARN{Partition: "aws", Account: "123456789012", Name: "spaces-backup"}}}}
	for _, change := range changes {
		change(&settings)
	}
	return desired.Of(fixture.Spec(t, settings))
}

// JSON of what the webhook injects into a container and a pod.
const (
	irsaEnv   = `{"name":"AWS_ROLE_ARN","value":"` + testRole + `"},{"name":"AWS_WEB_IDENTITY_TOKEN_FILE","value":"/token"}`
	podEnv    = `{"name":"AWS_CONTAINER_CREDENTIALS_FULL_URI","value":"http://169.254.170.23/v1/credentials"},{"name":"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE","value":"/token"}`
	irsaMount = `{"name":"aws-iam-token"}`
	podMount  = `{"name":"eks-pod-identity-token"}`
)

func TestPodProblemSaysWhatIsMissing(t *testing.T) {
	other := strings.Replace(irsaEnv, "spaces-backup", "other", 1)
	for name, tt := range map[string]struct {
		mode                          identity.Mode
		init, main, volumes, metadata string
		want                          Problem
	}{
		"irsa":                    {identity.IRSA, irsaEnv, irsaEnv, irsaMount, "", Problem{}},
		"pod identity":            {identity.PodIdentity, podEnv, podEnv, podMount, "", Problem{}},
		"both, irsa so far":       {identity.Both, irsaEnv, irsaEnv, irsaMount, "", Problem{}},
		"both, associated":        {identity.Both, podEnv, podEnv, podMount, "", Problem{}},
		"nothing":                 {identity.IRSA, "", "", "", `"creationTimestamp":"2026-01-03T00:00:00Z"`, Problem{Outdated, "the EKS webhook injected no credentials when the pod was created"}},
		"older":                   {identity.IRSA, "", "", "", `"creationTimestamp":"2026-01-01T00:00:00Z"`, Problem{Outdated, "the pod was created before its service account was annotated"}},
		"another role":            {identity.IRSA, other, other, irsaMount, "", Problem{Outdated, "the pod has the credentials of another role, arn:aws:iam::123456789012:role/other"}},
		"overridden":              {identity.IRSA, podEnv, podEnv, podMount, "", Problem{Overridden, overriddenReason}},
		"no association":          {identity.PodIdentity, "", "", "", "", Problem{Outdated, "the pod has no EKS Pod Identity credentials: its association does not exist, or was created after the pod"}},
		"init container left out": {identity.IRSA, "", irsaEnv, irsaMount, "", Problem{Outdated, "containers without the identity: apis-init"}},
		"skipped by annotation":   {identity.IRSA, "", irsaEnv, irsaMount, `"annotations":{"eks.amazonaws.com/skip-containers":"apis-init"}`, Problem{Skipped, "the pod's annotation eks.amazonaws.com/skip-containers excludes these containers: apis-init"}},
		"no volume":               {identity.IRSA, irsaEnv, irsaEnv, "", "", Problem{Outdated, "the pod has the identity's environment variables, but no volume with the token"}},
		"the other mode's volume": {identity.PodIdentity, podEnv, podEnv, irsaMount, "", Problem{Outdated, "the pod has the identity's environment variables, but no volume with the token"}},
	} {
		t.Run(name, func(t *testing.T) {
			pod := decodeJSON[space.Pod](t, `{"metadata":{`+tt.metadata+`},"spec":{"volumes":[`+tt.volumes+`],
				"initContainers":[{"name":"apis-init","env":[`+tt.init+`]}],"containers":[{"name":"main","env":[`+tt.main+`]}]}}`)
			account := decodeJSON[space.ServiceAccount](t, `{"metadata":{"managedFields":[
				{"time":"2026-01-02T00:00:00Z","fieldsV1":{"f:metadata":{"f:annotations":{"f:eks.amazonaws.com/role-arn":{}}}}},
				{"time":"2026-01-09T00:00:00Z","fieldsV1":{"f:metadata":{"f:labels":{}}}}]}}`)
			if diff := cmp.Diff(tt.want, PodProblem(pod, testState(t, tt.mode).Components[0], account)); diff != "" {
				t.Errorf("differs (-want +got):\n%s", diff)
			}
		})
	}
}

// Pods of a Deployment, with and without the identity.
const (
	rightPod = `{"metadata":{"name":"right","namespace":"` + hostNamespace + `","labels":{"pod-template-hash":"5d8f"},"ownerReferences":[{"kind":"ReplicaSet","name":"mxp-controller-5d8f"}]},
		"spec":{"volumes":[` + irsaMount + `],"containers":[{"name":"main","env":[` + irsaEnv + `]}]}}`
	stalePod = `{"metadata":{"name":"stale","namespace":"` + hostNamespace + `","labels":{"pod-template-hash":"5d8f"},"ownerReferences":[{"kind":"ReplicaSet","name":"mxp-controller-5d8f"}]},
		"spec":{"containers":[{"name":"main"}]}}`
	barePod = `{"metadata":{"name":"bare","namespace":"` + hostNamespace + `"},"spec":{"containers":[{"name":"main"}]}}`
)

func TestFindStaleReturnsOnlyWorkloadsWithAProblem(t *testing.T) {
	policy := func(s *identity.Settings) { s.AdmissionPolicy = identity.NativeAdmissionPolicy }
	label := func(s *identity.Settings) {
		s.Components[0].PodLabels = map[string]string{"team": "storage"}
	}
	const annotations = `"eks.amazonaws.com/role-arn":"` + testRole + `"`
	const skipped = "the EKS webhook injected no credentials when the pod was created"
	for name, tt := range map[string]struct {
		state       []func(*identity.Settings)
		annotations string
		pods        []string
		template    string // labels of the pod template
		want        string // the workload and its problem
	}{
		"nothing lacks":                    {nil, annotations, []string{rightPod}, "", ""},
		"one of two pods":                  {nil, annotations, []string{rightPod, stalePod}, "", "mxp-controller: " + skipped},
		"a pod of no workload":             {nil, annotations, []string{rightPod, barePod}, "", ""},
		"only the service account":         {nil, "", []string{rightPod}, "", ": its service account does not have every annotation of the config"},
		"service account and pods":         {nil, "", []string{stalePod}, "", "mxp-controller: " + skipped},
		"a label that the template has":    {[]func(*identity.Settings){label}, annotations, []string{rightPod}, `"team":"storage"`, "mxp-controller: the pod does not have the label team"},
		"a label that the template lacks":  {[]func(*identity.Settings){label}, annotations, []string{rightPod}, "", ""},
		"a label that a policy would add":  {[]func(*identity.Settings){label, policy}, annotations, []string{rightPod}, "", "mxp-controller: the pod does not have the label team"},
		"the identity goes before a label": {[]func(*identity.Settings){label, policy}, annotations, []string{stalePod}, "", "mxp-controller: " + skipped},
	} {
		t.Run(name, func(t *testing.T) {
			o := observedPlane(t, tt.annotations, tt.template, tt.pods...)
			found := FindStale(o, testState(t, identity.IRSA, tt.state...))
			got := ""
			for _, s := range found {
				got += s.Workload.Meta.Name + ": " + s.Reason
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("differs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFindStaleReportsWhatCouldNotBeRead(t *testing.T) {
	o := observedPlane(t, "", "", stalePod)
	o.Unread = []*space.Error{{Verb: "list", Resource: space.StatefulSets, Namespace: hostNamespace}}
	found := FindStale(o, testState(t, identity.IRSA))
	if len(found) != 1 || found[0].Unreadable == nil || found[0].Cause != NoProblem {
		t.Errorf("%+v", found)
	}
}

func TestSelectionFollowsTheControlPlanesOfTheConfig(t *testing.T) {
	for name, tt := range map[string]struct {
		planes  identity.ControlPlanes
		certain bool
		admits  string
	}{
		"nothing is said": {identity.ControlPlanes{}, true, ""},
		"match":           {identity.ControlPlanes{Match: identity.MatchUUID}, false, hostNamespace},
		"listed":          {identity.ControlPlanes{Namespaces: []string{"prod-a"}}, false, "prod-a"},
		"discovered":      {identity.ControlPlanes{Namespaces: []string{"prod-a"}, Discover: true}, true, "prod-a"},
	} {
		wanted := Selection(testState(t, identity.IRSA, func(s *identity.Settings) { s.ControlPlanes = tt.planes }))
		if wanted.Certain != tt.certain || wanted.Admits("logging") || tt.admits != "" && !wanted.Admits(tt.admits) {
			t.Errorf("%s: %+v", name, wanted)
		}
		if diff := cmp.Diff([]string{"mxp-controller"}, wanted.ServiceAccounts); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// observedPlane returns a control plane with a service account, a Deployment and pods.
func observedPlane(t *testing.T, annotations, templateLabels string, pods ...string) space.Observed {
	t.Helper()
	at := space.Key{Namespace: hostNamespace, Name: "mxp-controller"}
	w := decodeJSON[space.Workload](t, `{"metadata":{"name":"mxp-controller"},"spec":{"template":{"metadata":{"labels":{`+templateLabels+`}}}}}`)
	w.Resource = space.Deployments
	o := space.Observed{ControlPlanes: []space.ControlPlane{{HostNamespace: hostNamespace}},
		ServiceAccounts: map[space.Key]space.ServiceAccount{at: decodeJSON[space.ServiceAccount](t, `{"metadata":{"annotations":{`+annotations+`}}}`)},
		Workloads:       map[space.Key][]space.Workload{at: {w}}, Pods: map[space.Key][]space.Pod{}}
	for _, pod := range pods {
		o.Pods[at] = append(o.Pods[at], decodeJSON[space.Pod](t, pod))
	}
	return o
}

func decodeJSON[T any](t *testing.T, text string) T {
	t.Helper()
	var value T
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatal(err)
	}
	return value
}
