package rewrite

import (
	"fmt"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/identity"
)

func ExampleServiceAccounts() {
	show(ServiceAccounts{exampleState(identity.Component{})}, `
apiVersion: v1
kind: ServiceAccount
metadata:
  name: mxp-controller
  namespace: mxp-a-system
`)
	// Output:
	// set metadata.annotations["eks.amazonaws.com/role-arn"] to arn:aws:iam::123456789012:role/backup
}

// In mode pod-identity an association gives the role. An annotation of an earlier
// mode stays until the association exists.
func ExampleServiceAccounts_podIdentity() {
	show(ServiceAccounts{exampleState(identity.Component{Mode: identity.PodIdentity})}, `
apiVersion: v1
kind: ServiceAccount
metadata:
  name: mxp-controller
  annotations: {eks.amazonaws.com/role-arn: "arn:aws:iam::123456789012:role/old"}
`)
	// Output:
	// left: metadata.annotations["eks.amazonaws.com/role-arn"] (in pod-identity mode an association overrides this annotation; `spaces-identity verify` says when it can go)
	// unchanged: metadata.annotations (an association gives the identity, so no annotation is needed here)
}

func ExamplePodTemplates() {
	show(PodTemplates{exampleState(identity.Component{PodLabels: map[string]string{"team": "backup"}})}, `
apiVersion: batch/v1
kind: CronJob
metadata: {name: cleanup}
spec:
  jobTemplate:
    spec:
      template:
        spec: {serviceAccountName: mxp-controller}
`)
	// Output:
	// set spec.jobTemplate.spec.template.metadata.labels.team to backup
}

// A string of YAML, in the argument of a container, contains the values.
func ExampleEmbeddedValues() {
	show(newEmbeddedValues(exampleState(identity.Component{PodLabels: map[string]string{"team": "backup"}})), `
apiVersion: apps/v1
kind: Deployment
metadata: {name: spaces-controller}
spec:
  template:
    spec:
      containers:
      - name: controller
        args: ["--values={controlPlanes: {mxpController: {}}}"]
`)
	// Output:
	// set spec.template.spec.containers[0].args[0] → controlPlanes.mxpController.serviceAccount.annotations["eks.amazonaws.com/role-arn"] to arn:aws:iam::123456789012:role/backup
	// set spec.template.spec.containers[0].args[0] → controlPlanes.mxpController.pod.customLabels.team to backup
}

func ExampleConfiguredPlaces() {
	show(ConfiguredPlaces{exampleState(identity.Component{}, identity.Place{Kind: "ConfigMap", Name: "defaults", Path: identity.Path{}.Field("data", "annotations"), Encoding: "json"})}, `
apiVersion: v1
kind: ConfigMap
metadata: {name: defaults}
data:
  annotations: '{"owner": "platform"}'
`)
	// Output:
	// set data.annotations → ["eks.amazonaws.com/role-arn"] to arn:aws:iam::123456789012:role/backup
}

// The restart annotation changes with the identity, so an upgrade replaces the pods.
func ExampleRestarts() {
	show(Restarts{state: exampleState(identity.Component{})}, `
apiVersion: apps/v1
kind: Deployment
metadata: {name: mxp-controller}
spec:
  template:
    spec: {serviceAccountName: mxp-controller}
`)
	// Output:
	// set spec.template.metadata.annotations["spaces-identity.dev/identity"] to 798371bbe4db521e
}

// This Deployment reads a ConfigMap whose embedded values changed.
func ExampleRestarts_dependent() {
	values := embedded{object: &object{kind: "ConfigMap", name: "values"}, components: []string{"mxp-controller"}, changed: true}
	show(Restarts{exampleState(identity.Component{}), []embedded{values}}, `
apiVersion: apps/v1
kind: Deployment
metadata: {name: spaces-controller}
spec:
  template:
    spec:
      volumes:
      - name: values
        configMap: {name: values}
`)
	// Output:
	// set spec.template.metadata.annotations["spaces-identity.dev/identity"] to 798371bbe4db521e
}

func ExampleOwnObjects() {
	const policy = "apiVersion: policy.example.com/v1\nkind: Policy\nmetadata: {name: ours}\n"
	show(OwnObjects{[]Object{{Group: "policy.example.com", Kind: "Policy", Name: "ours", Text: []byte(policy + "spec: {role: new}\n")}}}, policy+"spec: {role: old}\n")
	// Output:
	// changed:  (replaces another object of that name)
}

// A Service and a workload's own selector must still find the pods.
func ExampleSelectors() {
	change := labelChange{object: &object{kind: "Deployment", name: "mxp-controller"},
		before: map[string]string{"app": "mxp"}, after: map[string]string{"app": "backup"}}
	show(Selectors{[]labelChange{change}}, `
apiVersion: v1
kind: Service
metadata: {name: mxp}
spec:
  selector: {app: mxp}
`)
	// Output:
	// error: manifests:6:13: this selector uses a pod label of Deployment mxp-controller that would change, so it would lose those pods (document 1, Service mxp)
}

// A Rollout is none of Kubernetes' own kinds.
func ExampleOtherWorkloads() {
	show(OtherWorkloads{exampleState(identity.Component{})}, `
apiVersion: example.com/v1
kind: Rollout
metadata: {name: mxp}
spec:
  template:
    spec:
      serviceAccountName: mxp-controller
      containers: []
`)
	// Output:
	// warning: Rollout mxp runs as the service account of mxp-controller and is not edited, because the program does not know workloads of this kind: its pods get no labels and do not restart with the upgrade
}

func ExampleBackupConfigs() {
	show(BackupConfigs{exampleState(identity.Component{Bucket: "backups"})}, `
apiVersion: spaces.upbound.io/v1alpha1
kind: SharedBackupConfig
metadata: {name: default}
spec:
  objectStorage:
    provider: AWS
    bucket: other
    credentials: {source: InjectedIdentity}
`)
	// Output:
	// warning: SharedBackupConfig default, line 8: spec.objectStorage.bucket is "other", and the role of mxp-controller may use "backups"
}

func ExampleUnrecognisedTexts() {
	show(UnrecognisedTexts{exampleState(identity.Component{})}, `
apiVersion: v1
kind: ConfigMap
metadata: {name: hidden}
data:
  args: --set controlPlanes.mxpController.enabled=true
  saAnnotations: '{}'
`)
	// Output:
	// unrecognised: data.args (an argument of the --set kind, which no place can point into: set the value in the chart, as `spaces-identity values` prints it)
	// unrecognised: data.saAnnotations (the key saAnnotations may hold a service account's annotations)
}

// exampleState returns the desired state of mxp-controller with a role.
func exampleState(c identity.Component, places ...identity.Place) desired.State {
	c.Name, c.Role = identity.DefaultComponent, identity.RoleARN{Partition: "aws", Account: "123456789012", Name: "backup"}
	spec, problems := identity.New(identity.Settings{Components: []identity.Component{c}, Places: places})
	if len(problems) > 0 {
		panic(problems[0])
	}
	return desired.Of(spec)
}

// show prints what a rule finds in a manifest, before the edits are restrained.
func show(r rule, manifest string) {
	in := newInput([]byte(manifest), Options{})
	if own, ok := r.(OwnObjects); ok {
		in.own = own
	}
	docs, _ := in.read(nil, nil, always)
	all := in.find(docs, r)
	for _, e := range all.edits {
		fmt.Printf("set %s to %s\n", e.path.Field(e.key), e.value)
	}
	for _, p := range all.places {
		fmt.Printf("%s: %s (%s)\n", p.Outcome, p.Path, p.Reason)
	}
	for _, w := range all.warnings {
		fmt.Println("warning:", w)
	}
	for _, err := range all.errs {
		fmt.Println("error:", err)
	}
}
