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
	irsaEnv   = `{"name":"AWS_ROLE_ARN","value":"` + testRole + `"},{"name":"AWS_WEB_IDENTITY_TOKEN_FILE","value":"/run/irsa/token"}`
	podEnv    = `{"name":"AWS_CONTAINER_CREDENTIALS_FULL_URI","value":"http://169.254.170.23/v1/credentials"},{"name":"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE","value":"/run/pod/token"}`
	mounts    = `"volumeMounts":[{"name":"aws-iam-token","mountPath":"/run/irsa"},{"name":"eks-pod-identity-token","mountPath":"/run/pod/"}]`
	irsaMount = `{"name":"aws-iam-token","projected":{"sources":[{"serviceAccountToken":{"audience":"sts.amazonaws.com","expirationSeconds":86400,"path":"token"}}]}}`
	podMount  = `{"name":"eks-pod-identity-token","projected":{"sources":[{"serviceAccountToken":{"audience":"pods.eks.amazonaws.com","expirationSeconds":86400,"path":"token"}}]}}`
)

func TestPodProblemSaysWhatIsMissing(t *testing.T) {
	const vaultMount = `{"name":"aws-iam-token","projected":{"sources":[{"serviceAccountToken":{"audience":"vault.example.com","path":"token"}}]}}`
	const noToken = "the pod has the identity's environment variables, but no volume with a service account token at "
	other := strings.Replace(irsaEnv, "spaces-backup", "other", 1)
	onlyFile := `{"name":"AWS_WEB_IDENTITY_TOKEN_FILE","value":"/mine"}`
	onlyURI := `{"name":"AWS_CONTAINER_CREDENTIALS_FULL_URI","value":"http://169.254.170.23/v1/credentials"}`
	onlyToken := `{"name":"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE","value":"/run/pod/token"}`
	fromSecret := `{"name":"AWS_ROLE_ARN","valueFrom":{"secretKeyRef":{"name":"s","key":"k"}}},{"name":"AWS_WEB_IDENTITY_TOKEN_FILE","value":"/run/irsa/token"}`
	annotatedLater := `"creationTimestamp":"2025-01-01T00:00:00Z","managedFields":[
		{"time":"2026-01-02T00:00:00Z","fieldsV1":{"f:metadata":{"f:annotations":{"f:eks.amazonaws.com/role-arn":{}}}}},
		{"time":"2026-01-09T00:00:00Z","fieldsV1":{"f:metadata":{"f:labels":{}}}}]`
	expires := func(s *identity.Settings) {
		s.Components[0].ExtraAnnotations = map[string]string{"eks.amazonaws.com/token-expiration": "7200"}
	}
	for name, tt := range map[string]struct {
		mode                          identity.Mode
		init, main, volumes, metadata string
		account                       string // metadata of the service account
		change                        func(*identity.Settings)
		want                          Problem
	}{
		"irsa":                    {identity.IRSA, irsaEnv, irsaEnv, irsaMount, "", "", nil, Problem{}},
		"pod identity":            {identity.PodIdentity, podEnv, podEnv, podMount, "", "", nil, Problem{}},
		"both, irsa so far":       {identity.Both, irsaEnv, irsaEnv, irsaMount, "", "", nil, Problem{}},
		"both, associated":        {identity.Both, podEnv, podEnv, podMount, "", "", nil, Problem{}},
		"skipped":                 {identity.IRSA, "", "", "", `"creationTimestamp":"2026-01-03T00:00:00Z"`, annotatedLater, nil, Problem{Outdated, noneWhenCreated}},
		"older":                   {identity.IRSA, "", "", "", `"creationTimestamp":"2026-01-01T00:00:00Z"`, annotatedLater, nil, Problem{Outdated, "the pod was created before its service account was annotated"}},
		"older than the account":  {identity.IRSA, "", "", "", `"creationTimestamp":"2026-01-01T00:00:00Z"`, `"creationTimestamp":"2026-01-02T00:00:00Z"`, nil, Problem{Outdated, "the pod was created before its service account was annotated"}},
		"older or skipped":        {identity.IRSA, "", "", "", `"creationTimestamp":"2026-01-03T00:00:00Z"`, "", nil, Problem{Outdated, "the pod was created before its service account was annotated, or the EKS webhook left it out"}},
		"the label":               {identity.IRSA, "", "", "", `"labels":{"eks.amazonaws.com/skip-pod-identity-webhook":""}`, "", nil, Problem{Skipped, "the pod's label eks.amazonaws.com/skip-pod-identity-webhook makes the EKS webhook leave it out"}},
		"another role":            {identity.IRSA, other, other, irsaMount, "", "", nil, Problem{Different, "the pod has the credentials of another role, arn:aws:iam::123456789012:role/other"}},
		"a role from a Secret":    {identity.IRSA, fromSecret, fromSecret, irsaMount, "", "", nil, Problem{Preset, "the pod template sets AWS_ROLE_ARN from another object, such as a Secret, which is not read"}},
		"a preset token file":     {identity.IRSA, onlyFile, onlyFile, irsaMount, "", "", nil, Problem{Preset, "the pod template sets one of AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE itself, so the EKS webhook sets neither"}},
		"overridden":              {identity.IRSA, podEnv, podEnv, podMount, "", "", nil, Problem{Overridden, overriddenReason}},
		"no association":          {identity.PodIdentity, "", "", "", "", "", nil, Problem{Outdated, "the pod has no EKS Pod Identity credentials: its association does not exist, or was created after the pod"}},
		"credentials, no token":   {identity.PodIdentity, onlyURI, onlyURI, podMount, "", "", nil, Problem{Outdated, "the pod has no EKS Pod Identity credentials: its association does not exist, or was created after the pod"}},
		"a token, no credentials": {identity.PodIdentity, onlyToken, onlyToken, podMount, "", "", nil, Problem{Outdated, "the pod has no EKS Pod Identity credentials: its association does not exist, or was created after the pod"}},
		"init container left out": {identity.IRSA, "", irsaEnv, irsaMount, "", "", nil, Problem{Outdated, "containers without the identity: apis-init"}},
		"skipped by annotation":   {identity.IRSA, "", irsaEnv, irsaMount, `"annotations":{"eks.amazonaws.com/skip-containers":"x,apis-init"}`, "", nil, Problem{Skipped, "the pod's annotation eks.amazonaws.com/skip-containers excludes these containers: apis-init"}},
		"another is skipped":      {identity.IRSA, "", irsaEnv, irsaMount, `"annotations":{"eks.amazonaws.com/skip-containers":"apis"}`, "", nil, Problem{Outdated, "containers without the identity: apis-init"}},
		"no volume":               {identity.IRSA, irsaEnv, irsaEnv, "", "", "", nil, Problem{Different, noToken + "/run/irsa/token"}},
		"an empty volume":         {identity.IRSA, irsaEnv, irsaEnv, `{"name":"aws-iam-token"}`, "", "", nil, Problem{Different, noToken + "/run/irsa/token"}},
		"the other mode's volume": {identity.PodIdentity, podEnv, podEnv, irsaMount, "", "", nil, Problem{Different, noToken + "/run/pod/token"}},
		"another audience":        {identity.IRSA, irsaEnv, irsaEnv, vaultMount, "", `"annotations":{"eks.amazonaws.com/audience":"vault.example.com"}`, nil, Problem{Audience, `the pod's token has the audience "vault.example.com", not "sts.amazonaws.com", because the service account has the annotation eks.amazonaws.com/audience`}},
		"another audience before": {identity.IRSA, irsaEnv, irsaEnv, vaultMount, "", "", nil, Problem{Different, `the pod's token has the audience "vault.example.com", not "sts.amazonaws.com"`}},
		"another lifetime":        {identity.IRSA, irsaEnv, irsaEnv, irsaMount, "", "", expires, Problem{Different, "the pod's token is valid for 24h0m0s, not 2h0m0s"}},
		"a lifetime of its own":   {identity.IRSA, irsaEnv, irsaEnv, irsaMount, `"annotations":{"eks.amazonaws.com/token-expiration":"86400"}`, "", expires, Problem{}},
	} {
		t.Run(name, func(t *testing.T) {
			pod := decodeJSON[space.Pod](t, `{"metadata":{`+tt.metadata+`},"spec":{"volumes":[`+tt.volumes+`],
				"initContainers":[{"name":"apis-init",`+mounts+`,"env":[`+tt.init+`]}],"containers":[{"name":"main",`+mounts+`,"env":[`+tt.main+`]}]}}`)
			account := decodeJSON[space.ServiceAccount](t, `{"metadata":{`+tt.account+`}}`)
			change := tt.change
			if change == nil {
				change = func(*identity.Settings) {}
			}
			if diff := cmp.Diff(tt.want, PodProblem(pod, testState(t, tt.mode, change).Components[0], account)); diff != "" {
				t.Errorf("differs (-want +got):\n%s", diff)
			}
		})
	}
}

// TestUseOfWalksTheChainOfTheSDK has a container with what the webhook injects, and more.
func TestUseOfWalksTheChainOfTheSDK(t *testing.T) {
	const keys = `{"name":"AWS_ACCESS_KEY_ID","valueFrom":{"secretKeyRef":{"name":"s","key":"k"}}},{"name":"AWS_SECRET_ACCESS_KEY","value":"x"},`
	const preset = `{"name":"AWS_WEB_IDENTITY_TOKEN_FILE","value":"/mine"},`
	const proxy = `{"name":"HTTP_PROXY","value":"http://proxy:3128"},`
	noProxy := func(list string) string { return proxy + `{"name":"no_proxy","value":"` + list + `"},` }
	const byProxy = "container main: HTTP_PROXY is set and NO_PROXY does not have 169.254.170.23, so the proxy gets the requests to the agent"
	for name, tt := range map[string]struct {
		mode      identity.Mode
		env, from string
		want      Use
	}{
		"irsa":                       {identity.IRSA, irsaEnv, "", Use{}},
		"pod identity":               {identity.PodIdentity, podEnv, "", Use{}},
		"static keys":                {identity.IRSA, keys + irsaEnv, "", Use{Wrong: "container main uses static keys in the environment (AWS_ACCESS_KEY_ID) instead of the identity"}},
		"static keys, pod identity":  {identity.PodIdentity, keys + podEnv, "", Use{Wrong: "container main uses static keys in the environment (AWS_ACCESS_KEY_ID) instead of the identity"}},
		"half a key":                 {identity.IRSA, `{"name":"AWS_ACCESS_KEY_ID","value":"x"},` + irsaEnv, "", Use{}},
		"an empty key":               {identity.IRSA, `{"name":"AWS_ACCESS_KEY_ID","value":""},{"name":"AWS_SECRET_ACCESS_KEY","value":""},` + irsaEnv, "", Use{}},
		"web identity comes first":   {identity.PodIdentity, preset + podEnv, "", Use{Wrong: "container main uses a web identity token (IRSA) (AWS_WEB_IDENTITY_TOKEN_FILE) instead of EKS Pod Identity"}},
		"a profile comes first":      {identity.PodIdentity, `{"name":"AWS_PROFILE","value":"x"},` + podEnv, "", Use{Wrong: "container main uses a shared config or credentials file (AWS_PROFILE) instead of the identity"}},
		"a profile comes after irsa": {identity.IRSA, `{"name":"AWS_PROFILE","value":"x"},` + irsaEnv, "", Use{}},
		"a proxy":                    {identity.PodIdentity, proxy + podEnv, "", Use{Wrong: byProxy}},
		"a proxy for others":         {identity.PodIdentity, noProxy("10.0.0.0/8,.svc") + podEnv, "", Use{Wrong: byProxy}},
		"not the agent":              {identity.PodIdentity, noProxy("x, 169.254.170.23") + podEnv, "", Use{}},
		"not link-local addresses":   {identity.PodIdentity, noProxy("169.254.0.0/16") + podEnv, "", Use{}},
		"a proxy in lower case":      {identity.PodIdentity, `{"name":"http_proxy","value":"http://proxy:3128"},` + podEnv, "", Use{Wrong: strings.Replace(byProxy, "HTTP_PROXY", "http_proxy", 1)}},
		"no proxy in upper case":     {identity.PodIdentity, strings.Replace(noProxy("169.254.170.23"), "no_proxy", "NO_PROXY", 1) + podEnv, "", Use{}},
		"no proxy at all":            {identity.PodIdentity, noProxy("*") + podEnv, "", Use{}},
		"not the IPv6 agent":         {identity.PodIdentity, noProxy("[fd00:ec2::23]") + strings.Replace(podEnv, "169.254.170.23", "[fd00:ec2::23]", 1), "", Use{}},
		"a proxy with irsa":          {identity.IRSA, proxy + irsaEnv, "", Use{}},
		"IPv6":                       {identity.PodIdentity, strings.Replace(podEnv, "169.254.170.23", "[fd00:ec2::23]", 1), "", Use{}},
		"another agent":              {identity.PodIdentity, strings.Replace(podEnv, "169.254.170.23", "127.0.0.1", 1), "", Use{Wrong: "container main: AWS_CONTAINER_CREDENTIALS_FULL_URI is not an address of the EKS Pod Identity agent"}},
		"a Secret":                   {identity.IRSA, irsaEnv, `{"secretRef":{"name":"env"}}`, Use{Unread: "container main has variables from Secret env, which is not read: static keys there would come first", Check: "kubectl describe secret env -n ns"}},
		"a Secret with a prefix":     {identity.IRSA, irsaEnv, `{"prefix":"DB_","secretRef":{"name":"env"}}`, Use{}},
		"a prefix of AWS variables":  {identity.IRSA, irsaEnv, `{"prefix":"AWS_","configMapRef":{"name":"env"}}`, Use{Unread: "container main has variables from ConfigMap env, which is not read: static keys there would come first", Check: "kubectl describe configmap env -n ns"}},
		"an ECS endpoint":            {identity.PodIdentity, `{"name":"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI","value":"/v2"},` + podEnv, "", Use{Wrong: "container main uses a container credentials endpoint of Amazon ECS (AWS_CONTAINER_CREDENTIALS_RELATIVE_URI) instead of the identity"}},
		"an ECS endpoint after irsa": {identity.IRSA, `{"name":"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI","value":"/v2"},` + irsaEnv, "", Use{}},
		"not the agent's port":       {identity.PodIdentity, noProxy("x,169.254.170.23:80") + podEnv, "", Use{}},
		"another port":               {identity.PodIdentity, noProxy("169.254.170.23:8080") + podEnv, "", Use{Wrong: byProxy}},
		"not the IPv6 agent's port":  {identity.PodIdentity, noProxy("[fd00:ec2::23]:80") + strings.Replace(podEnv, "169.254.170.23", "[fd00:ec2::23]", 1), "", Use{}},
	} {
		t.Run(name, func(t *testing.T) {
			pod := decodeJSON[space.Pod](t, `{"metadata":{"namespace":"ns"},"spec":{"containers":[{"name":"main","env":[`+tt.env+`],"envFrom":[`+tt.from+`]}]}}`)
			if diff := cmp.Diff(tt.want, UseOf(pod, testState(t, tt.mode).Components[0])); diff != "" {
				t.Errorf("differs (-want +got):\n%s", diff)
			}
		})
	}
}

// TestUseOfReportsSharedFiles has a volume at the place where AWS SDKs look for credentials.
// They come after IRSA and before EKS Pod Identity.
func TestUseOfReportsSharedFiles(t *testing.T) {
	for _, tt := range []struct {
		mode            identity.Mode
		env, path, want string
	}{
		{identity.PodIdentity, podEnv, "/root/.aws", "container main has a volume at /root/.aws, which is not read: credentials in it would come first"},
		{identity.PodIdentity, podEnv, "/home/x/.aws/credentials", "container main has a volume at /home/x/.aws/credentials, which is not read: credentials in it would come first"},
		{identity.PodIdentity, podEnv, "/var/aws", ""},
		{identity.IRSA, irsaEnv, "/root/.aws/", ""},
	} {
		pod := decodeJSON[space.Pod](t, `{"spec":{"containers":[{"name":"main","env":[`+tt.env+`],"volumeMounts":[{"name":"x","mountPath":"`+tt.path+`"}]}]}}`)
		if diff := cmp.Diff(Use{Unread: tt.want}, UseOf(pod, testState(t, tt.mode).Components[0])); diff != "" {
			t.Errorf("%s, %s: differs (-want +got):\n%s", tt.mode, tt.path, diff)
		}
	}
}

// TestOtherSourceNamesTheContainer has pods with a problem.
func TestOtherSourceNamesTheContainer(t *testing.T) {
	for _, tt := range []struct {
		mode             identity.Mode
		init, main, want string
	}{
		{identity.IRSA, "", "", "container init uses the role of the node"},
		{identity.IRSA, irsaEnv, "", "container main uses the role of the node"},
		{identity.IRSA, irsaEnv, podEnv, "container main uses EKS Pod Identity"},
		{identity.PodIdentity, podEnv, irsaEnv, "container main uses a web identity token (IRSA)"},
		{identity.Both, podEnv, irsaEnv, "its containers use the mechanism of the config, but not with the identity"},
	} {
		pod := decodeJSON[space.Pod](t, `{"spec":{"initContainers":[{"name":"init","env":[`+tt.init+`]}],"containers":[{"name":"main","env":[`+tt.main+`]}]}}`)
		if got := OtherSource(pod, testState(t, tt.mode).Components[0]); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

// Pods of a Deployment, with and without the identity.
const (
	rightPod = `{"metadata":{"name":"right","namespace":"` + hostNamespace + `","labels":{"pod-template-hash":"5d8f"},"ownerReferences":[{"kind":"ReplicaSet","name":"mxp-controller-5d8f"}]},
		"spec":{"volumes":[` + irsaMount + `],"containers":[{"name":"main",` + mounts + `,"env":[` + irsaEnv + `]}]}}`
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
	const skipped = "the pod was created before its service account was annotated, or the EKS webhook left it out"
	const setPod = `{"metadata":{"name":"set","ownerReferences":[{"kind":"ReplicaSet","name":"mxp-controller-a"}]},"spec":{"containers":[{"name":"main"}]}}`
	for name, tt := range map[string]struct {
		state       []func(*identity.Settings)
		annotations string
		pods        []string
		template    string // labels of the pod template
		want        string // the workload and its problem
	}{
		"nothing lacks":                    {nil, annotations, []string{rightPod}, "", ""},
		"one of two pods":                  {nil, annotations, []string{rightPod, stalePod}, "", "mxp-controller: " + skipped},
		"a pod of no workload":             {nil, annotations, []string{rightPod, barePod}, "", "bare: " + skipped},
		"a pod of a ReplicaSet":            {nil, annotations, []string{setPod}, "", "set: " + skipped},
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
				name := s.Workload.Meta.Name
				if s.Pod != nil {
					name = s.Pod.Meta.Name
				}
				got += name + ": " + s.Reason
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("differs (-want +got):\n%s", diff)
			}
		})
	}
}

// TestWorkloadProblemIsCurableIfTheTemplateIsRight has a pod whose cause may come from the
// pod template.
func TestWorkloadProblemIsCurableIfTheTemplateIsRight(t *testing.T) {
	const keys = `{"name":"AWS_ACCESS_KEY_ID","value":"x"},{"name":"AWS_SECRET_ACCESS_KEY","value":"x"}`
	const preset = `{"name":"AWS_WEB_IDENTITY_TOKEN_FILE","value":"/mine"}`
	const skip = `"labels":{"eks.amazonaws.com/skip-pod-identity-webhook":""}`
	const other = `{"name":"AWS_ROLE_ARN","value":"arn:aws:iam::123456789012:role/other"},{"name":"AWS_WEB_IDENTITY_TOKEN_FILE","value":"/mine"}`
	for name, tt := range map[string]struct {
		metadata, env, template string // of the pod, its environment besides that of IRSA, and the pod template
		want                    Cause
	}{
		"right":                      {"", irsaEnv, `{}`, NoProblem},
		"static keys, still":         {"", irsaEnv + "," + keys, `{"spec":{"containers":[{"name":"main","env":[` + keys + `]}]}}`, Preset},
		"static keys, no more":       {"", irsaEnv + "," + keys, `{"spec":{"containers":[{"name":"main"}]}}`, Outdated},
		"a preset variable, still":   {"", preset, `{"spec":{"containers":[{"name":"main","env":[` + preset + `]}]}}`, Preset},
		"a preset variable, no more": {"", preset, `{"spec":{"containers":[{"name":"main"}]}}`, Outdated},
		"another role, still":        {"", other, `{"spec":{"containers":[{"name":"main","env":[` + other + `]}]}}`, Preset},
		"another role, no more":      {"", other, `{"spec":{"containers":[{"name":"main"}]}}`, Different},
		"another role, since":        {"", other, `{"spec":{"containers":[{"name":"main","env":[` + irsaEnv + `]}]}}`, Different},
		"another role elsewhere":     {"", other, `{"spec":{"containers":[{"name":"side","env":[` + other + `]}]}}`, Different},
		"the skip label, still":      {"," + skip, "", `{"metadata":{` + skip + `}}`, Skipped},
		"the skip label, no more":    {"," + skip, "", `{}`, Outdated},
	} {
		t.Run(name, func(t *testing.T) {
			owner := `"ownerReferences":[{"kind":"StatefulSet","name":"mxp-controller"}]`
			pod := decodeJSON[space.Pod](t, `{"metadata":{`+owner+tt.metadata+`},"spec":{"volumes":[`+irsaMount+`],"containers":[{"name":"main",`+mounts+`,"env":[`+tt.env+`]}]}}`)
			w := decodeJSON[space.Workload](t, `{"metadata":{"name":"mxp-controller"},"spec":{"template":`+tt.template+`}}`)
			w.Resource = space.StatefulSets
			s := testState(t, identity.IRSA)
			if got := WorkloadProblem(w, space.ServiceAccount{}, []space.Pod{pod}, s.Components[0], s); got.Cause != tt.want {
				t.Errorf("got %+v, want %d", got, tt.want)
			}
			problem := useProblem(pod, s.Components[0], space.ServiceAccount{})
			if got := problem.InTemplate([]space.Workload{{}, w}, pod, s.Components[0]); got.Cause != tt.want {
				t.Errorf("by the workloads: got %+v, want %d", got, tt.want)
			}
			if got := problem.InTemplate([]space.Workload{{}}, pod, s.Components[0]); got != problem {
				t.Errorf("without the workload: got %+v, want %+v", got, problem)
			}
		})
	}
}

// TestProxyOfTheTemplateIsNotCurable has a pod whose requests to the agent go to a proxy.
func TestProxyOfTheTemplateIsNotCurable(t *testing.T) {
	const proxy = `{"name":"HTTP_PROXY","value":"http://proxy:3128"}`
	pod := decodeJSON[space.Pod](t, `{"metadata":{"ownerReferences":[{"kind":"StatefulSet","name":"w"}]},"spec":{"volumes":[`+podMount+`],"containers":[{"name":"main",`+mounts+`,"env":[`+proxy+`,`+podEnv+`]}]}}`)
	s := testState(t, identity.PodIdentity)
	for template, want := range map[string]Cause{proxy: Preset, ``: Outdated, proxy + `,{"name":"NO_PROXY","value":"169.254.170.23"}`: Outdated} {
		w := decodeJSON[space.Workload](t, `{"metadata":{"name":"w"},"spec":{"template":{"spec":{"containers":[{"name":"main","env":[`+template+`]}]}}}}`)
		w.Resource = space.StatefulSets
		if got := WorkloadProblem(w, space.ServiceAccount{}, []space.Pod{pod}, s.Components[0], s); got.Cause != want {
			t.Errorf("template %s: got %+v, want %d", template, got, want)
		}
	}
}

func TestFindStaleReportsWhatCouldNotBeRead(t *testing.T) {
	o := observedPlane(t, "", "", stalePod)
	o.Unread.Add(&space.Error{Verb: "list", Resource: space.StatefulSets, Namespace: hostNamespace})
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
