package verify

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/export"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/space"
)

// admissionKind is a kind of admission policy that a cluster can have.
type admissionKind struct {
	name     identity.AdmissionPolicy
	resource space.Resource // of the policies
	needs    string         // what the cluster must have
	lacking  string         // what to do if it does not have that
	delay    string         // how long it takes until a new policy acts
}

// The kinds of admission policies. The one that the config does not name can be left from
// an earlier config.
var admissionKinds = []admissionKind{
	{identity.NativeAdmissionPolicy, space.AdmissionPolicies, "Kubernetes 1.36",
		"upgrade the cluster to Kubernetes 1.36, or install Kyverno 1.17 or later and set delivery.admissionPolicy: kyverno, or remove the setting to deliver through the chart's values alone",
		"half a second"},
	{identity.KyvernoAdmissionPolicy, space.KyvernoPolicies, "Kyverno 1.17",
		"install Kyverno 1.17 or later before the Spaces release, or remove delivery.admissionPolicy from the config: Helm cannot install or upgrade the release without Kyverno's CRDs",
		"a few seconds"},
}

// The resources of admission policies and their bindings, also by kind.
var (
	admissionResources = []space.Resource{space.AdmissionPolicies, space.AdmissionBindings, space.KyvernoPolicies}
	resourceOfKind     = map[string]space.Resource{export.PolicyKind: space.AdmissionPolicies,
		export.BindingKind: space.AdmissionBindings, export.KyvernoKind: space.KyvernoPolicies}
)

func (k admissionKind) resources() []space.Resource {
	if k.name == identity.NativeAdmissionPolicy {
		return []space.Resource{space.AdmissionPolicies, space.AdmissionBindings}
	}
	return []space.Resource{k.resource}
}

// admissionForm is a way in which a cluster can have the admission policies of a kind.
type admissionForm struct {
	objects func(desired.State, identity.AdmissionPolicy) ([]export.Object, error)
	fix     string // if an object is not as the config says
}

func (k admissionKind) forms() []admissionForm {
	return []admissionForm{
		{export.AdmissionPolicies, k.fix()},
		{export.AppliedPolicies, "apply them again: `spaces-identity policy admission " + string(k.name) + " | kubectl apply -f -`"},
	}
}

func (k admissionKind) fix() string {
	return "upgrade the Spaces release through the post-renderer; a new policy acts after up to " + k.delay
}

// checkAdmissionPolicy looks for the policies of the release, or for those that a user has
// applied. One that is not as the config says acts too, so it fails the check. That goes
// for policies of the other kind, too.
func checkAdmissionPolicy(f *checkInput) Check {
	if !f.state.HasAdmissionPolicy(f.component) {
		return Check{}
	}
	var check Check
	for _, kind := range admissionKinds {
		if kind.name != f.state.Spec().AdmissionPolicy {
			if left := f.leftAdmission(kind); left.State != "" {
				return left
			}
			continue
		}
		switch failure := f.observed.Failure("", kind.resources()...); {
		case failure != nil && failure.NotServed():
			check = failedCheck(kind.lacking, "the cluster does not serve %s: it lacks %s", kind.resource, kind.needs)
		case failure != nil:
			check = unknownCheck(failure)
		default:
			check = f.wantedAdmission(kind)
		}
	}
	return check
}

// wantedAdmission checks the policies of the kind that the config names.
func (f *checkInput) wantedAdmission(kind admissionKind) Check {
	missing, found := "", Check{}
	for _, form := range kind.forms() {
		objects, err := f.admissionObjects(form, kind)
		if err != nil {
			return unknownCheck(err)
		}
		if len(objects) == 0 {
			return Check{}
		}
		absent, wrong := f.compareAdmission(objects)
		switch {
		case wrong.State != "":
			wrong.Fix = cmp.Or(wrong.Fix, form.fix+". Then run `spaces-identity restart`")
			return wrong
		case absent != "":
			missing = cmp.Or(missing, absent)
		case found.State == "":
			found = f.checkKyverno(objects)
		}
	}
	if found.State == "" {
		return failedCheck(kind.fix(), "the cluster has no %s: the release was installed, upgraded or rolled back without it. Service accounts keep what it has written", missing)
	}
	return found
}

// leftAdmission looks for policies of a kind that the config does not name.
func (f *checkInput) leftAdmission(kind admissionKind) Check {
	for _, form := range kind.forms() {
		objects, err := f.admissionObjects(form, kind)
		if err != nil {
			return unknownCheck(err)
		}
		for _, object := range objects {
			live, exists := f.observed.Objects[resourceOfKind[object.Kind]][object.Name]
			if !exists || object.Kind == export.BindingKind {
				continue
			}
			if same, err := sameSpec(object, live); err != nil || !same {
				return failedCheck(fmt.Sprintf("delete it: `kubectl delete %s %s`", resourceOfKind[object.Kind], object.Name),
					"the cluster's %s %s is left from another delivery.admissionPolicy and is not as the config says", object.Kind, object.Name)
			}
		}
	}
	return Check{}
}

// admissionObjects returns the component's objects of a kind, in one form.
func (f *checkInput) admissionObjects(form admissionForm, kind admissionKind) ([]export.Object, error) {
	objects, err := form.objects(f.state, kind.name)
	return slices.DeleteFunc(objects, func(o export.Object) bool { return o.Component != f.component.Name }), err
}

// compareAdmission compares policies and bindings with the cluster's. It returns the first
// that is absent, or a check if one is not as the config says.
func (f *checkInput) compareAdmission(objects []export.Object) (absent string, wrong Check) {
	for _, object := range objects {
		live, exists := f.observed.Objects[resourceOfKind[object.Kind]][object.Name]
		if !exists {
			absent = cmp.Or(absent, object.Kind+" "+object.Name)
			continue
		}
		switch same, err := sameSpec(object, live); {
		case err != nil:
			return "", unknownCheck(err)
		case !same:
			return "", failedCheck("", "the cluster's %s %s is not as the config says, for example because the role has changed since", object.Kind, object.Name)
		case !strings.HasSuffix(object.Name, export.AppliedSuffix) && live.Meta.Annotations["meta.helm.sh/release-name"] == "":
			return "", warningCheck(fmt.Sprintf("delete it, then upgrade the Spaces release through the post-renderer: `kubectl delete %s %s`", resourceOfKind[object.Kind].Plural, object.Name),
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
// Source: Kubernetes API reference, MutatingAdmissionPolicy v1, and the CRD of Kyverno 1.19.
var admissionDefaults = map[string]any{"matchPolicy": "Equivalent", "scope": "*", "skipBackgroundRequests": true}

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
	switch v := value.(type) {
	case map[string]any:
		return len(v) == 0
	case []any:
		return len(v) == 0
	}
	return value == nil || value == ""
}
