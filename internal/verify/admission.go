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
	"spaces-identity.dev/internal/space"
)

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
	if !f.state.HasAdmissionPolicy(f.component) {
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
// Source: Kubernetes API reference, MutatingAdmissionPolicy v1.
var admissionDefaults = map[string]any{"matchPolicy": "Equivalent", "scope": "*"}

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
