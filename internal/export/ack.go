package export

import (
	"fmt"
	"slices"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/identity"
)

// The API versions of the AWS Controllers for Kubernetes (ACK) for IAM and EKS.
const (
	ackIAM = "iam.services.k8s.aws/v1alpha1"
	ackEKS = "eks.services.k8s.aws/v1alpha1"
)

// Annotations of every ACK resource.
//
// Source: ACK documentation, "Deletion Policy" and "Manage resources in multiple regions".
const (
	ackDeletionPolicy = "services.k8s.aws/deletion-policy"
	ackRegion         = "services.k8s.aws/region"
)

// ackReference names another ACK resource in the same namespace. ACK waits for it, and
// sets a field from it.
type ackReference struct {
	From reference `yaml:"from"`
}

type ackTag struct {
	Key   string `yaml:"key"`
	Value string `yaml:"value"`
}

type ackProvider struct {
	URL       string   `yaml:"url"`
	ClientIDs []string `yaml:"clientIDs"`
	Tags      []ackTag `yaml:"tags,omitempty"`
}

type ackRole struct {
	Name                     string            `yaml:"name"`
	Path                     string            `yaml:"path"`
	AssumeRolePolicyDocument string            `yaml:"assumeRolePolicyDocument"` // JSON
	InlinePolicies           map[string]string `yaml:"inlinePolicies,omitempty"` // JSON by name
	Policies                 []string          `yaml:"policies,omitempty"`       // ARNs
	PermissionsBoundary      string            `yaml:"permissionsBoundary,omitempty"`
	MaxSessionDuration       int               `yaml:"maxSessionDuration,omitempty"` // seconds
	Tags                     []ackTag          `yaml:"tags"`
}

type ackAssociation struct {
	ClusterName        string            `yaml:"clusterName"`
	Namespace          string            `yaml:"namespace"`
	ServiceAccount     string            `yaml:"serviceAccount"`
	RoleRef            *ackReference     `yaml:"roleRef,omitempty"`
	RoleARN            string            `yaml:"roleARN,omitempty"` // of an existing role
	TargetRoleARN      string            `yaml:"targetRoleARN,omitempty"`
	DisableSessionTags bool              `yaml:"disableSessionTags,omitempty"`
	Policy             string            `yaml:"policy,omitempty"` // JSON
	Tags               map[string]string `yaml:"tags"`
}

// writeACK writes a stream of ACK resources. All of them must be created in one namespace,
// which is that of the command that applies them.
func writeACK(g Grant) ([]byte, error) {
	var all []any
	add := func(api, kind, name string, annotations map[string]string, spec any) {
		all = append(all, object{api, kind, metadata{Name: name, Annotations: annotations}, spec})
	}
	retain := map[string]string{ackDeletionPolicy: "retain"}
	if !g.Existing.Providers {
		for _, p := range desired.ProvidersOf(g.Roles) {
			add(ackIAM, "OpenIDConnectProvider", objectName(p.Cluster.OIDC.HostPath), retain,
				ackProvider{p.URL, []string{p.Audience}, sortedTags[ackTag](ProviderTags(g.Roles))})
		}
	}
	for _, r := range g.Roles {
		name := objectName(r.ARN.BaseName())
		if !g.Existing.Roles {
			add(ackIAM, "Role", name, retain, ackRoleOf(r))
		} else if len(r.Policies)+len(r.ManagedPolicies) > 0 {
			return nil, identity.WithHint("let the form create the role, or use another form",
				"the policies of the role %s cannot be written: ACK has no resource for a policy of an existing role", r.ARN)
		}
		for _, a := range r.Associations {
			spec := ackAssociation{ClusterName: a.ClusterName, Namespace: a.Namespace, ServiceAccount: a.ServiceAccount,
				TargetRoleARN: a.TargetRoleARN, DisableSessionTags: a.DisableSessionTags, Policy: a.Policy, Tags: a.Tags}
			if g.Existing.Roles {
				spec.RoleARN = a.RoleARN
			} else {
				spec.RoleRef = &ackReference{reference{name}}
			}
			add(ackEKS, "PodIdentityAssociation", objectName(associationParts(r, a)...), map[string]string{ackRegion: a.Region}, spec)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("there is nothing to write: the roles and the OIDC providers exist, and the config has no associations")
	}
	return slices.Concat(comments(g.Header()), []byte("---\n"), encodeYAML(all...)), nil
}

func ackRoleOf(r desired.Role) ackRole {
	role := ackRole{Name: r.ARN.BaseName(), Path: r.ARN.Path(), AssumeRolePolicyDocument: string(r.TrustPolicy.JSON()),
		PermissionsBoundary: r.Boundary.String(), MaxSessionDuration: r.MaxSessionDuration, Tags: sortedTags[ackTag](r.Tags)}
	for _, p := range r.Policies {
		if role.InlinePolicies == nil {
			role.InlinePolicies = map[string]string{}
		}
		role.InlinePolicies[p.Name] = string(p.Document.JSON())
	}
	for _, policy := range r.ManagedPolicies {
		role.Policies = append(role.Policies, policy.String())
	}
	return role
}
