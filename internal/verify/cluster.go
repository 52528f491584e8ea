package verify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/export"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/injection"
	"spaces-identity.dev/internal/space"
)

// The resources of admission policies and their bindings, also by kind.
var (
	admissionResources = []space.Resource{space.AdmissionPolicies, space.AdmissionBindings}
	resourceOfKind     = map[string]space.Resource{export.PolicyKind: space.AdmissionPolicies, export.BindingKind: space.AdmissionBindings}
)

// admissionObjects returns the policies and bindings that a component needs.
func admissionObjects(s desired.State, c desired.Component) ([]export.Object, error) {
	all, err := export.AdmissionPolicies(s)
	return slices.DeleteFunc(all, func(o export.Object) bool { return o.Component != c.Name }), err
}

func checkAdmissionPolicy(f *checkInput) Check {
	if f.state.Spec().AdmissionPolicy == identity.NoAdmissionPolicy {
		return Check{}
	}
	objects, err := admissionObjects(f.state, f.component)
	switch failure := f.observed.Failure("", admissionResources...); {
	case failure != nil && failure.NotServed():
		return failedCheck("upgrade the cluster to Kubernetes 1.36, or remove delivery.admissionPolicy from the config to deliver through the chart's values alone",
			"the cluster does not serve %s v1: it is older than Kubernetes 1.36", export.PolicyKind)
	case failure != nil:
		return unknownCheck(failure)
	case err != nil:
		return unknownCheck(err)
	case len(objects) == 0:
		return Check{}
	}
	for _, object := range objects {
		names := f.observed.Names[resourceOfKind[object.Kind]]
		if !names[object.Name] && !names[object.Name+export.AppliedSuffix] {
			return failedCheck("upgrade the Spaces release through the post-renderer, or run `spaces-identity policy admission | kubectl apply -f -`",
				"the cluster has no %s %s", object.Kind, object.Name)
		}
	}
	return okCheck("exists")
}

// at returns the component's service account in the control plane.
func (f *checkInput) at() space.Key {
	return space.Key{Namespace: f.plane.HostNamespace, Name: f.component.ServiceAccount}
}

// fixAnnotation returns what to do to annotate a service account.
func (f *checkInput) fixAnnotation() string {
	if f.state.Spec().AdmissionPolicy != identity.NoAdmissionPolicy {
		return "run `spaces-identity restart`: it updates the service account, so that the admission policy annotates it"
	}
	return "upgrade the Spaces release through the post-renderer, or set delivery.admissionPolicy: native, which also annotates the service accounts of later control planes"
}

func checkServiceAccount(f *checkInput) Check {
	if err := f.observed.Failure(f.plane.HostNamespace, space.ServiceAccounts); err != nil {
		return unknownCheck(err)
	}
	account, exists := f.observed.ServiceAccounts[f.at()]
	if !exists {
		return failedCheck("check that the control plane is up and the component enabled, and that components[].serviceAccount names its service account",
			"there is no service account %s", f.component.ServiceAccount)
	}
	for _, annotation := range slices.Sorted(maps.Keys(f.component.Annotations)) {
		want := f.component.Annotations[annotation]
		got, exists := account.Meta.Annotations[annotation]
		near := misspeltKey(account.Meta.Annotations, annotation)
		switch {
		case !exists && near != "":
			return failedCheck("remove the annotation "+near+" at its source; "+f.fixAnnotation(), "the annotation %s is misspelt: %s", annotation, near)
		case !exists:
			return failedCheck(f.fixAnnotation(), "the annotation %s is missing", annotation)
		case got != want:
			return failedCheck(f.fixAnnotation(), "the annotation %s is %s, not %s", annotation, got, want)
		}
	}
	if role := account.Meta.Annotations[identity.RoleAnnotation]; !f.component.Mode.UsesIRSA() && role != "" {
		return warningCheck("remove it after every pod has EKS Pod Identity credentials", "the service account still has the annotation %s: %s", identity.RoleAnnotation, role)
	}
	return okCheck("annotated as the config says")
}

// misspeltKey returns an annotation whose key is a known misspelling of right, or "".
func misspeltKey(annotations map[string]string, right string) string {
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		if identity.Misspelt(key) == right {
			return key
		}
	}
	return ""
}

func checkWorkload(f *checkInput) Check {
	if found := f.observed.Workloads[f.at()]; len(found) > 0 {
		return okCheck("%s %s", found[0].Resource, found[0].Meta.Name)
	}
	if err := f.observed.Failure(f.plane.HostNamespace, space.Deployments, space.StatefulSets, space.DaemonSets); err != nil {
		return unknownCheck(err)
	}
	if pods := f.observed.Pods[f.at()]; len(pods) > 0 {
		return okCheck("pod %s, which no workload owns", pods[0].Meta.Name)
	}
	return failedCheck("check that the component is deployed, and that its pod template has serviceAccountName: "+f.component.ServiceAccount,
		"no workload and no pod runs as the service account %s", f.component.ServiceAccount)
}

// eachPod calls find for each pod and returns the first check that has a state. If there is
// none, it returns a successful check with the detail "N of N pods" and the text of well.
func (f *checkInput) eachPod(well string, find func(space.Pod) Check) Check {
	if err := f.observed.Failure(f.plane.HostNamespace, space.Pods); err != nil {
		return unknownCheck(err)
	}
	pods := f.observed.Pods[f.at()]
	if len(pods) == 0 {
		return failedCheck("check why the component has no pods: it may be disabled or scaled to zero", "the component has no pods")
	}
	for _, p := range pods {
		if found := find(p); found.State != "" {
			return found
		}
	}
	return okCheck("%d of %d pods %s", len(pods), len(pods), well)
}

func checkLabels(f *checkInput) Check {
	return f.eachPod("have the labels", func(p space.Pod) Check {
		for _, label := range slices.Sorted(maps.Keys(f.component.PodLabels)) {
			want := f.component.PodLabels[label]
			got, exists := p.Meta.Labels[label]
			switch {
			case !exists:
				return failedCheck("run `spaces-identity restart` once the pod template or the admission policy has the label", "the label %s is missing on pod %s", label, p.Meta.Name)
			case got != want:
				return failedCheck("set this value in the pod template, or change podLabels in the config", "the label %s is %q on pod %s, not %q", label, got, p.Meta.Name, want)
			}
		}
		return Check{}
	})
}

func checkInjected(f *checkInput) Check {
	return f.eachPod("have the identity", func(p space.Pod) Check {
		problem := injection.PodProblem(p, f.component, f.observed.ServiceAccounts[f.at()])
		if problem.Cause == injection.NoProblem {
			return Check{}
		}
		return failedCheck(f.fixInjected(problem), "pod %s: %s", p.Meta.Name, problem.Reason)
	})
}

// fixInjected returns what to do first for a pod without the identity. A restart helps
// only if the service account is right.
func (f *checkInput) fixInjected(problem injection.Problem) string {
	switch {
	case problem.Cause == injection.Overridden:
		return "delete the association, or set mode: pod-identity (or both) in the config"
	case problem.Cause == injection.Skipped:
		return "remove the annotation " + injection.SkipAnnotation + " from the pod template"
	case checkServiceAccount(f).State == Fails:
		return "fix the service account first"
	case f.component.Mode == identity.PodIdentity:
		return "check the association (`spaces-identity plan`) and that the add-on eks-pod-identity-agent runs, then run `spaces-identity restart`"
	}
	return "run `spaces-identity restart`; if it does not help, check the pod identity webhook of the cluster"
}

func checkReady(f *checkInput) Check {
	return f.eachPod("run and are ready", func(p space.Pod) Check {
		if p.Ready() {
			return Check{}
		}
		return failedCheck(fmt.Sprintf("run `kubectl describe pod %s -n %s` to see why", p.Meta.Name, p.Meta.Namespace), "pod %s is %s and not ready", p.Meta.Name, p.Status.Phase)
	})
}

// injectedIdentity is the credentials source of a backup config that uses the identity.
//
// Source: Upbound Spaces API reference, SharedBackupConfig.
const injectedIdentity = "InjectedIdentity"

// makesBackups reports whether the component makes the control planes' backups.
func makesBackups(c desired.Component) bool { return c.Name == identity.DefaultComponent }

// ofBackups returns a check that applies only to the component that makes backups. Backups
// and their configs are in the namespace of the ControlPlane object.
func ofBackups(run func(*checkInput) Check) func(*checkInput) Check {
	return func(f *checkInput) Check {
		switch {
		case !makesBackups(f.component):
			return Check{}
		case f.plane.Name == "":
			return unknownCheck(errors.New("no ControlPlane object names this host namespace, so its backups cannot be found"))
		}
		return run(f)
	}
}

const fixBackupConfig = "apply the SharedBackupConfig that `spaces-identity post-render` writes among its artifacts"

// checkBackupConfig looks for a backup config that uses the identity and the bucket. It may
// belong to the control plane's group or to the whole Space.
func checkBackupConfig(f *checkInput) Check {
	if err := f.observed.Failure(f.plane.Namespace, space.SharedBackupConfigs); err != nil {
		return unknownCheck(err)
	}
	var wrong string
	for _, config := range slices.Concat(f.observed.BackupConfigs[f.plane.Namespace], f.observed.BackupConfigs[""]) {
		problem := reviewConfig(config, f.component)
		if problem == "" {
			return okCheck("%s", config.Meta.Name)
		}
		wrong = cmp.Or(wrong, config.Meta.Name+": "+problem)
	}
	if wrong != "" {
		return failedCheck(fixBackupConfig, "%s", wrong)
	}
	return warningCheck(fixBackupConfig, "no SharedBackupConfig in namespace %s", f.plane.Namespace)
}

// reviewConfig returns why a backup config does not use the identity, or "".
func reviewConfig(config space.BackupConfig, c desired.Component) string {
	storage := config.Spec.ObjectStorage
	switch {
	case storage.Provider != "AWS":
		return "its provider is " + storage.Provider + ", not AWS"
	case storage.Credentials.Source != injectedIdentity:
		return fmt.Sprintf("credentials.source is %s, not %s, so the identity is not used", storage.Credentials.Source, injectedIdentity)
	case c.Bucket != "" && storage.Bucket != c.Bucket:
		return fmt.Sprintf("the bucket is %s, not %s", storage.Bucket, c.Bucket)
	case storage.Config.AWSSDKAuth && c.Mode.UsesPodIdentity():
		return "config.aws_sdk_auth is true, which does not work with EKS Pod Identity"
	}
	return ""
}

func checkLatestBackup(f *checkInput) Check {
	if err := f.observed.Failure(f.plane.Namespace, space.Backups); err != nil {
		return unknownCheck(err)
	}
	backup, exists := f.observed.Backups[space.Key{Namespace: f.plane.Namespace, Name: f.plane.Name}]
	switch {
	case !exists:
		return warningCheck("create a backup: only a completed backup proves that the identity works", "there is no backup yet")
	case backup.Status.Phase == "Completed":
		return okCheck("backup %s is completed", backup.Meta.Name)
	case backup.Status.Phase == "Failed":
		return failedCheck(fmt.Sprintf("fix the other checks first, then create another backup; `kubectl describe backups.spaces.upbound.io %s -n %s` shows why this one failed", backup.Meta.Name, backup.Meta.Namespace),
			"backup %s failed", backup.Meta.Name)
	}
	return warningCheck("wait until the backup has finished", "backup %s is %s", backup.Meta.Name, cmp.Or(backup.Status.Phase, "Pending"))
}

// ForeignAnnotations returns a warning for each service account of a component whose
// annotation names another role: what the config grants does not reach its pods, unless
// an association overrides the annotation.
func ForeignAnnotations(ctx context.Context, client *space.Client, s desired.State) ([]string, error) {
	var warnings []string
	for _, c := range s.Components {
		query := space.Query{Fields: "metadata.name=" + c.ServiceAccount}
		err := space.List(ctx, client, space.ServiceAccounts, query, func(o space.Object) {
			role := o.Meta.Annotations[identity.RoleAnnotation]
			if role == "" || role == c.Role.String() || !c.Subjects.Admits(o.Meta.Namespace) {
				return
			}
			what := "its pods do not get " + c.Role.String()
			if c.Mode.UsesPodIdentity() {
				what = "the association overrides it, silently"
			}
			warnings = append(warnings, fmt.Sprintf("the service account %s/%s is annotated with another role, %s: %s", o.Meta.Namespace, c.ServiceAccount, role, what))
		})
		if err != nil {
			return nil, err
		}
	}
	return warnings, nil
}
