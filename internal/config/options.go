package config

import (
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"spaces-identity.dev/internal/identity"
)

// option is a flag that sets one setting: of the whole Spec, or of the
// component that the flags speak of.
type option struct {
	flag      string
	usage     string
	list      bool   // may be repeated
	path      string // of the setting, below the component where it is one's
	spec      func(*identity.Settings, []string) error
	component func(*identity.Component, []string) error
}

// options are the flags besides --config and --component. Teaching the program
// another is adding a row.
var options = []option{
	{flag: "mode", usage: "the `MODE`, how pods come by the role: irsa, pod-identity or both (default irsa)", path: "mode",
		component: single(identity.ParseMode, func(c *identity.Component) *identity.Mode { return &c.Mode })},
	{flag: "role-arn", usage: "the `ARN` of the role that the component acts as", path: "roleARN",
		component: single(identity.ParseRoleARN, func(c *identity.Component) *identity.RoleARN { return &c.Role })},
	{flag: "cluster", usage: "the `NAME` of the EKS cluster", path: "cluster.name",
		spec: single(checked(identity.ValidateClusterName), func(s *identity.Settings) *string { return &s.Cluster.Name })},
	{flag: "region", usage: "the `REGION` of the EKS cluster", path: "cluster.region",
		spec: single(checked(identity.ValidateRegion), func(s *identity.Settings) *string { return &s.Cluster.Region })},
	{flag: "oidc-provider", usage: "the cluster's OIDC `ISSUER`: host and path, URL or the provider's ARN", path: "cluster.oidcProvider",
		spec: single(identity.ParseOIDCProvider, func(s *identity.Settings) *identity.OIDCProvider { return &s.Cluster.OIDC })},
	{flag: "host-namespace", usage: "the host `NAMESPACE` of a control plane (repeatable)", list: true,
		path: "controlPlanes.namespaces", spec: setNamespaces},
	{flag: "match", usage: "a `PATTERN` of host namespaces: uuid, or one like mxp-*-system", path: "controlPlanes.match",
		spec: clearable(identity.ParseMatch, func(s *identity.Settings) *identity.Match { return &s.ControlPlanes.Match })},
	{flag: "bucket", usage: "the S3 `BUCKET` that the role may use", path: "bucket",
		component: single(checked(identity.ValidateBucket), func(c *identity.Component) *string { return &c.Bucket })},
	{flag: "prefix", usage: "limits the permissions to this `PREFIX` of keys and what is under it", path: "prefix",
		component: clearable(identity.ParsePrefix, func(c *identity.Component) *string { return &c.Prefix })},
	{flag: "annotation", usage: "an annotation of the service account, `KEY=VALUE` (repeatable)", list: true,
		path: "serviceAccountAnnotations", component: merge(identity.ValidateAnnotation, func(c *identity.Component) *map[string]string { return &c.ExtraAnnotations })},
	{flag: "pod-label", usage: "a label of the component's pods, `KEY=VALUE` (repeatable)", list: true,
		path: "podLabels", component: merge(identity.ValidateLabel, func(c *identity.Component) *map[string]string { return &c.PodLabels })},
	{flag: "quota", usage: "the account's quota of `CHARACTERS` for role trust policies (default 2048)", path: "trustPolicy.quota",
		spec: single(parseQuota, func(s *identity.Settings) *int { return &s.TrustPolicyQuota })},
	{flag: "artifacts-dir", usage: "the `DIRECTORY` of the artifacts, or none (default " + identity.DefaultArtifactsDir + ")", path: "artifacts.dir",
		spec: single(checked(identity.ValidateArtifactsDir), func(s *identity.Settings) *string { return &s.ArtifactsDir })},
}

func parseQuota(value string) (int, error) {
	characters, err := strconv.Atoi(value)
	if err != nil {
		return 0, fmt.Errorf("%q is no number of characters", value)
	}
	return characters, identity.ValidateQuota(characters)
}

// setSpec sets a setting of the Spec and remembers where it came from.
func (o option) setSpec(s *settings, values []string, from Origin) {
	o.note(s, o.path, from, o.spec(&s.spec, values))
}

// setComponent sets a setting of the component at the index.
func (o option) setComponent(s *settings, at int, values []string, from Origin) {
	path := fmt.Sprintf("components[%d].%s", at, o.path)
	o.note(s, path, from, o.component(&s.spec.Components[at], values))
}

// note keeps the origin, and each of the errors joined as a problem.
func (o option) note(s *settings, path string, from Origin, err error) {
	s.origins[path] = from
	if err == nil {
		return
	}
	if several, ok := errors.AsType[interface {
		error
		Unwrap() []error
	}](err); ok {
		for _, err := range several.Unwrap() {
			s.fail(from, path, err)
		}
		return
	}
	s.fail(from, path, err)
}

// checked makes a parser of a check.
func checked(check func(string) error) func(string) (string, error) {
	return func(value string) (string, error) { return value, check(value) }
}

// single sets a setting that has one value. It cannot be empty: an empty flag is
// most often a shell variable that is not set.
func single[T, V any](parse func(string) (V, error), part func(*T) *V) func(*T, []string) error {
	return func(into *T, values []string) error {
		meaning, err := parse(last(values))
		if err == nil {
			*part(into) = meaning
		}
		return err
	}
}

// clearable sets a setting that an empty flag takes away.
func clearable[T any, V ~string](parse func(string) (V, error), part func(*T) *V) func(*T, []string) error {
	set := single(parse, part)
	return func(into *T, values []string) error {
		if last(values) == "" {
			*part(into) = ""
			return nil
		}
		return set(into, values)
	}
}

// setNamespaces replaces the file's namespaces. A namespace has no comma, so
// lists with commas are taken as well.
func setNamespaces(s *identity.Settings, values []string) error {
	var errs []error
	var namespaces []string
	for name := range strings.SplitSeq(strings.Join(values, ","), ",") {
		errs = append(errs, identity.ValidateNamespace(name))
		namespaces = append(namespaces, name)
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	s.ControlPlanes.Namespaces = namespaces
	return nil
}

// merge adds pairs of key=value to the file's.
func merge[T any](check func(key, value string) error, part func(*T) *map[string]string) func(*T, []string) error {
	return func(into *T, values []string) error {
		merged := map[string]string{}
		maps.Copy(merged, *part(into))
		var errs []error
		for _, pair := range values {
			key, value, ok := strings.Cut(pair, "=")
			if !ok {
				errs = append(errs, fmt.Errorf("%q has no =: write KEY=VALUE", pair))
				continue
			}
			errs = append(errs, check(key, value))
			merged[key] = value
		}
		if err := errors.Join(errs...); err != nil {
			return err
		}
		*part(into) = merged
		return nil
	}
}
