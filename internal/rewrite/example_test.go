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

// In mode pod-identity an association gives the role. The annotation of the earlier mode
// is left, because the association may not exist yet.
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

// Without a role the run fails, and its report still lists the place.
func ExampleServiceAccounts_withoutRole() {
	spec, _ := identity.New(identity.Settings{Components: []identity.Component{{Name: identity.DefaultComponent}}})
	show(ServiceAccounts{desired.Of(spec)}, `
apiVersion: v1
kind: ServiceAccount
metadata:
  name: mxp-controller
`)
	// Output:
	// unchanged: metadata.annotations (the config has no role for the annotation)
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

// The argument of a container contains the values as a string of YAML.
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
	show(newRestarts(exampleState(identity.Component{}), nil), `
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

// The Deployment reads a ConfigMap whose embedded values changed.
func ExampleRestarts_dependent() {
	values := place{Finding: Finding{Outcome: Changed, Component: "mxp-controller", Place: EmbeddedPlace, Kind: "ConfigMap", Name: "values"}}
	show(newRestarts(exampleState(identity.Component{}), embeddedIn([]place{values})), `
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
	show(OwnObjects{objects: []Object{{Group: "policy.example.com", Kind: "Policy", Name: "ours", Text: []byte(policy + "spec: {role: new}\n")}}}, policy+"spec: {role: old}\n")
	// Output:
	// changed:  (replaces another object of that name)
}

// The selector of a Service must still match the pods.
func ExampleSelectors() {
	change := labelChange{object: &object{kind: "Deployment", name: "mxp-controller"},
		before: map[string]string{"app": "mxp"}, after: map[string]string{"app": "backup"}}
	show(newSelectors([]labelChange{change}), `
apiVersion: v1
kind: Service
metadata: {name: mxp}
spec:
  selector: {app: mxp}
`)
	// Output:
	// error: manifests:6:13: this selector would no longer match the pods of Deployment mxp-controller, because it uses a pod label that would change (document 1, Service mxp)
}

// With the label, the Service would send requests to these pods too.
func ExampleSelectors_newLabel() {
	change := labelChange{object: &object{kind: "Deployment", name: "mxp-controller"},
		before: map[string]string{}, after: map[string]string{"team": "platform"}}
	show(newSelectors([]labelChange{change}), `
apiVersion: v1
kind: Service
metadata: {name: portal}
spec:
  selector: {team: platform}
`)
	// Output:
	// warning: Service portal, line 6: this selector would also match the pods of Deployment mxp-controller with their new labels (team): check that this is intended
}

// The template of a JobSet cannot change.
func ExampleOtherWorkloads() {
	show(OtherWorkloads{exampleState(identity.Component{})}, `
apiVersion: jobset.x-k8s.io/v1alpha2
kind: JobSet
metadata: {name: mxp}
spec:
  replicatedJobs:
  - template:
      spec:
        template:
          spec: {serviceAccountName: mxp-controller}
`)
	// Output:
	// warning: JobSet mxp runs as the service account of mxp-controller, but spaces-identity does not edit this kind of workload: its pods get no labels and do not restart with the upgrade
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
	// warning: SharedBackupConfig default, line 8: spec.objectStorage.bucket is "other", but the role of mxp-controller may only use "backups"
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
	// unrecognised: data.args (an argument of the --set kind, which the config's places cannot describe: set the value in the chart instead, as `spaces-identity values` prints it)
	// unrecognised: data.saAnnotations (the key saAnnotations may contain annotations of a service account)
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

// show prints what a rule finds in a manifest, before the step restrain.
func show(r rule, manifest string) {
	in := newInput([]byte(manifest), Options{})
	if own, ok := r.(OwnObjects); ok {
		in.own = own
	}
	docs, _ := in.read(nil, names{}, always)
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
