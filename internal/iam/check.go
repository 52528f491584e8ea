package iam

import (
	"errors"
	"fmt"

	"spaces-identity.dev/internal/identity"
)

// The checks of this file stand at the door of every document, also for values
// that were checked before: nothing reaches a policy unless it is the plain name
// it claims to be.

// named puts the setting before what is wrong with it.
func named(setting string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", setting, err)
}

func checkServiceAccount(name string) error {
	return named("serviceAccount", identity.ValidateServiceAccount(name))
}

func checkNamespace(ns string) error { return named("namespace", identity.ValidateNamespace(ns)) }

func checkMode(c identity.Component) error {
	if c.Mode.UsesIRSA() || c.Mode.UsesPodIdentity() {
		return nil
	}
	return fmt.Errorf("mode %q: choose irsa, pod-identity or both", c.Mode)
}

func checkRole(role identity.RoleARN) error {
	if role.IsZero() {
		return errors.New("no role is set: give roleARN (or --role-arn), such as arn:aws:iam::123456789012:role/spaces-backup")
	}
	parsed, err := identity.ParseRoleARN(role.String())
	if err == nil && parsed != role {
		err = fmt.Errorf("%q is no ARN of an IAM role", role)
	}
	return named("roleARN", err)
}

func checkProviders(spec identity.Spec, role identity.RoleARN) error {
	var problems []error
	seen := map[string]bool{}
	for _, cluster := range spec.AllClusters() {
		p := cluster.OIDC
		problems = append(problems, checkProvider(cluster, role))
		if !p.IsZero() && seen[p.HostPath] {
			problems = append(problems, fmt.Errorf("two clusters have the OIDC provider %s: list each cluster once", p.HostPath))
		}
		seen[p.HostPath] = true
	}
	return errors.Join(problems...)
}

func checkProvider(cluster identity.Cluster, role identity.RoleARN) error {
	p := cluster.OIDC
	switch {
	case p.IsZero():
		return fmt.Errorf("cluster %q has no oidcProvider, which mode irsa needs: "+
			"`aws eks describe-cluster --query cluster.identity.oidc.issuer` prints it", cluster.Name)
	case p.Account != "" && p.Account != role.Account, p.Partition != "" && p.Partition != role.Partition:
		return fmt.Errorf("OIDC provider %s is in %s:%s and the role in %s:%s: IAM takes only a provider of the role's own account",
			p.HostPath, p.Partition, p.Account, role.Partition, role.Account)
	}
	parsed, err := identity.ParseOIDCProvider(p.HostPath)
	if err == nil && parsed.HostPath != p.HostPath {
		err = fmt.Errorf("%q is not the host and path of an issuer", p.HostPath)
	}
	return named("oidcProvider", err)
}

func checkClusters(spec identity.Spec) error {
	var problems []error
	seen := map[identity.Cluster]bool{}
	for _, cluster := range spec.AllClusters() {
		problems = append(problems, checkCluster(cluster))
		key := identity.Cluster{Name: cluster.Name, Region: cluster.Region}
		if seen[key] {
			problems = append(problems, fmt.Errorf("cluster %s in %s is listed twice", cluster.Name, cluster.Region))
		}
		seen[key] = true
	}
	return errors.Join(problems...)
}

func checkCluster(cluster identity.Cluster) error {
	if cluster.Name == "" || cluster.Region == "" {
		return errors.New("mode pod-identity needs the name and region of each cluster: " +
			"give cluster.name and cluster.region (or --cluster and --region)")
	}
	return errors.Join(
		named("cluster name", identity.ValidateClusterName(cluster.Name)),
		named("region", identity.ValidateRegion(cluster.Region)))
}

// checkSessionTags refuses the combination that locks everybody out: the policy
// asks for tags that the sessions do not have.
func checkSessionTags(c identity.Component) error {
	if !c.PodIdentity.DisableSessionTags {
		return nil
	}
	return errors.New("podIdentity.disableSessionTags takes away the tags kubernetes-namespace, " +
		"kubernetes-service-account and eks-cluster-arn, and the trust policy asks for them: no pod would get the role. " +
		"Without those conditions every association in the account could use it. " +
		"Leave session tags on, or use mode irsa")
}

func checkSourceARNs(c identity.Component) error {
	var problems []error
	for _, arn := range c.PodIdentity.SourceARNs {
		if err := identity.ValidateSourceARN(arn); err != nil {
			problems = append(problems, fmt.Errorf("podIdentity %w", err))
		}
	}
	return errors.Join(problems...)
}
