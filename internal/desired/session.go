package desired

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
)

// IsScoped reports whether each association of the component has a session policy for its
// own control plane.
func (c Component) IsScoped() bool { return c.PodIdentity.Scope == identity.ControlPlaneScope }

// BackupPrefix returns the prefix of the backups of a control plane: prefix/group/name,
// without a slash at its end.
//
// Source: Upbound Spaces API reference, SharedBackupConfig, objectStorage.prefix.
func BackupPrefix(prefix string, plane identity.ControlPlaneName) string {
	return path.Join(prefix, plane.Group, plane.Name)
}

// WithControlPlaneNames returns the state in which the names of more control planes are
// known, by host namespace.
func (s State) WithControlPlaneNames(names map[string]identity.ControlPlaneName) State {
	s.spec = s.spec.WithControlPlaneNames(names)
	return s
}

// NeedsControlPlaneNames reports whether a component with the scope controlPlane has a
// host namespace whose control plane is not known.
func (s State) NeedsControlPlaneNames() bool {
	return slices.ContainsFunc(s.Components, func(c Component) bool { return c.IsScoped() && len(s.unnamed(c)) > 0 })
}

// unnamed returns the host namespaces of the component whose control planes are not known.
func (s State) unnamed(c Component) []string {
	return slices.DeleteFunc(slices.Clone(c.Subjects.Namespaces), func(ns string) bool { return !s.spec.ControlPlanes.Names[ns].IsZero() })
}

// SessionPolicy returns the session policy of the component's association in a host
// namespace: that of the config, or the one of the scope controlPlane. It is empty if there
// is none. If the control plane is not known, the policy of the scope denies everything.
//
// AWS gives a session only what both the role and its session policy allow. So the policy
// repeats what the role may do, with the own prefix of the control plane. The KMS key is
// that of the whole bucket: without access to an object, S3 does not use the key for it.
//
// Source: IAM User Guide, "Policies and permissions: Session policies"; Amazon EKS API
// reference, CreatePodIdentityAssociation, policy.
func (s State) SessionPolicy(c Component, namespace string) string {
	if !c.IsScoped() {
		return c.PodIdentity.Policy
	}
	doc := iam.Document{Version: iam.PolicyVersion, Statement: []iam.Statement{
		{Effect: iam.Deny, Action: iam.Values{"*"}, Resource: iam.Values{"*"}}}}
	if plane := s.spec.ControlPlanes.Names[namespace]; !plane.IsZero() {
		doc.Statement = s.sessionStatements(c, plane)
	}
	return string(doc.Compact())
}

// sessionStatements returns the statements of a session policy. They have no Sids, because
// EKS allows few characters.
func (s State) sessionStatements(c Component, plane identity.ControlPlaneName) []iam.Statement {
	own := c
	own.Prefix = BackupPrefix(c.Prefix, plane)
	list, read := listBucket(own), iam.Statement{Effect: iam.Allow, Action: iam.Values{"s3:GetObject"}}
	for _, access := range c.PodIdentity.ReadFrom {
		if access.From == plane || !access.Into.IsZero() && access.Into != plane {
			continue
		}
		other := c
		other.Prefix = BackupPrefix(c.Prefix, access.From)
		addValue(&read.Resource, objectsARN(other))
		list.Condition = list.Condition.With("StringLike", "s3:prefix", addedTo(list.Condition["StringLike"]["s3:prefix"], other.Prefix+"/*")...)
	}
	all := []iam.Statement{list, useObjects(own)}
	if len(read.Resource) > 0 {
		all = append(all, read)
	}
	all = append(all, s.otherPermissions(c)...)
	for i := range all {
		all[i].Sid = ""
	}
	return all
}

func addValue(values *iam.Values, value string) { *values = addedTo(*values, value) }

// addedTo returns the values with one more, unless they have it.
func addedTo(values iam.Values, value string) iam.Values {
	if slices.Contains(values, value) {
		return values
	}
	return append(slices.Clone(values), value)
}

// checkSessionPolicies returns an error if the component has the scope controlPlane, and a
// session policy cannot be written.
func (s State) checkSessionPolicies(c Component) error {
	if !c.IsScoped() {
		return nil
	}
	var problems []error
	for _, ns := range c.Subjects.Namespaces {
		plane := s.spec.ControlPlanes.Names[ns]
		if n := utf8.RuneCountInString(s.SessionPolicy(c, ns)); n > identity.MaxSessionPolicy {
			problems = append(problems, identity.WithHint("list fewer control planes under podIdentity.readFrom, name the one that restores with into, or shorten the prefix or permissionsPolicy",
				"the session policy of control plane %s has %d characters: EKS allows %d", plane, n, identity.MaxSessionPolicy))
		}
	}
	if unknown := s.unnamed(c); len(unknown) > 0 {
		problems = append(problems, identity.WithHint("write them as {name: "+unknown[0]+", group: GROUP, controlPlane: NAME} under controlPlanes.namespaces; "+
			"plan and apply find them in the cluster",
			"podIdentity.scope: controlPlane needs the group and the name of the control plane in each host namespace, and does not know those of %s", shortList(unknown)))
	}
	return errors.Join(problems...)
}

// shortList joins the first three members of a list and counts the others.
func shortList(list []string) string {
	const most = 3
	if len(list) <= most {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:most], ", "), len(list)-most)
}
