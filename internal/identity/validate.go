package identity

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// FieldError is what is wrong with one setting.
type FieldError struct {
	Path string // in the config, such as components[0].roleARN
	Err  error
}

// Error is the path and what is wrong with the setting there.
func (e *FieldError) Error() string { return e.Path + ": " + e.Err.Error() }

// Unwrap is what is wrong, without the path.
func (e *FieldError) Unwrap() error { return e.Err }

// problems checks every setting that is set, and the settings against each
// other.
func (s Settings) problems() []*FieldError {
	var p problemList
	for i, c := range s.AllClusters() {
		p.cluster(ClusterKey(i), c)
		if i > 0 && c == (Cluster{}) {
			p.add(ClusterKey(i), errors.New("is empty: write its name, region and oidcProvider, or take it away"))
		}
	}
	p.sameProvider(s.AllClusters())
	p.controlPlanes(s.ControlPlanes)
	for i, c := range s.Components {
		p.component(ComponentKey(i), c)
		p.against(ComponentKey(i), c, s.Components[:i])
	}
	p.accounts(s)
	for i, place := range s.Places {
		p.place(fmt.Sprintf("places[%d]", i), place, s.Components)
	}
	p.sharedBackupConfig(s.SharedBackupConfig)
	if s.TrustPolicyQuota != 0 {
		p.add("trustPolicy.quota", ValidateQuota(s.TrustPolicyQuota))
	}
	p.text("artifacts.dir", s.ArtifactsDir, ValidateArtifactsDir)
	return p.found
}

// ComponentKey is where the config has its component of that index.
func ComponentKey(i int) string { return fmt.Sprintf("components[%d]", i) }

// ClusterKey is where the config has its cluster of that index: 0 is the cluster,
// the others are the additional ones.
func ClusterKey(i int) string {
	if i == 0 {
		return "cluster"
	}
	return fmt.Sprintf("additionalClusters[%d]", i-1)
}

// problemList collects what is wrong.
type problemList struct{ found []*FieldError }

func (p *problemList) add(path string, err error) {
	if err != nil {
		p.found = append(p.found, &FieldError{path, err})
	}
}

// text checks a setting that may be left out.
func (p *problemList) text(path, value string, check func(string) error) {
	if value != "" {
		p.add(path, check(value))
	}
}

func (p *problemList) cluster(at string, c Cluster) {
	p.text(at+".name", c.Name, ValidateClusterName)
	p.text(at+".region", c.Region, ValidateRegion)
	if !c.OIDC.IsZero() {
		p.text(at+".oidcProvider", c.OIDC.String(), discard(ParseOIDCProvider))
	}
}

// discard makes a check of a parser.
func discard[T any](parse func(string) (T, error)) func(string) error {
	return func(value string) error {
		_, err := parse(value)
		return err
	}
}

// sameProvider finds a provider that was copied and not changed: no two
// clusters have the same.
func (p *problemList) sameProvider(clusters []Cluster) {
	first := map[string]string{}
	for i, c := range clusters {
		path := ClusterKey(i) + ".oidcProvider"
		if at, ok := first[c.OIDC.HostPath]; ok && c.OIDC.HostPath != "" {
			p.add(path, fmt.Errorf("%s is the provider of %s already: each cluster has its own", quote(c.OIDC.HostPath), at))
			continue
		}
		first[c.OIDC.HostPath] = path
	}
}

func (p *problemList) controlPlanes(c ControlPlanes) {
	for i, namespace := range c.Namespaces {
		p.add(fmt.Sprintf("controlPlanes.namespaces[%d]", i), ValidateNamespace(namespace))
	}
	p.text("controlPlanes.match", string(c.Match), discard(ParseMatch))
}

func (p *problemList) component(at string, c Component) {
	p.given(at, "name", c.Name, ValidateComponentName)
	p.text(at+".serviceAccount", c.ServiceAccount, ValidateServiceAccount)
	p.text(at+".mode", string(c.Mode), discard(ParseMode))
	p.text(at+".roleARN", c.Role.String(), discard(ParseRoleARN))
	p.text(at+".bucket", c.Bucket, ValidateBucket)
	p.text(at+".prefix", c.Prefix, discard(ParsePrefix))
	p.text(at+".kmsKeyARN", c.KMSKey.String(), discard(ParseKMSKeyARN))
	p.pairs(at+".serviceAccountAnnotations", c.ExtraAnnotations, ValidateAnnotation)
	p.pairs(at+".podLabels", c.PodLabels, ValidateLabel)
	p.described(at, c)
}

func (p *problemList) pairs(at string, pairs map[string]string, check func(key, value string) error) {
	for _, key := range slices.Sorted(maps.Keys(pairs)) {
		p.add(at+(Path{{Key: key}}).suffix(), check(key, pairs[key]))
	}
}

// suffix is the path as it follows another one.
func (p Path) suffix() string {
	text := p.String()
	if strings.HasPrefix(text, "[") {
		return text
	}
	return "." + text
}

// described asks for what the chart does not say of components that the program
// does not know.
func (p *problemList) described(at string, c Component) {
	if _, known := Known(c.Name); known || c.Name == "" {
		return
	}
	if c.ServiceAccount == "" {
		p.add(at+".serviceAccount", fmt.Errorf("%s is not a component that the program knows (%s)%s; describe it with serviceAccount, and with values where the chart has settings for it: {path, annotations, podLabels}",
			quote(c.Name), strings.Join(KnownNames(), ", "), didYouMean(c.Name, KnownNames())))
	}
	if v := c.Values; len(v.Component) > 0 && len(v.Annotations) == 0 {
		p.add(at+".values.annotations", errors.New("is missing: write the path below values.path where the chart takes the service account's annotations"))
	} else if len(v.Component) == 0 && len(v.Annotations)+len(v.PodLabels) > 0 {
		p.add(at+".values.path", errors.New("is missing: write the component's path in the chart's values"))
	}
}

// against finds components that stand for the same thing.
func (p *problemList) against(at string, c Component, earlier []Component) {
	for i, other := range earlier {
		switch {
		case c.Name != "" && c.Name == other.Name:
			p.add(at+".name", fmt.Errorf("%s is %s already: write both as one", quote(c.Name), ComponentKey(i)))
		case c.ServiceAccount != "" && c.ServiceAccount == other.ServiceAccount:
			p.add(at+".serviceAccount", fmt.Errorf("%s is the service account of %s already: one service account acts as one role",
				quote(c.ServiceAccount), quote(other.Name)))
		}
	}
}

// accounts checks that providers and keys are where the roles can use them: IAM
// takes only providers of the role's own account, KMS only keys of its
// partition.
func (p *problemList) accounts(s Settings) {
	for i, cluster := range s.AllClusters() {
		if role, ok := stranded(cluster.OIDC, s.Components); ok {
			p.add(ClusterKey(i)+".oidcProvider", fmt.Errorf("%s is in account %s (%s), and the role %s in %s (%s): IAM takes only providers of the role's account",
				quote(cluster.OIDC.String()), cluster.OIDC.Account, cluster.OIDC.Partition, role, role.Account, role.Partition))
		}
	}
	for i, c := range s.Components {
		if key := c.KMSKey; !key.IsZero() && !c.Role.IsZero() && key.Partition != c.Role.Partition {
			p.add(ComponentKey(i)+".kmsKeyARN", fmt.Errorf("%s is in partition %s, and the role in %s: a role reaches keys of its own partition only",
				quote(c.KMSKey.String()), c.KMSKey.Partition, c.Role.Partition))
		}
	}
}

// stranded returns the first role that cannot use the provider, because the
// user gave the provider's ARN and it is another account's.
func stranded(provider OIDCProvider, components []Component) (RoleARN, bool) {
	for _, c := range components {
		if provider.Account != "" && !c.Role.IsZero() &&
			(c.Role.Account != provider.Account || c.Role.Partition != provider.Partition) {
			return c.Role, true
		}
	}
	return RoleARN{}, false
}

func (p *problemList) place(at string, place Place, components []Component) {
	p.given(at, "kind", place.Kind, ValidateKind)
	p.given(at, "name", place.Name, ValidateObjectName)
	p.given(at, "path", place.Path, discard(ParsePath))
	p.text(at+".encoding", place.Encoding, ValidateEncoding)
	p.text(at+".holds", place.Holds, ValidateHolds)
	if place.Component == "" {
		return
	}
	names := make([]string, len(components))
	for i, c := range components {
		names[i] = c.Name
	}
	if !slices.Contains(names, place.Component) {
		p.add(at+".component", fmt.Errorf("%s is not among the components%s: they are %s",
			quote(place.Component), didYouMean(place.Component, names), strings.Join(names, ", ")))
	}
}

// given checks a setting that must not be left out.
func (p *problemList) given(at, key, value string, check func(string) error) {
	if value == "" {
		p.add(at+"."+key, errors.New("is missing"))
		return
	}
	p.add(at+"."+key, check(value))
}

func (p *problemList) sharedBackupConfig(c SharedBackupConfig) {
	p.text("sharedBackupConfig.name", c.Name, ValidateObjectName)
	p.text("sharedBackupConfig.namespace", c.Namespace, ValidateNamespace)
	p.text("sharedBackupConfig.endpoint", c.Endpoint, ValidateEndpoint)
}
