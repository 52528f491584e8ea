package iam

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"spaces-identity.dev/internal/identity"
)

// MaxAssociations is the number of Pod Identity associations that a cluster may
// have; the quota cannot be raised.
//
// Source: Amazon EKS User Guide, "View and manage Amazon EKS and Fargate service
// quotas".
const MaxAssociations = 5000

// Association is the input of `aws eks create-pod-identity-association
// --cli-input-json`. It has no clientRequestToken: the program gives the same
// answer twice.
//
// Source: Amazon EKS API reference, CreatePodIdentityAssociation.
type Association struct {
	ClusterName        string            `json:"clusterName"`
	Namespace          string            `json:"namespace"`
	ServiceAccount     string            `json:"serviceAccount"`
	RoleARN            string            `json:"roleArn"`
	Tags               map[string]string `json:"tags,omitempty"`
	DisableSessionTags bool              `json:"disableSessionTags,omitempty"`
	TargetRoleARN      string            `json:"targetRoleArn,omitempty"`
	Policy             string            `json:"policy,omitempty"` // IAM policy as JSON text
}

// Associations are the EKS Pod Identity associations of the component: one for
// each cluster and namespace, clusters in the order of spec, namespaces sorted.
// EKS knows no patterns, so every namespace must be named.
//
// It is an error where a setting is missing or unfit, where session policy and
// session tags are not set as EKS wants them, and where a cluster would have
// more than [MaxAssociations].
func Associations(spec identity.Spec, c identity.Component, namespaces []string) ([]Association, error) {
	names := slices.Compact(slices.Sorted(slices.Values(namespaces)))
	if err := checkAssociations(spec, c, names); err != nil {
		return nil, fmt.Errorf("pod identity associations of %s: %w", c.Name, err)
	}
	var out []Association
	for _, cluster := range spec.AllClusters() {
		for _, ns := range names {
			out = append(out, association(cluster, c, ns))
		}
	}
	return out, nil
}

func association(cluster identity.Cluster, c identity.Component, namespace string) Association {
	return Association{
		ClusterName:        cluster.Name,
		Namespace:          namespace,
		ServiceAccount:     c.ServiceAccount,
		RoleARN:            c.Role.String(),
		Tags:               c.PodIdentity.Tags,
		DisableSessionTags: c.PodIdentity.DisableSessionTags,
		TargetRoleARN:      c.PodIdentity.TargetRole.String(),
		Policy:             c.PodIdentity.Policy,
	}
}

// AssociationsJSON is the array of associations, indented by two spaces, with a
// newline at its end.
func AssociationsJSON(list []Association) []byte {
	if list == nil {
		list = []Association{}
	}
	return indented(list)
}

func checkAssociations(spec identity.Spec, c identity.Component, names []string) error {
	problems := []error{checkRole(c.Role), checkServiceAccount(c.ServiceAccount), checkClusters(spec),
		checkTarget(c), checkTags(c.PodIdentity.Tags), checkSessionPolicy(c)}
	if !c.Mode.UsesPodIdentity() {
		problems = append(problems, fmt.Errorf("mode %s has no associations: choose pod-identity or both", c.Mode))
	}
	if len(names) == 0 {
		problems = append(problems, errors.New("an association needs the exact name of its namespace: list the host namespaces "+
			"in controlPlanes.namespaces (or --host-namespace), or let a command that has the cluster discover them"))
	}
	for _, ns := range names {
		problems = append(problems, checkNamespace(ns))
	}
	if len(names) > MaxAssociations {
		problems = append(problems, fmt.Errorf("%d associations are more than the %d that a cluster may have", len(names), MaxAssociations))
	}
	return errors.Join(problems...)
}

// checkSessionPolicy keeps the rule of EKS that a session policy and session
// tags exclude each other.
func checkSessionPolicy(c identity.Component) error {
	policy := c.PodIdentity.Policy
	if policy == "" {
		return nil
	}
	if _, err := Parse([]byte(policy)); err != nil {
		return fmt.Errorf("podIdentity.policy: %w", err)
	}
	if !c.PodIdentity.DisableSessionTags {
		return errors.New("podIdentity.policy: EKS takes a session policy only with disableSessionTags: true")
	}
	return nil
}

func checkTags(tags map[string]string) error {
	var problems []error
	if len(tags) > 50 {
		problems = append(problems, fmt.Errorf("podIdentity.tags: %d tags are more than the 50 that AWS takes", len(tags)))
	}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		if err := identity.ValidateTag(key, tags[key]); err != nil {
			problems = append(problems, fmt.Errorf("podIdentity.tags: %w", err))
		}
	}
	return errors.Join(problems...)
}
