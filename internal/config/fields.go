package config

import (
	"fmt"

	"spaces-identity.dev/internal/identity"
)

// header is what every file says of itself.
var header = map[string]string{"apiVersion": APIVersion, "kind": Kind}

// The fields of the file: each table is one mapping, each row a key and how its
// value is read. Teaching the file another setting is adding a row.

var specFields = []field[identity.Settings]{
	{"apiVersion", is[identity.Settings](APIVersion)},
	{"kind", is[identity.Settings](Kind)},
	{"cluster", within(clusterFields, func(s *identity.Settings) *identity.Cluster { return &s.Cluster })},
	{"additionalClusters", list(clusterFields, func(s *identity.Settings) *[]identity.Cluster { return &s.AdditionalClusters })},
	{"controlPlanes", within(controlPlaneFields, func(s *identity.Settings) *identity.ControlPlanes { return &s.ControlPlanes })},
	{"components", list(componentFields, func(s *identity.Settings) *[]identity.Component { return &s.Components })},
	{"places", list(placeFields, func(s *identity.Settings) *[]identity.Place { return &s.Places })},
	{"delivery", object(deliveryFields)},
	{"trustPolicy", object(trustPolicyFields)},
	{"sharedBackupConfig", within(sharedBackupConfigFields, func(s *identity.Settings) *identity.SharedBackupConfig { return &s.SharedBackupConfig })},
	{"artifacts", object(artifactsFields)},
}

var clusterFields = []field[identity.Cluster]{
	{"name", text(identity.ValidateClusterName, func(c *identity.Cluster) *string { return &c.Name })},
	{"region", text(identity.ValidateRegion, func(c *identity.Cluster) *string { return &c.Region })},
	{"oidcProvider", parsed(identity.ParseOIDCProvider, func(c *identity.Cluster) *identity.OIDCProvider { return &c.OIDC })},
}

var controlPlaneFields = []field[identity.ControlPlanes]{
	{"namespaces", texts(identity.ValidateNamespace, func(c *identity.ControlPlanes) *[]string { return &c.Namespaces })},
	{"match", parsed(identity.ParseMatch, func(c *identity.ControlPlanes) *identity.Match { return &c.Match })},
	{"discover", boolean(func(c *identity.ControlPlanes) *bool { return &c.Discover })},
}

var componentFields = []field[identity.Component]{
	{"name", text(identity.ValidateComponentName, func(c *identity.Component) *string { return &c.Name })},
	{"serviceAccount", text(identity.ValidateServiceAccount, func(c *identity.Component) *string { return &c.ServiceAccount })},
	{"values", within(valuesFields, func(c *identity.Component) *identity.ValuesPaths { return &c.Values })},
	{"mode", parsed(identity.ParseMode, func(c *identity.Component) *identity.Mode { return &c.Mode })},
	{"roleARN", parsed(identity.ParseRoleARN, func(c *identity.Component) *identity.RoleARN { return &c.Role })},
	{"bucket", text(identity.ValidateBucket, func(c *identity.Component) *string { return &c.Bucket })},
	{"prefix", parsed(identity.ParsePrefix, func(c *identity.Component) *string { return &c.Prefix })},
	{"kmsKeyARN", parsed(identity.ParseKMSKeyARN, func(c *identity.Component) *identity.KMSKeyARN { return &c.KMSKey })},
	{"serviceAccountAnnotations", pairs(identity.ValidateAnnotation, func(c *identity.Component) *map[string]string { return &c.ExtraAnnotations })},
	{"podLabels", pairs(identity.ValidateLabel, func(c *identity.Component) *map[string]string { return &c.PodLabels })},
	{"podIdentity", within(podIdentityFields, func(c *identity.Component) *identity.PodIdentitySettings { return &c.PodIdentity })},
}

var podIdentityFields = []field[identity.PodIdentitySettings]{
	{"tags", pairs(identity.ValidateTag, func(p *identity.PodIdentitySettings) *map[string]string { return &p.Tags })},
	{"targetRoleARN", parsed(identity.ParseRoleARN, func(p *identity.PodIdentitySettings) *identity.RoleARN { return &p.TargetRole })},
	{"disableSessionTags", boolean(func(p *identity.PodIdentitySettings) *bool { return &p.DisableSessionTags })},
	{"policy", text(identity.ValidateSessionPolicy, func(p *identity.PodIdentitySettings) *string { return &p.Policy })},
	{"sourceAccount", boolean(func(p *identity.PodIdentitySettings) *bool { return &p.SourceAccount })},
	{"sourceARNs", texts(identity.ValidateSourceARN, func(p *identity.PodIdentitySettings) *[]string { return &p.SourceARNs })},
}

var valuesFields = []field[identity.ValuesPaths]{
	{"path", parsed(identity.ParseKeys, func(v *identity.ValuesPaths) *[]string { return &v.Component })},
	{"annotations", parsed(identity.ParseKeys, func(v *identity.ValuesPaths) *[]string { return &v.Annotations })},
	{"podLabels", parsed(identity.ParseKeys, func(v *identity.ValuesPaths) *[]string { return &v.PodLabels })},
}

var placeFields = []field[identity.Place]{
	{"kind", text(identity.ValidateKind, func(p *identity.Place) *string { return &p.Kind })},
	{"name", text(identity.ValidateObjectName, func(p *identity.Place) *string { return &p.Name })},
	{"path", text(validatePath, func(p *identity.Place) *string { return &p.Path })},
	{"encoding", text(identity.ValidateEncoding, func(p *identity.Place) *string { return &p.Encoding })},
	{"component", text(identity.ValidateComponentName, func(p *identity.Place) *string { return &p.Component })},
	{"holds", text(identity.ValidateHolds, func(p *identity.Place) *string { return &p.Holds })},
}

var deliveryFields = []field[identity.Settings]{
	{"admissionPolicy", boolean(func(s *identity.Settings) *bool { return &s.AdmissionPolicy })},
	{"failurePolicy", parsed(identity.ParseFailurePolicy, func(s *identity.Settings) *identity.FailurePolicy { return &s.FailurePolicy })},
}

var trustPolicyFields = []field[identity.Settings]{
	{"quota", integer(identity.ValidateQuota, func(s *identity.Settings) *int { return &s.TrustPolicyQuota })},
}

var sharedBackupConfigFields = []field[identity.SharedBackupConfig]{
	{"name", text(identity.ValidateObjectName, func(c *identity.SharedBackupConfig) *string { return &c.Name })},
	{"namespace", text(identity.ValidateNamespace, func(c *identity.SharedBackupConfig) *string { return &c.Namespace })},
	{"endpoint", text(identity.ValidateEndpoint, func(c *identity.SharedBackupConfig) *string { return &c.Endpoint })},
}

var artifactsFields = []field[identity.Settings]{
	{"dir", text(identity.ValidateArtifactsDir, func(s *identity.Settings) *string { return &s.ArtifactsDir })},
}

func validatePath(value string) error {
	_, err := identity.ParsePath(value)
	return err
}

// is reads a key that can have one value only.
func is[T any](want string) reader[T] {
	check := func(value string) error {
		if value != want {
			return fmt.Errorf("%q is not what this version of the program reads: write %s", value, want)
		}
		return nil
	}
	return func(s *settings, path string, n node, _ *T) {
		readText(s, path, n, check)
	}
}
