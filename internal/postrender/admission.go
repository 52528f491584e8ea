package postrender

import (
	"spaces-identity.dev/internal/admission"
	"spaces-identity.dev/internal/exit"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/rewrite"
)

// AdmissionObjects are the admission policies that the config asks the stream to
// have: none unless delivery.admissionPolicy is set.
func AdmissionObjects(spec identity.Spec) ([]rewrite.Object, error) {
	if spec.AdmissionPolicy == identity.NoAdmissionPolicy {
		return nil, nil
	}
	policies, err := admission.Objects(spec)
	if err != nil {
		return nil, exit.Usage(err)
	}
	objects := make([]rewrite.Object, len(policies))
	for i, p := range policies {
		objects[i] = rewrite.Object{Component: p.Component, Group: admission.Group, Kind: p.Kind, Name: p.Name, Text: p.Text}
	}
	return objects, nil
}

// nothingToAdmit is the warning for a config that asks for admission policies
// and has nothing for them to do.
const nothingToAdmit = "delivery.admissionPolicy is set, and there is nothing for an admission policy to write: " +
	"in pod-identity mode associations carry the role, and no annotation or pod label is set"
