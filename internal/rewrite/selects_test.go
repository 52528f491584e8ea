package rewrite_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/yaml"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/rewrite"
)

// FuzzSelectors makes workloads and selectors from a seed. Kubernetes' own package decides
// which selectors match the pods before and after the edit. [rewrite.Run] must refuse
// exactly the edits by which a selector loses pods, and warn of exactly those by which a
// selector gains pods.
func FuzzSelectors(f *testing.F) {
	for seed := range uint64(400) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		c := newSelectorCase(seed)
		want := c.expected()
		result, err := rewrite.Run([]byte(c.stream()), c.state(), rewrite.Options{OnMissing: rewrite.MissingWarns})
		var warnings []string
		if err == nil {
			warnings = result.Warnings
		}
		if d := cmp.Diff(want, verdicts(err, warnings)); d != "" {
			t.Fatalf("seed %d (-want +got):\n%s\n%s", seed, d, c.stream())
		}
		if err == nil {
			c.checkOutput(t, written(t, result))
		}
	})
}

// verdicts returns a line for each selector that loses or gains pods: the object with the
// selector and the workload. Losses hide the gains, because an error has no warnings.
func verdicts(err error, warnings []string) []string {
	var all []string
	for _, e := range joined(err) {
		input, ok := errors.AsType[*rewrite.InputError](e)
		if !ok {
			return []string{e.Error()}
		}
		_, workload, _ := strings.Cut(input.Problem, "the pods of ")
		workload, _, _ = strings.Cut(workload, ",")
		all = append(all, input.Object+" loses "+workload)
	}
	for _, w := range warnings {
		object, rest, ok := strings.Cut(w, ": this selector would also match the pods of ")
		if !ok {
			continue
		}
		object, _, _ = strings.Cut(object, ", line ")
		workload, _, _ := strings.Cut(rest, " with ")
		all = append(all, object+" gains "+workload)
	}
	slices.Sort(all)
	return all
}

func joined(err error) []error {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		return many.Unwrap()
	}
	if err == nil {
		return nil
	}
	return []error{err}
}

type object = map[string]any

// selectorCase is a stream of workloads and selectors, with the pod labels of the config.
type selectorCase struct {
	random    *rand.Rand
	podLabels map[string]map[string]string // by component
	workloads []workload
	selecting []selecting
	objects   []object
	listed    bool // all objects are in one List
}

type workload struct {
	kind, namespace, name, component string
	labels                           map[string]string
	path                             []string // of the pod template
	edited                           bool
}

func (w workload) String() string { return fullName(w.kind, w.namespace, w.name) }

func fullName(kind, namespace, name string) string {
	return kind + " " + strings.TrimPrefix(namespace+"/"+name, "/")
}

// selecting is an object with one selector of pods.
type selecting struct {
	kind, namespace, name string
	selector              metav1.LabelSelector
	reaches               func(namespace string) bool
	only                  string // the workload that it belongs to
	ofWorkload            bool
}

func newSelectorCase(seed uint64) *selectorCase {
	c := &selectorCase{random: rand.New(rand.NewPCG(seed, 1)), podLabels: map[string]map[string]string{}, listed: seed%4 == 3}
	for _, component := range []string{"mxp-controller", "vector"} {
		c.podLabels[component] = c.labels()
	}
	for i := range 1 + c.random.IntN(2) {
		c.addWorkload(fmt.Sprintf("w%d", i))
	}
	for i := range 1 + c.random.IntN(4) {
		c.addSelecting(fmt.Sprintf("s%d", i))
	}
	c.random.Shuffle(len(c.objects), func(i, j int) { c.objects[i], c.objects[j] = c.objects[j], c.objects[i] })
	return c
}

func pick[T any](c *selectorCase, from ...T) T { return from[c.random.IntN(len(from))] }

// labels returns up to three labels. Other labels than these are never selected.
func (c *selectorCase) labels() map[string]string {
	all := map[string]string{}
	for _, key := range []string{"app", "example.com/team", "tier"} {
		if c.random.IntN(2) == 0 {
			all[key] = pick(c, "x", "y", "data", "1")
		}
	}
	return all
}

func (c *selectorCase) namespace() string { return pick(c, "a", "a", "b", "") }

func metadata(namespace, name string) object {
	if namespace == "" {
		return object{"name": name}
	}
	return object{"namespace": namespace, "name": name}
}

var workloadKinds = []struct {
	version, kind string
	path          []string
	edited        bool
}{
	{"apps/v1", "Deployment", []string{"spec", "template"}, true},
	{"apps/v1", "StatefulSet", []string{"spec", "template"}, true},
	{"apps/v1", "DaemonSet", []string{"spec", "template"}, true},
	{"argoproj.io/v1alpha1", "Rollout", []string{"spec", "template"}, true},
	{"apps.kruise.io/v1alpha1", "CloneSet", []string{"spec", "template"}, true},
	{"apps.openshift.io/v1", "DeploymentConfig", []string{"spec", "template"}, true},
	{"batch/v1", "CronJob", []string{"spec", "jobTemplate", "spec", "template"}, true},
	{"batch/v1", "Job", []string{"spec", "template"}, false},
	{"v1", "Pod", nil, false},
	{"serving.knative.dev/v1", "Service", []string{"spec", "template"}, true},
	{"jobset.x-k8s.io/v1alpha2", "JobSet", []string{"spec", "replicatedJobs", "template", "spec", "template"}, false},
}

func (c *selectorCase) addWorkload(name string) {
	k := workloadKinds[c.random.IntN(len(workloadKinds))]
	w := workload{kind: k.kind, namespace: c.namespace(), name: name, component: pick(c, "mxp-controller", "vector"), labels: c.labels(), path: k.path, edited: k.edited}
	meta := metadata(w.namespace, name)
	if k.kind == "Job" && c.random.IntN(2) == 0 {
		meta["annotations"] = object{"helm.sh/hook": "pre-install,pre-upgrade"}
		w.edited = true
	}
	template := object{"spec": object{"serviceAccountName": w.component, "containers": []any{}}}
	if len(w.labels) > 0 {
		template["metadata"] = object{"labels": w.labels}
	}
	o := template
	for i, key := range slices.Backward(w.path) {
		o = object{key: o}
		if i == 1 && w.kind == "JobSet" {
			o = object{key: []any{o[key]}}
		}
	}
	if w.kind == "Pod" {
		maps.Copy(meta, object{"labels": w.labels})
	}
	maps.Copy(o, object{"apiVersion": k.version, "kind": k.kind, "metadata": meta})
	if own := c.subset(w.labels); k.edited && k.kind != "CronJob" && k.kind != "Service" && len(own) > 0 {
		o["spec"].(object)["selector"] = object{"matchLabels": own}
		c.selecting = append(c.selecting, selecting{w.kind, w.namespace, name, metav1.LabelSelector{MatchLabels: own}, anywhere, name, true})
	}
	c.workloads, c.objects = append(c.workloads, w), append(c.objects, o)
}

func (c *selectorCase) subset(of map[string]string) map[string]string {
	part := maps.Clone(of)
	maps.DeleteFunc(part, func(string, string) bool { return c.random.IntN(2) == 0 })
	return part
}

func anywhere(string) bool { return true }

// selector returns a selector of Kubernetes that is not empty.
func (c *selectorCase) selector() metav1.LabelSelector {
	for {
		s := metav1.LabelSelector{MatchLabels: c.subset(c.labels())}
		for _, key := range []string{"app", "example.com/team", "tier", "none"} {
			if c.random.IntN(4) > 0 {
				continue
			}
			r := metav1.LabelSelectorRequirement{Key: key, Operator: pick(c, metav1.LabelSelectorOpIn, metav1.LabelSelectorOpNotIn, metav1.LabelSelectorOpExists, metav1.LabelSelectorOpDoesNotExist)}
			if r.Operator == metav1.LabelSelectorOpIn || r.Operator == metav1.LabelSelectorOpNotIn {
				r.Values = []string{pick(c, "x", "y"), pick(c, "data", "1")}
			}
			s.MatchExpressions = append(s.MatchExpressions, r)
		}
		if len(s.MatchLabels)+len(s.MatchExpressions) > 0 {
			return s
		}
	}
}

// inNamespace returns a function that reports whether a namespace is one of the names. An
// empty name, and a workload without a namespace, may be any.
func inNamespace(names ...string) func(string) bool {
	return func(namespace string) bool {
		return namespace == "" || slices.Contains(names, namespace) || slices.Contains(names, "")
	}
}

// addSelecting adds an object with a selector, or with one of something else than pods.
func (c *selectorCase) addSelecting(name string) {
	s := selecting{namespace: c.namespace(), name: name, selector: c.selector()}
	s.reaches = inNamespace(s.namespace)
	form := c.random.IntN(len(selectingForms))
	version, kind, content := selectingForms[form](c, &s)
	s.kind = kind
	o := object{"apiVersion": version, "kind": kind, "metadata": metadata(s.namespace, name)}
	maps.Copy(o, content)
	c.objects = append(c.objects, o)
	if s.reaches != nil {
		c.selecting = append(c.selecting, s)
	}
}

// scope adds fields that say in which namespaces a term of an affinity or a peer of a
// NetworkPolicy selects pods.
func (c *selectorCase) scope(s *selecting, term object, withNames bool) object {
	var names []string
	if withNames && c.random.IntN(2) == 0 {
		names = append(names, pick(c, "a", "b"))
		term["namespaces"] = slices.Clone(names)
	}
	all := false
	switch c.random.IntN(4) {
	case 0:
		term["namespaceSelector"], all = object{}, true
	case 1:
		names = append(names, pick(c, "a", "b"))
		term["namespaceSelector"] = object{"matchLabels": object{"kubernetes.io/metadata.name": names[len(names)-1]}}
	case 2: // nothing is known of other labels
		term["namespaceSelector"], all = object{"matchExpressions": []any{object{"key": "env", "operator": "Exists"}}}, true
	}
	switch {
	case all:
		s.reaches = anywhere
	case len(names) > 0:
		s.reaches = inNamespace(names...)
	}
	return term
}

// podsOf returns a Deployment's spec whose pods have an affinity, and no labels that are
// selected.
func podsOf(spec object) object {
	return object{"spec": object{"selector": object{"matchLabels": object{"own": "y"}},
		"template": object{"metadata": object{"labels": object{"own": "y"}}, "spec": spec}}}
}

var selectingForms = []func(*selectorCase, *selecting) (version, kind string, content object){
	func(c *selectorCase, s *selecting) (string, string, object) {
		s.selector = metav1.LabelSelector{MatchLabels: map[string]string{pick(c, "app", "tier"): pick(c, "x", "data")}}
		return "v1", "Service", object{"spec": object{"selector": s.selector.MatchLabels}}
	},
	func(_ *selectorCase, s *selecting) (string, string, object) {
		return "policy/v1", "PodDisruptionBudget", object{"spec": object{"selector": s.selector}}
	},
	func(c *selectorCase, s *selecting) (string, string, object) {
		peer := c.scope(s, object{"podSelector": s.selector}, false)
		return "networking.k8s.io/v1", "NetworkPolicy", object{"spec": object{"podSelector": object{}, "ingress": []any{object{"from": []any{peer}}}}}
	},
	func(c *selectorCase, s *selecting) (string, string, object) {
		term := c.scope(s, object{"labelSelector": s.selector, "topologyKey": "zone"}, true)
		rule := pick(c, any([]any{term}), any([]any{object{"podAffinityTerm": term, "weight": 1}}))
		affinity := object{pick(c, "podAffinity", "podAntiAffinity"): object{"terms": rule}}
		return "apps/v1", pick(c, "Deployment", "DaemonSet"), podsOf(object{"affinity": affinity, "nodeSelector": object{"tier": "x"}})
	},
	func(_ *selectorCase, s *selecting) (string, string, object) {
		return "apps/v1", "Deployment", podsOf(object{"topologySpreadConstraints": []any{object{"labelSelector": s.selector}}})
	},
	func(c *selectorCase, s *selecting) (string, string, object) {
		spec := object{"selector": s.selector}
		switch c.random.IntN(4) {
		case 0:
			spec["namespaceSelector"] = object{"any": true}
			s.reaches = anywhere
		case 1:
			spec["namespaceSelector"] = object{"matchNames": []string{"b"}}
			s.reaches = inNamespace("b")
		case 2:
			spec["namespaceSelector"] = object{}
		}
		return "monitoring.coreos.com/v1", "PodMonitor", object{"spec": spec}
	},
	func(c *selectorCase, s *selecting) (string, string, object) {
		prefixed := metav1.LabelSelector{MatchLabels: map[string]string{}}
		for key, value := range s.selector.MatchLabels {
			prefixed.MatchLabels[pick(c, "", "k8s:", "any:")+key] = value
		}
		for _, r := range s.selector.MatchExpressions {
			r.Key = "k8s:" + r.Key
			prefixed.MatchExpressions = append(prefixed.MatchExpressions, r)
		}
		if c.random.IntN(2) == 0 {
			prefixed.MatchLabels["k8s:io.kubernetes.pod.namespace"] = "b"
			s.reaches = inNamespace("b")
		}
		return "cilium.io/v2", "CiliumNetworkPolicy", object{"spec": object{"endpointSelector": object{}, "egress": []any{object{"toEndpoints": []any{prefixed}}}}}
	},
	func(_ *selectorCase, s *selecting) (string, string, object) {
		s.reaches = anywhere
		return "cilium.io/v2", "CiliumClusterwideNetworkPolicy", object{"spec": object{"endpointSelector": s.selector}}
	},
	func(_ *selectorCase, s *selecting) (string, string, object) {
		return "example.com/v1", "Unknown", object{"spec": object{"deep": []any{object{"workloadSelector": s.selector}}}}
	},
	func(c *selectorCase, s *selecting) (string, string, object) { // another workload
		s.ofWorkload = true
		return "apps/v1", pick(c, "Deployment", "StatefulSet"), object{"spec": object{"selector": s.selector, "template": object{"spec": object{}}}}
	},
	func(c *selectorCase, s *selecting) (string, string, object) { // what is not for pods
		content := object{"spec": object{"selector": s.selector}}
		s.reaches = nil
		return pick(c, "monitoring.coreos.com/v1", "example.com/v1"), pick(c, "ServiceMonitor", "PersistentVolumeClaim", "PushSecret", "CustomResourceDefinition"), content
	},
	func(c *selectorCase, s *selecting) (string, string, object) {
		key := pick(c, "nodeSelector", "namespaceSelector", "objectSelector", "serviceMonitorSelector", "clusterRoleSelectors", "volumeClaimTemplate", "controlPlaneSelector")
		content := object{"spec": object{key: s.selector}}
		if key == "volumeClaimTemplate" {
			content = object{"spec": object{key: object{"spec": object{"selector": s.selector}}}}
		}
		s.reaches = nil
		return "example.com/v1", "Unknown", content
	},
}

// expected returns the verdicts of Kubernetes' own package.
func (c *selectorCase) expected() []string {
	var losses, gains []string
	for _, s := range c.selecting {
		selector, err := metav1.LabelSelectorAsSelector(&s.selector)
		if err != nil {
			panic(err)
		}
		for _, w := range c.workloads {
			before, after := selector.Matches(labels.Set(w.labels)), selector.Matches(labels.Set(c.after(w)))
			own := s.only == w.name
			switch subject := fullName(s.kind, s.namespace, s.name); {
			case !s.reaches(w.namespace) && !own || s.only != "" && !own && !inNamespace(s.namespace)(w.namespace):
			case before && !after && (own || !s.ofWorkload):
				losses = append(losses, subject+" loses "+w.String())
			case !before && after && !own:
				gains = append(gains, subject+" gains "+w.String())
			}
		}
	}
	if len(losses) > 0 {
		gains = nil
	}
	return slices.Sorted(slices.Values(append(losses, gains...)))
}

// after returns the labels of a workload's pods after the edit.
func (c *selectorCase) after(w workload) map[string]string {
	all := maps.Clone(w.labels)
	if w.edited {
		maps.Copy(all, c.podLabels[w.component])
	}
	return all
}

func (c *selectorCase) stream() string {
	documents := c.objects
	if c.listed {
		documents = []object{{"apiVersion": "v1", "kind": "List", "items": c.objects}}
	}
	var b strings.Builder
	for _, o := range documents {
		text, err := yaml.Marshal(o)
		if err != nil {
			panic(err)
		}
		fmt.Fprintf(&b, "---\n%s", text)
	}
	return b.String()
}

func (c *selectorCase) state() desired.State {
	var settings identity.Settings
	for _, name := range []string{"mxp-controller", "vector"} {
		settings.Components = append(settings.Components, identity.Component{Name: name,
			Role: identity.RoleARN{Partition: "aws", Account: "123456789012", Name: "r"}, PodLabels: c.podLabels[name]})
	}
	spec, problems := identity.New(settings)
	if len(problems) > 0 {
		panic(problems[0])
	}
	return desired.Of(spec)
}

// checkOutput checks the labels of the pods in the output, and that a second run changes
// nothing and has no verdict.
func (c *selectorCase) checkOutput(t *testing.T, out []byte) {
	t.Helper()
	pods := map[string]map[string]string{}
	for _, o := range objectsIn(t, out) {
		i := slices.IndexFunc(c.workloads, func(w workload) bool { return w.name == o["metadata"].(object)["name"] })
		if i >= 0 {
			pods[c.workloads[i].name] = labelsAt(o, c.workloads[i].path)
		}
	}
	for _, w := range c.workloads {
		if d := cmp.Diff(c.after(w), pods[w.name]); d != "" {
			t.Errorf("labels of %s (-want +got):\n%s", w, d)
		}
	}
	again, err := rewrite.Run(out, c.state(), rewrite.Options{OnMissing: rewrite.MissingWarns})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(out), string(written(t, again))); d != "" {
		t.Errorf("the second run changes the output:\n%s", d)
	}
	if got := verdicts(nil, again.Warnings); len(got) > 0 {
		t.Errorf("the second run warns: %v", got)
	}
}

func objectsIn(t *testing.T, stream []byte) []object {
	t.Helper()
	var all []object
	for text := range strings.SplitSeq(string(stream), "---\n") {
		var o object
		if err := yaml.Unmarshal([]byte(text), &o); err != nil {
			t.Fatal(err)
		}
		items, isList := o["items"].([]any)
		for _, item := range items {
			all = append(all, item.(object))
		}
		if !isList && o != nil {
			all = append(all, o)
		}
	}
	return all
}

func labelsAt(o object, path []string) map[string]string {
	for _, key := range path {
		next := o[key]
		if list, ok := next.([]any); ok {
			next = list[0]
		}
		o = next.(object)
	}
	found := map[string]string{}
	meta, _ := o["metadata"].(object)
	all, _ := meta["labels"].(object)
	for key, value := range all {
		found[key] = value.(string)
	}
	return found
}
