package postrender

import (
	"errors"
	"fmt"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/grant"
	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
)

// file is an artifact.
type file struct {
	name    string
	content []byte
}

// documents are what the config and the manifests together ask AWS for.
type documents struct {
	files      []file
	components []ComponentReport
	warnings   []string
}

// newDocuments makes the documents of every component. Errors of several
// components come joined.
func newDocuments(spec identity.Spec, found []desired.ServiceAccount) (documents, error) {
	var all documents
	var problems []error
	for _, c := range spec.Components {
		if err := all.add(spec, c, found); err != nil {
			problems = append(problems, err)
		}
	}
	return all, errors.Join(problems...)
}

func (d *documents) add(spec identity.Spec, c identity.Component, found []desired.ServiceAccount) error {
	if err := spec.Require(c.Name, c.TrustNeeds()...); err != nil {
		return fmt.Errorf("%w\n  (or set artifacts.dir to none, or give --artifacts-dir none, to change the manifests alone)", err)
	}
	subjects, warnings := subjectsOf(spec, c, found)
	d.warnings = append(d.warnings, warnings...)
	budget, err := iam.NewBudget(spec, c, subjects)
	if err != nil {
		return asInput(err)
	}
	if err := budget.Err(); err != nil {
		return asInput(fmt.Errorf("trust policy of %s: %w", c.Name, err))
	}
	if warning := budget.Warning(); warning != "" {
		d.warnings = append(d.warnings, fmt.Sprintf("trust policy of %s: %s", c.Name, warning))
	}
	d.components = append(d.components, ComponentReport{Name: c.Name, ServiceAccount: c.ServiceAccount, Mode: c.Mode,
		RoleARN: c.Role.String(), Namespaces: orEmpty(subjects.Namespaces), Match: subjects.Match.Pattern(), TrustPolicy: &budget})
	if c.Mode.UsesPodIdentity() && len(subjects.Namespaces) == 0 {
		d.warnings = append(d.warnings, fmt.Sprintf("%s: no %s.pod-identity-associations.json is written: an association takes an exact namespace, and the config and the manifests have none", c.Name, c.Name))
	}
	if c.Mode == identity.Both {
		d.warnings = append(d.warnings, fmt.Sprintf("%s: %s", c.Name, iam.OverrideWarning))
	}
	for _, render := range renderers {
		file, err := render(spec, c, subjects)
		if err != nil {
			return asInput(err)
		}
		if file != nil {
			file.name = c.Name + file.name
			d.files = append(d.files, *file)
		}
	}
	return nil
}

// renderers make the artifacts of a component, each one or, where the config does
// not ask for it, none. Another artifact is another entry.
var renderers = []func(identity.Spec, identity.Component, iam.Subjects) (*file, error){
	trustPolicy, permissionsPolicy, associations, sharedBackupConfig,
}

func trustPolicy(spec identity.Spec, c identity.Component, subjects iam.Subjects) (*file, error) {
	doc, err := iam.Trust(spec, c, subjects)
	return &file{".trust-policy.json", doc.JSON()}, err
}

func permissionsPolicy(_ identity.Spec, c identity.Component, _ iam.Subjects) (*file, error) {
	if c.Bucket == "" {
		return nil, nil
	}
	doc, err := iam.Permissions(c)
	return &file{".permissions-policy.json", doc.JSON()}, err
}

// associations are none where only a pattern says which control planes there
// are: EKS takes exact namespaces only.
func associations(spec identity.Spec, c identity.Component, subjects iam.Subjects) (*file, error) {
	if !c.Mode.UsesPodIdentity() || len(subjects.Namespaces) == 0 {
		return nil, nil
	}
	list, err := iam.Associations(spec, c, subjects.Namespaces)
	return &file{".pod-identity-associations.json", iam.AssociationsJSON(list)}, err
}

// sharedBackupConfig is for the one component that backs up.
func sharedBackupConfig(spec identity.Spec, c identity.Component, _ iam.Subjects) (*file, error) {
	if c.Name != identity.DefaultComponent || c.Bucket == "" || spec.Cluster.Region == "" {
		return nil, nil
	}
	text, err := grant.SharedBackupConfig(spec, c)
	return &file{".shared-backup-config.yaml", text}, err
}

// inputError is an error that lies in what the user gave.
type inputError struct{ error }

func (e inputError) Unwrap() error { return e.error }

// ExitStatus is that of bad usage, config or input.
func (inputError) ExitStatus() int { return 2 }

func asInput(err error) error { return inputError{err} }
