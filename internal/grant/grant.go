package grant

import (
	"fmt"
	"slices"
	"strings"

	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
)

// Part is one of the documents that make up a component's access.
type Part string

// The parts, by the name of the command that prints them.
const (
	Trust        Part = "trust"        // the role and, for IRSA, the OIDC providers
	Permissions  Part = "permissions"  // the role's inline policy
	Associations Part = "associations" // EKS Pod Identity associations
)

// Grant is a part ready to be written in any form.
type Grant struct {
	Part         Part
	Component    string // name
	Role         identity.RoleARN
	Providers    []Provider    // of a trust in which IRSA takes part
	Document     iam.Document  // of a trust or permissions
	Associations []Association // of associations
}

// Provider is an OIDC provider that IAM must know.
type Provider struct {
	ARN string
	URL string // of the issuer
}

// Association is an EKS Pod Identity association and the region of its cluster.
type Association struct {
	Region string
	iam.Association
}

// New makes a part of a component's access. Only the settings that the part
// needs must be there; the errors are those of package iam.
func New(part Part, spec identity.Spec, c identity.Component, subjects iam.Subjects) (Grant, error) {
	g := Grant{Part: part, Component: c.Name, Role: c.Role}
	var err error
	switch part {
	case Trust:
		g.Document, err = iam.Trust(spec, c, subjects)
		g.Providers = providers(spec, c)
	case Permissions:
		g.Document, err = iam.Permissions(c)
	case Associations:
		g.Associations, err = associations(spec, c, subjects.Namespaces)
	default:
		err = fmt.Errorf("there is no part %q: choose %s, %s or %s", part, Trust, Permissions, Associations)
	}
	if err != nil {
		return Grant{}, err
	}
	return g, identity.ValidateComponentName(c.Name)
}

func providers(spec identity.Spec, c identity.Component) []Provider {
	if !c.Mode.UsesIRSA() {
		return nil
	}
	var out []Provider
	for _, cluster := range spec.AllClusters() {
		out = append(out, Provider{ARN: cluster.OIDC.ARN(c.Role), URL: "https://" + cluster.OIDC.HostPath})
	}
	return out
}

// associations lists them cluster by cluster, as package iam does, so that each
// gets the region of its cluster.
func associations(spec identity.Spec, c identity.Component, namespaces []string) ([]Association, error) {
	list, err := iam.Associations(spec, c, namespaces)
	if err != nil {
		return nil, err
	}
	clusters := spec.AllClusters()
	perCluster := len(list) / len(clusters)
	out := make([]Association, len(list))
	for i, a := range list {
		out[i] = Association{clusters[i/perCluster].Region, a}
	}
	return out, nil
}

// PolicyName is the name of the inline policy that holds a component's
// permissions, so that components can share a role.
func (g Grant) PolicyName() string {
	const longest = 128 // IAM API reference, PutRolePolicy
	return shorten("spaces-identity-"+g.Component, longest)
}

// RolePath is the path of the role with the slashes around it, and RoleName its
// name without.
func (g Grant) RolePath() string {
	return "/" + g.Role.Name[:strings.LastIndexByte(g.Role.Name, '/')+1]
}

// RoleName is the name of the role without its path.
func (g Grant) RoleName() string {
	return g.Role.Name[strings.LastIndexByte(g.Role.Name, '/')+1:]
}

// form is a way to write a grant.
type form struct {
	name   string
	render func(Grant) ([]byte, error)
}

// forms are all there are, the first being the default.
var forms = []form{
	{"json", asJSON},
	{"aws-cli", asScript},
	{"terraform", asTerraform},
	{"crossplane", asCrossplane},
}

// Formats are the names of the forms, the default first.
func Formats() []string {
	names := make([]string, len(forms))
	for i, f := range forms {
		names[i] = f.name
	}
	return names
}

// Render writes the grant in the form of that name. An unknown name is an error
// that lists the known ones.
func Render(format string, g Grant) ([]byte, error) {
	i := slices.IndexFunc(forms, func(f form) bool { return f.name == format })
	if i < 0 {
		return nil, fmt.Errorf("there is no format %q: choose %s", format, strings.Join(Formats(), ", "))
	}
	return forms[i].render(g)
}
