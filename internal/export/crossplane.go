package export

import (
	"fmt"
	"slices"

	"spaces-identity.dev/internal/desired"
)

// The API versions of Crossplane's AWS provider (families aws-iam and aws-eks). Every
// release has these cluster-scoped groups, for Crossplane 1 and 2.
const (
	iamAPI = "iam.aws.upbound.io/v1beta1"
	eksAPI = "eks.aws.upbound.io/v1beta1"
)

// externalName is the annotation with the name that a managed resource has in AWS.
const externalName = "crossplane.io/external-name"

// resourceSpec is the spec of a managed resource. ForProvider has the settings in AWS.
type resourceSpec struct {
	DeletionPolicy     string   `yaml:"deletionPolicy,omitempty"`
	ManagementPolicies []string `yaml:"managementPolicies,omitempty"`
	ForProvider        any      `yaml:"forProvider"`
}

// observed is the spec of a resource that exists and that Crossplane must not change.
//
// Source: Crossplane documentation, "Managed Resources", managementPolicies.
var observed = resourceSpec{ManagementPolicies: []string{"Observe"}, ForProvider: struct{}{}}

// kept returns the spec of a resource that stays in AWS when the object is deleted, or of
// one that exists.
func kept(exists bool, forProvider any) resourceSpec {
	if exists {
		return observed
	}
	return resourceSpec{DeletionPolicy: "Orphan", ForProvider: forProvider}
}

// reference names another managed resource. Crossplane sets a field from it.
type reference struct {
	Name string `yaml:"name"`
}

type providerParameters struct {
	URL          string            `yaml:"url"`
	ClientIDList []string          `yaml:"clientIdList"`
	Tags         map[string]string `yaml:"tags,omitempty"`
}

type roleParameters struct {
	Path                string            `yaml:"path"`
	AssumeRolePolicy    string            `yaml:"assumeRolePolicy"` // JSON
	PermissionsBoundary string            `yaml:"permissionsBoundary,omitempty"`
	MaxSessionDuration  int               `yaml:"maxSessionDuration,omitempty"` // seconds
	Tags                map[string]string `yaml:"tags"`
}

type policyParameters struct {
	RoleRef reference `yaml:"roleRef"`
	Policy  string    `yaml:"policy"` // JSON
}

type attachmentParameters struct {
	RoleRef   reference `yaml:"roleRef"`
	PolicyARN string    `yaml:"policyArn"`
}

type associationParameters struct {
	Region             string            `yaml:"region"`
	ClusterName        string            `yaml:"clusterName"`
	Namespace          string            `yaml:"namespace"`
	ServiceAccount     string            `yaml:"serviceAccount"`
	RoleARNRef         reference         `yaml:"roleArnRef"`
	TargetRoleARN      string            `yaml:"targetRoleArn,omitempty"`
	DisableSessionTags bool              `yaml:"disableSessionTags,omitempty"`
	Tags               map[string]string `yaml:"tags"`
}

// writeCrossplane writes a stream of managed resources. It begins with a document marker,
// so that users can join streams. Providers and roles stay in AWS when their objects are
// deleted, because others may depend on them.
func writeCrossplane(g Grant) ([]byte, error) {
	roles := g.Roles
	var all []any
	add := func(api, kind, name, external string, spec resourceSpec) {
		meta := metadata{Name: name}
		if external != "" {
			meta.Annotations = map[string]string{externalName: external}
		}
		all = append(all, object{api, kind, meta, spec})
	}
	// The external name of an OIDC provider is its ARN, so Crossplane adopts an existing one.
	for _, p := range desired.ProvidersOf(roles) {
		add(iamAPI, "OpenIDConnectProvider", objectName(p.Cluster.OIDC.HostPath), p.ARN,
			kept(g.Existing.Providers, providerParameters{p.URL, []string{p.Audience}, ProviderTags(roles)}))
	}
	for _, r := range roles {
		role := reference{objectName(r.ARN.BaseName())}
		add(iamAPI, "Role", role.Name, r.ARN.BaseName(),
			kept(g.Existing.Roles, roleParameters{r.ARN.Path(), string(r.TrustPolicy.JSON()), r.Boundary.String(), r.MaxSessionDuration, r.Tags}))
		for _, p := range r.Policies {
			add(iamAPI, "RolePolicy", objectName(p.Component), p.Name,
				resourceSpec{ForProvider: policyParameters{role, string(p.Document.JSON())}})
		}
		for _, policy := range r.ManagedPolicies {
			add(iamAPI, "RolePolicyAttachment", objectName(r.ARN.BaseName(), policy.Account, policy.Name), "",
				resourceSpec{ForProvider: attachmentParameters{role, policy.String()}})
		}
		for _, a := range r.Associations {
			if a.Policy != "" {
				return nil, fmt.Errorf("the session policy of %s cannot be written: PodIdentityAssociation (%s) of Crossplane has no field for it; remove podIdentity.policy or podIdentity.scope, or use another form", a.Component, eksAPI)
			}
			add(eksAPI, "PodIdentityAssociation", objectName(associationParts(r, a)...), "",
				resourceSpec{ForProvider: associationParameters{a.Region, a.ClusterName, a.Namespace, a.ServiceAccount,
					role, a.TargetRoleARN, a.DisableSessionTags, a.Tags}})
		}
	}
	return slices.Concat(comments(g.Header()), []byte("---\n"), encodeYAML(all...)), nil
}
