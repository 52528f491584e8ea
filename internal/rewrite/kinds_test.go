package rewrite

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/manifest"
)

// parsedObject returns the object of a document.
func parsedObject(t *testing.T, text string) *object {
	t.Helper()
	root, err := manifest.Parse([]byte(text))
	if err != nil || root == nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return newObject(&document{text: []byte(text), lines: manifest.NewLines([]byte(text)), first: 1, root: root}, root, nil)
}

// nested returns a flow mapping of keys below each other, with a value below the last.
func nested(value string, keys ...string) string {
	for _, key := range slices.Backward(keys) {
		value = "{" + key + ": " + value + "}"
	}
	return value
}

// TestPodsOfEveryKindGetLabels has each kind of workload, and kinds that only look like one.
func TestPodsOfEveryKindGetLabels(t *testing.T) {
	const none = "-"
	untested := map[groupKind]bool{}
	for _, kind := range templatePaths {
		untested[kind.groupKind] = true
	}
	delete(untested, groupKind{"argoproj.io", "CronWorkflow"}) // TestEveryPartOfACronWorkflowMayRunAsTheComponent has it
	for kind, template := range map[string]string{
		"v1 Pod":                                "",
		"v1 PodTemplate":                        "template",
		"v1 ReplicationController":              "spec.template",
		"apps/v1 Deployment":                    "spec.template",
		"apps/v1 StatefulSet":                   "spec.template",
		"apps/v1 DaemonSet":                     "spec.template",
		"apps/v1 ReplicaSet":                    "spec.template",
		"apps/v1beta2 Deployment":               "spec.template",
		"extensions/v1beta1 Deployment":         "spec.template",
		"extensions/v1beta1 DaemonSet":          "spec.template",
		"extensions/v1beta1 ReplicaSet":         "spec.template",
		"batch/v1 Job":                          "spec.template",
		"batch/v1 CronJob":                      "spec.jobTemplate.spec.template",
		"batch/v1beta1 CronJob":                 "spec.jobTemplate.spec.template",
		"argoproj.io/v1alpha1 Rollout":          "spec.template",
		"apps.kruise.io/v1alpha1 CloneSet":      "spec.template",
		"apps.kruise.io/v1beta1 StatefulSet":    "spec.template",
		"apps.kruise.io/v1alpha1 DaemonSet":     "spec.template",
		"apps.openshift.io/v1 DeploymentConfig": "spec.template",
		"v1 DeploymentConfig":                   "spec.template",
		"serving.knative.dev/v1 Service":        "spec.template",
		"v1 Service":                            none,
		"v1 Deployment":                         none,
		"apps/v1 Pod":                           none,
		"example.com/v1 Deployment":             none,
		"apps/v1 Job":                           none,
		"extensions/v1beta1 StatefulSet":        none,
		"argoproj.io/v1alpha1 Workflow":         none,
	} {
		t.Run(kind, func(t *testing.T) {
			version, name, _ := strings.Cut(kind, " ")
			keys := []string{"spec", "template"}
			if template != none {
				keys = slices.DeleteFunc(strings.Split(template, "."), func(key string) bool { return key == "" })
			}
			body := strings.Trim(nested("{spec: {serviceAccountName: mxp-controller}}", keys...), "{}")
			text := fmt.Sprintf("{apiVersion: %s, kind: %s, metadata: {name: w}, %s}", version, name, body+strings.Repeat("}", len(keys)+1))
			delete(untested, groupKind{parsedObject(t, text).group, name})
			var got []string
			for _, e := range (PodTemplates{exampleState(identity.Component{PodLabels: map[string]string{"team": "x"}})}).find(parsedObject(t, text)).edits {
				got = append(got, e.path.String()+"."+e.key+"="+e.value)
			}
			var want []string
			if template != none {
				want = []string{strings.TrimPrefix(template+".metadata.labels.team=x", ".")}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("labels (-want +got):\n%s\n%s", diff, text)
			}
		})
	}
	if len(untested) > 0 {
		t.Errorf("no case has these kinds: %v", untested)
	}
}

// TestEveryPartOfACronWorkflowMayRunAsTheComponent has the component's service account in
// one part at a time.
func TestEveryPartOfACronWorkflowMayRunAsTheComponent(t *testing.T) {
	const head = "{apiVersion: argoproj.io/v1alpha1, kind: CronWorkflow, metadata: {name: w}, spec: {workflowSpec: "
	for text, want := range map[string][]string{
		"{serviceAccountName: mxp-controller}":                                                    {"spec.workflowSpec.podMetadata.labels"},
		"{serviceAccount: mxp-controller}":                                                        {"spec.workflowSpec.podMetadata.labels"},
		"{serviceAccountName: other, serviceAccount: mxp-controller}":                             nil,
		"{templateDefaults: {serviceAccountName: mxp-controller}}":                                {"spec.workflowSpec.templateDefaults.metadata.labels"},
		"{templates: [{name: a}, {serviceAccountName: mxp-controller}]}":                          {"spec.workflowSpec.templates[1].metadata.labels"},
		"{serviceAccountName: mxp-controller, templates: [{serviceAccountName: mxp-controller}]}": {"spec.workflowSpec.podMetadata.labels", "spec.workflowSpec.templates[0].metadata.labels"},
		"{templates: [{metadata: {labels: {serviceAccountName: mxp-controller}}}]}":               nil,
		"{spec: {serviceAccountName: mxp-controller}}":                                            nil,
	} {
		var got []string
		for _, e := range (PodTemplates{exampleState(identity.Component{PodLabels: map[string]string{"team": "x"}})}).find(parsedObject(t, head+text+"}}")).edits {
			got = append(got, e.site.path.String())
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}

// TestPartsThatCannotChange has each kind with a part that an upgrade cannot change, and
// the nearest object without one.
func TestPartsThatCannotChange(t *testing.T) {
	for text, want := range map[string][]string{
		"apiVersion: v1, kind: Pod":           {""},
		"apiVersion: x/v1, kind: Pod":         nil,
		"apiVersion: batch/v1, kind: Job":     {"spec.template"},
		"apiVersion: batch/v1, kind: CronJob": nil,
		"apiVersion: batch/v1, kind: Job, metadata: {name: j, annotations: {helm.sh/hook: pre-install}}": nil,
		"apiVersion: batch/v1, kind: Job, metadata: {name: j, annotations: {helm.sh/other: x}}":          {"spec.template"},
		"apiVersion: batch/v1, kind: Job, metadata: {generateName: j-}":                                  nil,
		"apiVersion: batch/v1, kind: Job, metadata: {name: j, generateName: j-}":                         {"spec.template"},
		"apiVersion: apps/v1, kind: StatefulSet":                                                         {"spec.volumeClaimTemplates"},
		"apiVersion: apps/v1, kind: Deployment":                                                          nil,
		"apiVersion: v1, kind: ConfigMap":                                                                nil,
		"apiVersion: v1, kind: ConfigMap, immutable: false":                                              nil,
		"apiVersion: v1, kind: ConfigMap, immutable: true":                                               {"data", "stringData", "binaryData"},
		"apiVersion: v1, kind: Secret, immutable: true":                                                  {"data", "stringData", "binaryData"},
		"apiVersion: x/v1, kind: Secret, immutable: true":                                                nil,
		"apiVersion: serving.knative.dev/v1, kind: Service":                                              nil,
		"apiVersion: serving.knative.dev/v1, kind: Service, spec: {template: {metadata: {name: a}}}":     {"spec.template"},
		"apiVersion: serving.knative.dev/v1, kind: Revision":                                             {"spec"},
		"apiVersion: tekton.dev/v1, kind: TaskRun":                                                       {"spec"},
		"apiVersion: tekton.dev/v1, kind: PipelineRun":                                                   {"spec"},
		"apiVersion: tekton.dev/v1, kind: Task":                                                          nil,
		"apiVersion: jobset.x-k8s.io/v1alpha2, kind: JobSet":                                             {"spec.replicatedJobs"},
		"apiVersion: batch/v1, kind: JobSet":                                                             nil,
	} {
		var got []string
		for _, part := range parsedObject(t, "{"+text+"}").immutableParts() {
			got = append(got, part.path.String())
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}

// TestSelectorsOfPodsAreFound has objects with selectors, and how many of them are of pods.
func TestSelectorsOfPodsAreFound(t *testing.T) {
	const labels = "{matchLabels: {a: b}}"
	for text, want := range map[string]int{
		"kind: Service, spec: {selector: {a: b}}":                                                     1,
		"kind: Service, spec: {selector: {}}":                                                         0,
		"kind: Service, spec: {selector: {a: [b]}}":                                                   0,
		"kind: Service, spec: {selector: a=b}":                                                        0,
		"kind: Deployment, spec: {selector: " + labels + "}":                                          1,
		"kind: Deployment, spec: {selector: {matchExpressions: [{key: a, operator: Exists}]}}":        1,
		"kind: Gateway, spec: {selector: {labels: {a: b}}}":                                           1,
		"kind: Gateway, spec: {selector: {labels: a}}":                                                1, // a map of one label
		"kind: Gateway, spec: {selector: {labels: [a]}}":                                              0,
		"kind: X, spec: {podSelector: " + labels + ", other: {endpointSelector: " + labels + "}}":     2,
		"kind: X, spec: {podSelectors: [" + labels + ", " + labels + "]}":                             2,
		"kind: X, spec: [{podSelector: " + labels + "}]":                                              1,
		"kind: X, metadata: {selector: " + labels + "}, status: {selector: " + labels + "}":           0,
		"kind: X, spec: {nodeSelector: {a: b}, namespaceSelector: {a: b}, volumeSelector: {a: b}}":    0,
		"kind: X, spec: {metric: {selector: " + labels + "}, namespaces: {selector: " + labels + "}}": 0,
		"kind: X, spec: {fromEndpoints: [" + labels + "], toEndpoints: [" + labels + "]}":             2,
		"kind: X, spec: {fromRequires: [" + labels + "], toRequires: [" + labels + "]}":               2,
		"kind: X, spec: {toServices: [" + labels + "]}":                                               0,
		"kind: PodMonitor, spec: {selector: " + labels + "}":                                          1,
		"kind: ServiceMonitor, spec: {selector: " + labels + "}":                                      0,
		"kind: VMServiceScrape, spec: {selector: " + labels + "}":                                     0,
		"kind: CiliumBGPAdvertisement, spec: {selector: " + labels + "}":                              0,
		"kind: Probe, spec: {selector: " + labels + "}":                                               0,
		"kind: VMProbe, spec: {selector: " + labels + "}":                                             0,
		"kind: VMNodeScrape, spec: {selector: " + labels + "}":                                        0,
		"kind: PersistentVolume, spec: {selector: " + labels + "}":                                    0,
		"kind: PersistentVolumeClaim, spec: {selector: " + labels + "}":                               0,
		"kind: VolumeGroupSnapshot, spec: {selector: " + labels + "}":                                 0,
		"kind: OperatorGroup, spec: {selector: " + labels + "}":                                       0,
		"kind: Issuer, spec: {selector: " + labels + "}":                                              0,
		"kind: ClusterIssuer, spec: {selector: " + labels + "}":                                       0,
		"kind: ApplicationSet, spec: {selector: " + labels + "}":                                      0,
		"kind: CustomResourceDefinition, spec: {selector: " + labels + "}":                            0,
		"kind: CompositeResourceDefinition, spec: {selector: " + labels + "}":                         0,
		"apiVersion: cluster.x-k8s.io/v1, kind: X, spec: {selector: " + labels + "}":                  0,
		"apiVersion: bootstrap.cluster.x-k8s.io/v1, kind: X, spec: {selector: " + labels + "}":        0,
		"apiVersion: machine.openshift.io/v1, kind: X, spec: {selector: " + labels + "}":              0,
		"apiVersion: admissionregistration.k8s.io/v1, kind: X, spec: {selector: " + labels + "}":      0,
		"apiVersion: kyverno.io/v1, kind: X, spec: {selector: " + labels + "}":                        0,
		"apiVersion: templates.gatekeeper.sh/v1, kind: X, spec: {selector: " + labels + "}":           0,
		"apiVersion: projectcalico.org/v3, kind: NetworkPolicy, spec: {selector: a == 'b'}":           1,
		"apiVersion: crd.projectcalico.org/v1, kind: NetworkPolicy, spec: {selector: a == 'b'}":       1,
		"apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, spec: {selector: a == 'b'}":           0,
	} {
		if got := len(parsedObject(t, "{"+text+"}").selectors()); got != want {
			t.Errorf("%s: %d selectors, want %d", text, got, want)
		}
	}
	for _, key := range []string{"nodeAffinity", "volumeClaimTemplate", "volumeClaimTemplates", "pvcTemplate", "metric", "namespaces", "forProvider", "initProvider", "paramRef", "clusterTrustBundle"} {
		if n := len(parsedObject(t, "{kind: X, spec: "+nested(labels, key, "selector")+"}").selectors()); n != 0 {
			t.Errorf("%d selectors below %s", n, key)
		}
	}
	for _, thing := range otherThings {
		if n := len(parsedObject(t, "{kind: X, spec: "+nested(labels, thing+"Selector")+"}").selectors()); n != 0 {
			t.Errorf("the selector of a %s is one of pods", thing)
		}
	}
}

// TestSelectorsReachNamespaces has selectors, and whether they may select pods in the
// namespace "a" and in an unknown one.
func TestSelectorsReachNamespaces(t *testing.T) {
	const (
		own     = "metadata: {name: s, namespace: a}, "
		other   = "metadata: {name: s, namespace: b}, "
		plain   = "spec: {selector: {x: y}}"
		monitor = "apiVersion: monitoring.coreos.com/v1, kind: PodMonitor, "
		match   = "podSelector: {matchLabels: {x: y}}"
	)
	for text, want := range map[string]bool{
		"kind: Service, " + own + plain:                true,
		"kind: Service, " + other + plain:              false,
		"kind: Service, metadata: {name: s}, " + plain: true,
		monitor + other + plain:                        false,
		monitor + own + plain:                          true,
		monitor + other + "spec: {namespaceSelector: {any: true}, selector: {x: y}}":                                                                   true,
		monitor + other + "spec: {namespaceSelector: {any: false}, selector: {x: y}}":                                                                  false,
		monitor + other + "spec: {namespaceSelector: {matchNames: [a]}, selector: {x: y}}":                                                             true,
		monitor + own + "spec: {namespaceSelector: {matchNames: [c]}, selector: {x: y}}":                                                               false,
		"apiVersion: operator.victoriametrics.com/v1, kind: VMPodScrape, " + other + "spec: {namespaceSelector: {any: true}, selector: {x: y}}":        true,
		"kind: NetworkPolicy, " + other + "spec: [{" + match + ", namespaceSelector: {}}]":                                                             true,
		"kind: NetworkPolicy, " + other + "spec: [{" + match + ", namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: a}}}]":                true,
		"kind: NetworkPolicy, " + other + "spec: [{" + match + ", namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: c}}}]":                false,
		"kind: NetworkPolicy, " + other + "spec: [{" + match + ", namespaceSelector: {matchLabels: {team: c}}}]":                                       true,
		"kind: X, " + other + "spec: [{labelSelector: {matchLabels: {x: y}}, namespaces: [a, c]}]":                                                     true,
		"kind: X, " + own + "spec: [{labelSelector: {matchLabels: {x: y}}, namespaces: [c]}]":                                                          false,
		"kind: X, " + own + "spec: [{labelSelector: {matchLabels: {x: y}}, namespaces: []}]":                                                           true,
		"kind: X, " + other + "spec: [{labelSelector: {matchLabels: {x: y}}, namespaces: [c], namespaceSelector: {}}]":                                 true,
		"kind: X, " + other + "spec: [{labelSelector: {matchLabels: {x: y}}, namespaces: {match: c}}]":                                                 true,
		"apiVersion: networking.istio.io/v1, kind: Gateway, " + other + plain:                                                                          true,
		"apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, " + other + plain:                                                                false,
		"apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: s, namespace: istio-system}, " + plain:                          true,
		"apiVersion: cilium.io/v2, kind: CiliumClusterwideNetworkPolicy, metadata: {name: s, namespace: b}, " + plain:                                  true,
		"apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, " + other + plain:                                                                        false,
		"apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, " + other + "spec: {toEndpoints: [{matchLabels: {k8s:io.kubernetes.pod.namespace: a}}]}": true,
		"apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, " + own + "spec: {toEndpoints: [{matchLabels: {k8s:io.kubernetes.pod.namespace: c}}]}":   false,
		"apiVersion: projectcalico.org/v3, kind: GlobalNetworkPolicy, " + other + "spec: {selector: x == 'y'}":                                         true,
		"apiVersion: projectcalico.org/v3, kind: NetworkPolicy, " + other + "spec: {selector: x == 'y'}":                                               false,
		"apiVersion: projectcalico.org/v3, kind: NetworkPolicy, " + other + "spec: {selector: x == 'y', namespaceSelector: team == 'a'}":               true,
		"apiVersion: monitoring.googleapis.com/v1, kind: ClusterPodMonitoring, " + other + plain:                                                       true,
		"apiVersion: monitoring.googleapis.com/v1, kind: PodMonitoring, " + other + plain:                                                              false,
		"apiVersion: example.com/v1, kind: ClusterThing, " + other + plain:                                                                             false,
	} {
		selectors := parsedObject(t, "{"+text+"}").selectors()
		if len(selectors) != 1 {
			t.Errorf("%s: %d selectors", text, len(selectors))
			continue
		}
		if got := selectors[0].reaches("a"); got != want {
			t.Errorf("%s: reaches the namespace a: %v", text, got)
		}
		if !selectors[0].reaches("") {
			t.Errorf("%s: does not reach a namespace without a name", text)
		}
	}
}

// TestPodLabelsAreRecognisedByTheirPath has paths that lead to the labels of pods, and
// others that end with labels.
func TestPodLabelsAreRecognisedByTheirPath(t *testing.T) {
	for kind, paths := range map[string]map[string]bool{
		"Deployment": {"spec.template.metadata.labels": true, "metadata.labels": false, "spec.template.labels": false, "spec.template.metadata.annotations": false, "labels": false,
			"spec.podMetadata.labels": true},
		"Pod": {"metadata.labels": true, "spec.labels": false},
	} {
		o := parsedObject(t, "{apiVersion: v1, kind: "+kind+"}")
		for text, want := range paths {
			path, err := identity.ParsePath(text)
			if err != nil {
				t.Fatal(err)
			}
			if got := o.hasPodLabelsAt(path); got != want {
				t.Errorf("%s %s: %v", kind, text, got)
			}
		}
		inString := identity.Path{}.Field("data").Inside(identity.Into{}).Field("spec", "metadata", "labels")
		if o.hasPodLabelsAt(inString) {
			t.Error("labels in a string are those of pods")
		}
	}
}
