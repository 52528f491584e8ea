package postrender

import (
	"errors"
	"fmt"
	"strings"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/exit"
	"spaces-identity.dev/internal/export"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/output"
	"spaces-identity.dev/internal/rewrite"
)

// documents are the files for AWS that follow from the config and the manifests.
type documents struct {
	files      []export.File
	components []ComponentReport
	warnings   []string
}

// newDocuments writes the documents of every component and measures the trust policy of
// every role.
func newDocuments(s desired.State) (documents, error) {
	if err := s.Require(desired.NeedTrust); err != nil {
		return documents{}, ArtifactsError{exit.Usage(err)}
	}
	all := documents{warnings: s.Warnings}
	budgets := map[identity.RoleARN]*desired.Budget{}
	var problems []error
	for _, c := range s.Components {
		if budgets[c.Role] == nil {
			budget, err := all.measure(s, c)
			budgets[c.Role], problems = &budget, append(problems, err)
		}
		all.warnings = append(all.warnings, c.Warnings()...)
		all.components = append(all.components, ComponentReport{Name: c.Name, ServiceAccounts: c.Accounts, Mode: c.Mode,
			RoleARN: c.Role.String(), Namespaces: c.Subjects.Namespaces, Match: c.Subjects.Match.Pattern(), TrustPolicy: budgets[c.Role]})
	}
	err := errors.Join(problems...)
	if err == nil {
		all.files, err = export.Files(s)
	}
	return all, exit.Usage(err)
}

// measure compares the trust policy of the component's role with the quota.
func (d *documents) measure(s desired.State, c desired.Component) (desired.Budget, error) {
	budget, err := s.Budget(c)
	if err != nil {
		return budget, err
	}
	if warning := budget.Warning(); warning != "" {
		d.warnings = append(d.warnings, fmt.Sprintf("trust policy of %s: %s", c.Name, warning))
	}
	if err := budget.Err(); err != nil {
		return budget, fmt.Errorf("trust policy of %s: %w", c.Name, err)
	}
	return budget, nil
}

// AdmissionObjects returns the admission policies that the stream must contain. There
// are none unless delivery.admissionPolicy is set.
func AdmissionObjects(s desired.State) ([]rewrite.Object, error) {
	if s.Spec().AdmissionPolicy == identity.NoAdmissionPolicy {
		return nil, nil
	}
	policies, err := export.AdmissionPolicies(s, s.Spec().AdmissionPolicy)
	if err != nil {
		return nil, exit.Usage(err)
	}
	objects := make([]rewrite.Object, len(policies))
	for i, p := range policies {
		objects[i] = rewrite.Object{Component: p.Component, Group: p.Group, Kind: p.Kind, Name: p.Name, Text: p.Text}
	}
	return objects, nil
}

// NothingToAdmit says why there is no admission policy to write.
const NothingToAdmit = "an admission policy would set nothing: the config sets no annotations or pod labels for components in host namespaces; " +
	"in mode pod-identity associations give the role"

// ArtifactsError is an error of the artifacts, without which the manifests alone can be
// written.
type ArtifactsError struct{ error }

// Unwrap returns what the artifacts lack.
func (e ArtifactsError) Unwrap() error { return e.error }

// Hint returns the hint of the last error in it, and how to do without the settings.
func (e ArtifactsError) Hint() string {
	hints := output.Hints(e.error)
	return strings.Join(append(hints[max(0, len(hints)-1):], "to change the manifests alone, set artifacts.dir to none"), "; ")
}
