package verify

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/export"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/space"
)

// checkIssuer compares the issuer of the cluster's tokens with the config and with EKS. If
// it differs, the kubeconfig is most likely that of another cluster.
func checkIssuer(f *checkInput) Check {
	cluster := f.state.Clusters[0]
	if f.observed.IssuerError != nil {
		return unknownCheck(f.observed.IssuerError)
	}
	live, err := identity.ParseOIDCProvider(f.observed.Issuer)
	if err != nil {
		return failedCheck(fixContext, "the issuer of the cluster's tokens is %s, which cannot be that of an EKS cluster", f.observed.Issuer)
	}
	named, err := identity.ParseOIDCProvider(f.account.cluster.value.Issuer)
	switch {
	case err == nil && named.HostPath != live.HostPath:
		return failedCheck(fixContext, "the issuer of the cluster's tokens is %s, but that of EKS cluster %s is %s", live.HostPath, cluster.Name, named.HostPath)
	case !cluster.OIDC.IsZero() && cluster.OIDC.HostPath != live.HostPath:
		return failedCheck(fixContext+"; if it is right, correct cluster.oidcProvider in the config", "the issuer of the cluster's tokens is %s, but the config names %s", live.HostPath, cluster.OIDC.HostPath)
	case cluster.OIDC.IsZero() && err != nil:
		return unknownf("set cluster.oidcProvider, or cluster.name and cluster.region, in the config", "the issuer of the cluster's tokens is %s, and there is nothing to compare it with", live.HostPath)
	}
	return okCheck("%s", live.HostPath)
}

const fixContext = "check that the kubeconfig's context is the cluster of the config: `kubectl config current-context`"

// The resources of admission policies and their bindings, also by kind.
var (
	admissionResources = []space.Resource{space.AdmissionPolicies, space.AdmissionBindings}
	resourceOfKind     = map[string]space.Resource{export.PolicyKind: space.AdmissionPolicies, export.BindingKind: space.AdmissionBindings}
)

const fixAdmission = "upgrade the Spaces release through the post-renderer; a new policy acts after up to half a second"

// admissionForms are the ways in which a cluster can have the admission policies.
var admissionForms = []struct {
	objects func(desired.State) ([]export.Object, error)
	fix     string // if an object is not as the config says
}{
	{export.AdmissionPolicies, fixAdmission},
	{export.AppliedPolicies, "apply them again: `spaces-identity policy admission | kubectl apply -f -`"},
}

// checkAdmissionPolicy looks for the policies of the release, or for those that a user has
// applied. One that is not as the config says acts too, so it fails the check.
func checkAdmissionPolicy(f *checkInput) Check {
	if f.state.Spec().AdmissionPolicy == identity.NoAdmissionPolicy {
		return Check{}
	}
	switch failure := f.observed.Failure("", admissionResources...); {
	case failure != nil && failure.NotServed():
		return failedCheck("upgrade the cluster to Kubernetes 1.36, or remove delivery.admissionPolicy from the config to deliver through the chart's values alone",
			"the cluster does not serve %s v1: it is older than Kubernetes 1.36", export.PolicyKind)
	case failure != nil:
		return unknownCheck(failure)
	}
	missing, found := "", Check{}
	for _, form := range admissionForms {
		objects, err := form.objects(f.state)
		if err != nil {
			return unknownCheck(err)
		}
		objects = slices.DeleteFunc(objects, func(o export.Object) bool { return o.Component != f.component.Name })
		if len(objects) == 0 {
			return Check{}
		}
		absent, wrong := f.compareAdmission(objects)
		switch {
		case wrong.State != "":
			wrong.Fix = cmp.Or(wrong.Fix, form.fix+". Then run `spaces-identity restart`")
			return wrong
		case absent == "" && found.State == "":
			found = okCheck("exists as the config says")
		case missing == "":
			missing = absent
		}
	}
	if found.State == "" {
		return failedCheck(fixAdmission, "the cluster has no %s: the release was installed, upgraded or rolled back without it. Service accounts keep what it has written", missing)
	}
	return found
}

// compareAdmission compares policies and bindings with the cluster's. It returns the first
// that is absent, and a check if one is not as the config says.
func (f *checkInput) compareAdmission(objects []export.Object) (absent string, wrong Check) {
	for _, object := range objects {
		live, exists := f.observed.Objects[resourceOfKind[object.Kind]][object.Name]
		if !exists {
			absent = cmp.Or(absent, object.Kind+" "+object.Name)
			continue
		}
		switch same, err := sameSpec(object, live); {
		case err != nil:
			return absent, unknownCheck(err)
		case !same:
			return absent, failedCheck("", "the cluster's %s %s is not as the config says, for example because the role has changed since", object.Kind, object.Name)
		case !strings.HasSuffix(object.Name, export.AppliedSuffix) && live.Meta.Annotations["meta.helm.sh/release-name"] == "":
			return absent, warningCheck(fmt.Sprintf("delete it, then upgrade the Spaces release through the post-renderer: `kubectl delete %s %s`", resourceOfKind[object.Kind].Plural, object.Name),
				"the cluster's %s %s does not belong to a Helm release, so that the next upgrade fails: \"invalid ownership metadata\"", object.Kind, object.Name)
		}
	}
	return absent, Check{}
}

// sameSpec reports whether a live object has the spec that is wanted. The API server adds
// defaults.
func sameSpec(wanted export.Object, live space.Object) (bool, error) {
	var want struct {
		Spec map[string]any `json:"spec"`
	}
	var got map[string]any
	if err := errors.Join(yaml.Unmarshal(wanted.Text, &want), json.Unmarshal(live.Spec, &got)); err != nil {
		return false, fmt.Errorf("the %s %s could not be compared: %w", wanted.Kind, live.Meta.Name, err)
	}
	return covers(want.Spec, got), nil
}

// admissionDefaults are the values that the API server sets in a policy.
//
// Source: Kubernetes API reference, MutatingAdmissionPolicy v1.
var admissionDefaults = map[string]any{"matchPolicy": "Equivalent", "scope": "*", "failurePolicy": "Fail", "reinvocationPolicy": "Never"}

// covers reports whether a live value has everything that is wanted, and besides it only
// defaults and empty values.
func covers(want, got any) bool {
	switch want := want.(type) {
	case map[string]any:
		live, ok := got.(map[string]any)
		for key, value := range live {
			if _, named := want[key]; !named && value != admissionDefaults[key] && !isEmpty(value) {
				return false
			}
		}
		for key, value := range want {
			ok = ok && covers(value, live[key])
		}
		return ok
	case []any:
		live, ok := got.([]any)
		return ok && slices.EqualFunc(want, live, covers)
	}
	return want == got
}

func isEmpty(value any) bool {
	if value == nil {
		return true
	}
	switch v := reflect.ValueOf(value); v.Kind() {
	case reflect.Map, reflect.Slice, reflect.String:
		return v.Len() == 0
	}
	return false
}

// at returns the component's service account in the control plane.
func (f *checkInput) at() space.Key {
	return space.Key{Namespace: f.plane.HostNamespace, Name: f.component.ServiceAccount}
}

// fixAnnotation returns what to do to annotate a service account.
func (f *checkInput) fixAnnotation() string {
	switch {
	case f.state.Spec().AdmissionPolicy == identity.NoAdmissionPolicy:
		return "upgrade the Spaces release through the post-renderer, or set delivery.admissionPolicy: native, which also annotates the service accounts of later control planes"
	case checkAdmissionPolicy(f).State == Fails:
		return "fix the admission policy first, then run `spaces-identity restart`"
	}
	return "run `spaces-identity restart`: it updates the service account, so that the admission policy annotates it"
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
	if audience := account.Meta.Annotations[audienceKey]; f.component.Mode.UsesIRSA() && audience != "" && audience != identity.Audience {
		return failedCheck("remove it at its source, then run `spaces-identity restart`", "the annotation %s is %s, and AWS accepts only tokens for %s", audienceKey, audience, identity.Audience)
	}
	if role := account.Meta.Annotations[identity.RoleAnnotation]; !f.component.Mode.UsesIRSA() && role != "" {
		return warningCheck("remove it after every pod has EKS Pod Identity credentials", "the service account still has the annotation %s: %s", identity.RoleAnnotation, role)
	}
	return okCheck("annotated as the config says")
}

// audienceKey is the annotation of a service account that sets the audience of its tokens.
//
// Source: Amazon EKS Pod Identity Webhook.
const audienceKey = "eks.amazonaws.com/audience"

// misspeltKey returns an annotation whose key is a known misspelling of right, or "".
func misspeltKey(annotations map[string]string, right string) string {
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		if identity.Misspelt(key) == right {
			return key
		}
	}
	return ""
}

// usesSecretStores reports whether the component reads the secrets of SharedSecretStores.
func usesSecretStores(c desired.Component) bool {
	return c.Name == "external-secrets-controller" && !c.Mode.UsesIRSA()
}

// checkSecretStores looks for stores that request a token for the service account. That is
// IRSA, and does not work if the service account has no role annotation.
//
// Source: External Secrets Operator, issues 2951 and 4867.
func checkSecretStores(f *checkInput) Check {
	if !usesSecretStores(f.component) {
		return Check{}
	}
	if err := f.observed.Failure("", space.SharedSecretStores); err != nil && !err.NotServed() {
		return unknownCheck(err)
	}
	for _, store := range f.observed.SecretStores {
		if store.ServiceAccount() == f.component.ServiceAccount {
			return failedCheck("remove spec.provider.aws.auth from the SharedSecretStore, so that it uses the credentials of the pod",
				"a SharedSecretStore has auth.jwt.serviceAccountRef: %s, which is IRSA and does not work in mode pod-identity", f.component.ServiceAccount).
				about("SharedSecretStore", store.Meta.Namespace+"/"+store.Meta.Name)
		}
	}
	return okCheck("%d SharedSecretStores, none of which needs IRSA", len(f.observed.SecretStores))
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
