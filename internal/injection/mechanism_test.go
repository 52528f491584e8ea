package injection

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/space"
)

// TestPodsSayHowTheyGetCredentials has what `verify --prove` exchanges, and where a pod must
// reach the agent.
func TestPodsSayHowTheyGetCredentials(t *testing.T) {
	container := func(env string) string { return `{"name":"main",` + mounts + `,"env":[` + env + `]}` }
	const none = `{"name":"side"}`
	ipv6 := strings.Replace(podEnv, "169.254.170.23", "[fd00:ec2::23]", 1)
	for name, tt := range map[string]struct {
		init, containers string
		mechanism        Source
		audience, agent  string
	}{
		"nothing":                   {"", container(""), InstanceRole, "", ""},
		"no containers":             {"", "", InstanceRole, "", ""},
		"irsa":                      {"", container(irsaEnv), WebIdentity, "sts.amazonaws.com", ""},
		"pod identity":              {"", container(podEnv), PodIdentity, "pods.eks.amazonaws.com", "169.254.170.23"},
		"pod identity, IPv6":        {"", container(ipv6), PodIdentity, "pods.eks.amazonaws.com", "fd00:ec2::23"},
		"both":                      {"", container(irsaEnv + "," + podEnv), WebIdentity, "sts.amazonaws.com", "169.254.170.23"},
		"static keys":               {"", container(`{"name":"AWS_ACCESS_KEY_ID","value":"x"},{"name":"AWS_SECRET_ACCESS_KEY","value":"x"}`), InstanceRole, "", ""},
		"a sidecar before":          {"", none + "," + container(irsaEnv), WebIdentity, "sts.amazonaws.com", ""},
		"a sidecar after":           {"", container(podEnv) + "," + none, PodIdentity, "pods.eks.amazonaws.com", "169.254.170.23"},
		"only an init container":    {container(podEnv), none, InstanceRole, "", "169.254.170.23"},
		"another agent":             {"", container(strings.Replace(podEnv, "169.254.170.23", "127.0.0.1", 1)), PodIdentity, "pods.eks.amazonaws.com", ""},
		"a token that is not there": {"", container(strings.Replace(irsaEnv, "/run/irsa/token", "/gone", 1)), WebIdentity, "", ""},
		"no token's file":           {"", container(`{"name":"AWS_CONTAINER_CREDENTIALS_FULL_URI","value":"http://169.254.170.23/v1/credentials"}`), PodIdentity, "", "169.254.170.23"},
	} {
		t.Run(name, func(t *testing.T) {
			pod := decodeJSON[space.Pod](t, `{"spec":{"volumes":[`+irsaMount+`,`+podMount+`],"initContainers":[`+tt.init+`],"containers":[`+tt.containers+`]}}`)
			if got := Mechanism(pod); got != tt.mechanism {
				t.Errorf("the mechanism is %q", got)
			}
			audience, hasAudience := AudienceOf(pod)
			if audience != tt.audience || hasAudience != (tt.audience != "") {
				t.Errorf("the audience is %q, %t", audience, hasAudience)
			}
			agent, usesAgent := AgentOf(pod)
			if usesAgent != (tt.agent != "") || usesAgent && agent.String() != tt.agent {
				t.Errorf("the agent is %s, %t", agent, usesAgent)
			}
		})
	}
}

func TestSourceOfFollowsTheOrderOfTheSDK(t *testing.T) {
	const env = `{"name":"AWS_ACCESS_KEY_ID","value":"x"},{"name":"AWS_SECRET_ACCESS_KEY","value":"x"},{"name":"AWS_WEB_IDENTITY_TOKEN_FILE","value":"x"},
		{"name":"AWS_PROFILE","value":"x"},{"name":"AWS_SHARED_CREDENTIALS_FILE","value":"x"},{"name":"AWS_CONFIG_FILE","value":"x"},{"name":"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI","value":"x"},{"name":"AWS_CONTAINER_CREDENTIALS_FULL_URI","value":"x"}`
	c := decodeJSON[space.Container](t, `{"env":[`+env+`]}`)
	var got []string
	for len(c.Env) > 0 {
		source, variable := SourceOf(c)
		got = append(got, string(source)+": "+variable)
		c.Env = c.Env[1:]
	}
	source, variable := SourceOf(c)
	got = append(got, string(source)+": "+variable)
	want := []string{"static keys in the environment: AWS_ACCESS_KEY_ID", "a web identity token (IRSA): AWS_WEB_IDENTITY_TOKEN_FILE",
		"a web identity token (IRSA): AWS_WEB_IDENTITY_TOKEN_FILE", "a shared config or credentials file: AWS_PROFILE",
		"a shared config or credentials file: AWS_SHARED_CREDENTIALS_FILE", "a shared config or credentials file: AWS_CONFIG_FILE",
		"a container credentials endpoint of Amazon ECS: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "EKS Pod Identity: AWS_CONTAINER_CREDENTIALS_FULL_URI", "the role of the node: "}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("differs (-want +got):\n%s", diff)
	}
}

func TestProblemsThatANewPodMayNotHaveAreCurable(t *testing.T) {
	for cause, want := range map[Cause]bool{NoProblem: false, Outdated: true, Different: true, Overridden: true, Skipped: false, Preset: false, Audience: false} {
		if got := (Problem{Cause: cause}).Curable(); got != want {
			t.Errorf("cause %d: %t", cause, got)
		}
	}
}

// TestSkippedPodsAreCurableIfTheTemplateHasChanged has a pod whose label or annotation
// excludes it from the webhook. Only if the template has it too, new pods have it.
func TestSkippedPodsAreCurableIfTheTemplateHasChanged(t *testing.T) {
	const annotation, label = `"annotations":{"eks.amazonaws.com/skip-containers":"main"}`, `"labels":{"eks.amazonaws.com/skip-pod-identity-webhook":""}`
	for name, tt := range map[string]struct {
		pod, template string
		want          Cause
	}{
		"the annotation in both":         {annotation, annotation, Skipped},
		"the annotation only in the pod": {annotation, ``, Outdated},
		"the label in both":              {label, label, Skipped},
		"the label only in the pod":      {label, `"labels":{"x":"y"}`, Outdated},
		"none":                           {``, annotation, Outdated},
	} {
		metadata := strings.TrimSuffix(`"ownerReferences":[{"kind":"StatefulSet","name":"w"}],`+tt.pod, ",")
		pod := decodeJSON[space.Pod](t, `{"metadata":{`+metadata+`},"spec":{"containers":[{"name":"main"}]}}`)
		w := decodeJSON[space.Workload](t, `{"metadata":{"name":"w"},"spec":{"template":{"metadata":{`+tt.template+`}}}}`)
		w.Resource = space.StatefulSets
		s := testState(t, identity.IRSA)
		if got := WorkloadProblem(w, space.ServiceAccount{}, []space.Pod{pod}, s.Components[0], s); got.Cause != tt.want {
			t.Errorf("%s: %+v", name, got)
		}
		w.Meta.Name = "another"
		if got := WorkloadProblem(w, space.ServiceAccount{}, []space.Pod{pod}, s.Components[0], s); got.Cause != NoProblem {
			t.Errorf("%s, of another workload: %+v", name, got)
		}
		w.Meta.Name, w.Resource = "w", space.Deployments
		if got := WorkloadProblem(w, space.ServiceAccount{}, []space.Pod{pod}, s.Components[0], s); got.Cause != NoProblem {
			t.Errorf("%s, of another kind: %+v", name, got)
		}
	}
}

// TestFindStaleLooksAtEachComponentInEachControlPlane has two of both, and one that is being
// deleted.
func TestFindStaleLooksAtEachComponentInEachControlPlane(t *testing.T) {
	o := observedPlane(t, `"eks.amazonaws.com/role-arn":"`+testRole+`"`, "", stalePod)
	o.ControlPlanes = append(o.ControlPlanes, space.ControlPlane{HostNamespace: "b"}, space.ControlPlane{HostNamespace: "gone", Deleting: true})
	account := decodeJSON[space.ServiceAccount](t, `{"metadata":{"annotations":{}}}`)
	for _, at := range []space.Key{{Namespace: "b", Name: "mxp-controller"}, {Namespace: "b", Name: "vector"}, {Namespace: "gone", Name: "vector"}} {
		o.ServiceAccounts[at] = account
	}
	o.Pods[space.Key{Namespace: "b", Name: "vector"}] = []space.Pod{decodeJSON[space.Pod](t, barePod)}
	s := testState(t, identity.IRSA, func(s *identity.Settings) {
		s.Components = append(s.Components, identity.Component{Name: "vector", Mode: identity.IRSA, Role: s.Components[0].Role})
	})
	var got []string
	for _, w := range FindStale(o, s) {
		line := w.Namespace + " " + w.Component.Name + " " + w.Workload.Meta.Name
		if w.Pod != nil {
			line += "pod " + w.Pod.Meta.Name
		}
		if w.Annotated {
			line += " annotated"
		}
		got = append(got, line)
	}
	want := []string{hostNamespace + " mxp-controller mxp-controller annotated", "b mxp-controller ", "b vector pod bare"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("differs (-want +got):\n%s", diff)
	}
}

// TestAnnotatedNeedsEveryAnnotation has a component with two.
func TestAnnotatedNeedsEveryAnnotation(t *testing.T) {
	c := testState(t, identity.IRSA, func(s *identity.Settings) {
		s.Components[0].ExtraAnnotations = map[string]string{"eks.amazonaws.com/token-expiration": "7200"}
	}).Components[0]
	const role, expiration = `"eks.amazonaws.com/role-arn":"` + testRole + `"`, `"eks.amazonaws.com/token-expiration":"7200"`
	for annotations, want := range map[string]bool{"": false, role: false, expiration: false, role + "," + expiration: true,
		role + `,"x":"y",` + expiration: true, role + "," + strings.Replace(expiration, "7", "8", 1): false} {
		if got := Annotated(decodeJSON[space.ServiceAccount](t, `{"metadata":{"annotations":{`+annotations+`}}}`), c); got != want {
			t.Errorf("%s: %t", annotations, got)
		}
	}
}
