package identity

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"spaces-identity.dev/internal/iam"
)

// ControlPlaneName is the name of a ControlPlane object and its group, the namespace of
// that object.
type ControlPlaneName struct {
	Group string
	Name  string
}

// String returns group/name.
func (n ControlPlaneName) String() string { return n.Group + "/" + n.Name }

// IsZero reports whether neither part is set.
func (n ControlPlaneName) IsZero() bool { return n == ControlPlaneName{} }

// ParseControlPlaneName reads a group and a name, separated by a slash.
func ParseControlPlaneName(value string) (ControlPlaneName, error) {
	if err := checkPlain(value); err != nil {
		return ControlPlaneName{}, err
	}
	group, name, ok := strings.Cut(value, "/")
	if !ok {
		return ControlPlaneName{}, WithHint("write GROUP/NAME", "%s has no group", quote(value))
	}
	return ControlPlaneName{group, name}, nil
}

// HostControlPlane is a control plane with its host namespace, as the config lists it.
type HostControlPlane struct {
	HostNamespace string
	ControlPlaneName
}

// Scope says what limits the permissions of a pod.
type Scope string

const (
	// RoleScope is the default: each pod has all permissions of the role.
	RoleScope Scope = ""
	// ControlPlaneScope limits each pod to the backups of its own control plane.
	ControlPlaneScope Scope = "controlPlane"
)

// Scopes returns the scopes that a config can name.
func Scopes() []Scope { return []Scope{ControlPlaneScope} }

// MaxSessionPolicy is the length of the session policy of an association, in characters.
//
// Source: Amazon EKS API reference, CreatePodIdentityAssociation, policy.
const MaxSessionPolicy = 2048

// ReadAccess lets control planes read the backups of another one, to restore them.
type ReadAccess struct {
	From ControlPlaneName // whose backups
	Into ControlPlaneName // that restores them; every control plane if it is zero
}

// WithControlPlaneNames returns the config with the names of more control planes, by host
// namespace. They come from a cluster, so they are valid. They replace those of the config.
func (s Spec) WithControlPlaneNames(names map[string]ControlPlaneName) Spec {
	all := map[string]ControlPlaneName{}
	maps.Copy(all, s.ControlPlanes.Names)
	maps.Copy(all, names)
	s.ControlPlanes.Names = all
	return s
}

// controlPlaneName checks the group and the name of a control plane.
func (p *problemList) controlPlaneName(at string, n ControlPlaneName) {
	p.required(at+".group", n.Group, ValidateNamespace)
	p.required(at+".controlPlane", n.Name, ValidateObjectName)
}

// scope checks the settings that limit a component to its own control plane. Each pod
// then has a session policy, which only EKS Pod Identity has.
func (p *problemList) scope(at string, c Component) {
	s := c.PodIdentity
	for i, access := range s.ReadFrom {
		at := fmt.Sprintf("%s.readFrom[%d]", at, i)
		p.controlPlaneName(at, access.From)
		if !access.Into.IsZero() {
			p.add(at+".into", errors.Join(ValidateNamespace(access.Into.Group), ValidateObjectName(access.Into.Name)))
		}
	}
	if s.Scope != ControlPlaneScope {
		p.text(at+".scope", string(s.Scope), func(v string) error { return checkChoice(Scope(v), Scopes()) })
		if len(s.ReadFrom) > 0 {
			p.add(at+".readFrom", WithHint("set scope: controlPlane, or remove readFrom", "is allowed only with scope: controlPlane; without it every control plane can read all backups"))
		}
		return
	}
	_, known := Known(c.Name)
	switch {
	case c.Mode != PodIdentity:
		p.add(at+".scope", WithHint("set mode: pod-identity, or remove scope", "%s needs mode pod-identity, and the mode is %s: only an association can have a session policy", s.Scope, c.Mode))
	case known && c.Name != DefaultComponent:
		p.add(at+".scope", WithHint("remove scope", "%s limits a component to the backups of its own control plane, and %s makes none", s.Scope, c.Name))
	case c.Bucket == "":
		p.add(at+".scope", WithHint("set bucket, or remove scope", "%s limits the permissions for a bucket, and the component has none", s.Scope))
	case bypassesScope(c) != "":
		p.add(at+".scope", WithHint("remove that permission from permissionsPolicy, or remove scope",
			"%s limits the bucket, but permissionsPolicy allows %s, or may allow it, for every control plane", s.Scope, bypassesScope(c)))
	case s.Policy != "":
		p.add(at+".policy", WithHint("remove policy or scope", "is not allowed with scope: %s, which writes the session policy of each association", s.Scope))
	}
}

// bypassesScope returns what the permissions policy of a component allows, or may allow, in
// the bucket whose permissions the scope limits. It returns nothing if that is not the case.
func bypassesScope(c Component) string {
	bucket := "arn:" + c.Role.Partition + ":s3:::" + c.Bucket
	for _, request := range []iam.Request{
		{Action: "s3:GetObject", Resource: bucket + "/*"}, {Action: "s3:PutObject", Resource: bucket + "/*"},
		{Action: "s3:DeleteObject", Resource: bucket + "/*"}, {Action: "s3:ListBucket", Resource: bucket},
	} {
		if iam.Evaluate(request, c.Permissions).Verdict != iam.Denied {
			return request.Action
		}
	}
	return ""
}

// scopedRoles rejects a role that a component with the scope controlPlane shares. Pods of the
// other component have all permissions of the role, also in the same host namespace.
func (p *problemList) scopedRoles(components []Component) {
	for i, c := range components {
		if c.PodIdentity.Scope != ControlPlaneScope || c.Role.IsZero() {
			continue
		}
		j := slices.IndexFunc(components, func(o Component) bool {
			return o.Name != c.Name && o.Role == c.Role && o.PodIdentity.Scope != ControlPlaneScope
		})
		if j >= 0 {
			p.add(ComponentKey(i)+".roleARN", WithHint("give "+components[j].Name+" a role of its own",
				"%s is also the role of %s, whose pods could use it without the limits of scope: controlPlane", c.Role, components[j].Name))
		}
	}
}
