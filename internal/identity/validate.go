package identity

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"spaces-identity.dev/internal/iam"
)

// FieldError describes what is wrong with one setting.
type FieldError struct {
	Path string // in the config, such as components[0].roleARN
	Err  error
}

// Error returns the path and what is wrong with the setting there.
func (e *FieldError) Error() string { return e.Path + ": " + e.Err.Error() }

// ComponentKey returns the path of the component of that index in the config.
func ComponentKey(i int) string { return fmt.Sprintf("components[%d]", i) }

// ClusterKey returns the path in the config of the cluster of that index in
// [Settings.AllClusters].
func ClusterKey(i int) string {
	if i == 0 {
		return "cluster"
	}
	return fmt.Sprintf("additionalClusters[%d]", i-1)
}

// problems checks every setting that is set, and whether the settings fit each other.
func (s Settings) problems() []*FieldError {
	var p problemList
	p.clusters(s.AllClusters())
	p.controlPlanes(s.ControlPlanes)
	p.components(s)
	p.owners(s)
	p.sharedLimits(s.Components)
	p.allTags(s)
	p.scopedRoles(s.Components)
	for i, place := range s.Places {
		p.place(fmt.Sprintf("places[%d]", i), place, ComponentNames(s.Components))
	}
	p.delivery(s)
	p.commands("then", s.Then)
	p.text("sharedBackupConfig.name", s.SharedBackupConfig.Name, ValidateObjectName)
	p.text("sharedBackupConfig.namespace", s.SharedBackupConfig.Namespace, ValidateNamespace)
	p.text("sharedBackupConfig.endpoint", s.SharedBackupConfig.Endpoint, ValidateEndpoint)
	p.add("trustPolicy.quota", ValidateQuota(s.TrustPolicyQuota))
	p.add("artifacts.dir", ValidateArtifactsDir(s.ArtifactsDir))
	return p.found
}

// problemList collects what is wrong.
type problemList struct{ found []*FieldError }

func (p *problemList) add(path string, err error) {
	if err != nil {
		p.found = append(p.found, &FieldError{path, err})
	}
}

// text checks an optional setting.
func (p *problemList) text(path, value string, check func(string) error) {
	if value != "" {
		p.add(path, check(value))
	}
}

// required checks a setting that every config must have.
func (p *problemList) required(path, value string, check func(string) error) {
	if value == "" {
		check = func(string) error { return errors.New("is missing") }
	}
	p.add(path, check(value))
}

// arn checks an optional setting of a type of its own.
func (p *problemList) arn(path string, value interface {
	IsZero() bool
	check() error
}) {
	if !value.IsZero() {
		p.add(path, value.check())
	}
}

// errorOf returns a check of the values that parse rejects.
func errorOf[T any](parse func(string) (T, error)) func(string) error {
	return func(value string) error {
		_, err := parse(value)
		return err
	}
}

// commands checks a list of programs with their arguments.
func (p *problemList) commands(path string, commands [][]string) {
	for i, command := range commands {
		at := fmt.Sprintf("%s[%d]", path, i)
		if len(command) == 0 || command[0] == "" {
			p.add(at, WithHint("write a list such as [program, argument], or remove the item", "names no program"))
		}
		for j, word := range command {
			if strings.ContainsRune(word, 0) {
				p.add(fmt.Sprintf("%s[%d]", at, j), errors.New("contains a NUL character, which no argument of a program can"))
			}
		}
	}
}

func (p *problemList) clusters(clusters []Cluster) {
	once := func(seen map[string]string, value, at, field string) {
		if first := firstUse(seen, value, at); first != "" {
			p.add(at+field, WithHint("list each cluster once, with its own name and provider", "%s is already listed as %s", quote(value), first))
		}
	}
	providers, names := map[string]string{}, map[string]string{}
	for i, c := range clusters {
		at := ClusterKey(i)
		if i > 0 && c == (Cluster{}) {
			p.add(at, WithHint("write its name, region and oidcProvider, or remove it", "is empty"))
		}
		p.text(at+".name", c.Name, ValidateClusterName)
		p.text(at+".region", c.Region, ValidateRegion)
		p.arn(at+".oidcProvider", c.OIDC)
		if c.Name != "" && c.Region != "" {
			once(names, c.Name+" in "+c.Region, at, ".name")
		}
		if !c.OIDC.IsZero() {
			once(providers, c.OIDC.HostPath, at+".oidcProvider", "")
		}
	}
}

// firstUse returns where the value was first. If this is the first time, it records that.
func firstUse(seen map[string]string, value, at string) string {
	first, ok := seen[value]
	if !ok {
		seen[value] = at
	}
	return first
}

func (p *problemList) controlPlanes(c ControlPlanes) {
	planes := map[ControlPlaneName]string{}
	for i, namespace := range c.Namespaces {
		at := fmt.Sprintf("controlPlanes.namespaces[%d]", i)
		p.add(at, ValidateNamespace(namespace))
		if name := c.Names[namespace]; !name.IsZero() {
			p.controlPlaneName(at, name)
			if first, named := planes[name]; named && first != namespace {
				p.add(at, WithHint("give each host namespace its own group and controlPlane", "%s is already the control plane of %s, and both would share its backups", name, first))
			}
			planes[name] = namespace
		}
	}
	p.text("controlPlanes.match", string(c.Match), errorOf(ParseMatch))
}

func (p *problemList) components(s Settings) {
	names, roles := map[string]string{}, map[string]string{}
	for i, c := range s.Components {
		at := ComponentKey(i)
		p.component(at, c)
		// Source: IAM API reference, CreateRole, RoleName.
		if first := firstUse(roles, c.Role.Account+strings.ToLower(c.Role.BaseName()), c.Role.String()); first != "" && first != c.Role.String() {
			p.add(at+".roleARN", fmt.Errorf("%s and %s cannot both exist: in an account a role's name is unique, whatever its path and case", c.Role, first))
		}
		if name := firstUse(names, c.Name, at); name != "" && c.Name != "" {
			p.add(at+".name", WithHint("merge the two into one", "%s is already the name of %s", quote(c.Name), name))
			continue
		}
		for _, other := range s.Components[:i] {
			if account, shared := sharedAccount(c, other); shared && s.ControlPlanes.canMeet(c, other) {
				p.add(at+".serviceAccount", fmt.Errorf("%s is already the service account of %s: a service account has only one role", quote(account), quote(other.Name)))
				break
			}
		}
	}
}

func (p *problemList) component(at string, c Component) {
	p.required(at+".name", c.Name, ValidateComponentName)
	p.text(at+".namespace", c.Namespace, validateOneNamespace)
	p.text(at+".serviceAccount", c.ServiceAccount, ValidateServiceAccount)
	p.syncedFrom(at+".syncedFrom", c)
	p.add(at+".mode", checkChoice(c.Mode, Modes()))
	p.arn(at+".roleARN", c.Role)
	p.text(at+".bucket", c.Bucket, ValidateBucket)
	p.text(at+".prefix", c.Prefix, errorOf(ParsePrefix))
	p.arn(at+".kmsKeyARN", c.KMSKey)
	p.stored(at+".secrets", SecretKind, c.Secrets)
	p.stored(at+".parameters", ParameterKind, c.Parameters)
	p.add(at+".permissionsPolicy", checkPermissions(c.Permissions))
	p.pairs(at+".serviceAccountAnnotations", c.ExtraAnnotations, ValidateAnnotation)
	p.pairs(at+".podLabels", c.PodLabels, ValidateLabel)
	p.podIdentity(at+".podIdentity", c.PodIdentity)
	p.limits(at, c)
	p.scope(at+".podIdentity", c)
	p.described(at, c)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func (p *problemList) pairs(at string, pairs map[string]string, check func(key, value string) error) {
	for _, key := range sortedKeys(pairs) {
		p.add(KeyBelow(at, key), check(key, pairs[key]))
	}
}

// KeyBelow returns the path in the config of a key in the mapping at a path, which is empty
// for the file itself.
func KeyBelow(at, key string) string {
	below := Path{{Key: key}}.String()
	if at == "" || strings.HasPrefix(below, "[") {
		return at + below
	}
	return at + "." + below
}

func (p *problemList) podIdentity(at string, s PodIdentitySettings) {
	p.tags(at+".tags", s.Tags, mostTags-1)
	p.arn(at+".targetRoleARN", s.TargetRole)
	p.sessionPolicy(at+".policy", s)
	for i, pattern := range s.SourceARNs {
		p.add(fmt.Sprintf("%s.sourceARNs[%d]", at, i), ValidateSourceARN(pattern))
	}
}

func (p *problemList) sessionPolicy(at string, s PodIdentitySettings) {
	switch {
	case s.Policy == "":
	case utf8.RuneCountInString(s.Policy) > MaxSessionPolicy:
		p.add(at, fmt.Errorf("has %d characters: EKS allows %d", utf8.RuneCountInString(s.Policy), MaxSessionPolicy))
	case !json.Valid([]byte(s.Policy)):
		p.add(at, errors.New("is not JSON"))
	case !s.DisableSessionTags:
		p.add(at, WithHint("set disableSessionTags: true, or remove the policy", "is allowed only without session tags"))
	default:
		if _, err := iam.Parse([]byte(s.Policy)); err != nil {
			p.add(at, fmt.Errorf("is not a policy: %w", err))
		}
	}
}

// described checks that the config describes a component that the program does not know.
func (p *problemList) described(at string, c Component) {
	if _, ok := Known(c.Name); ok || ValidateComponentName(c.Name) != nil {
		return
	}
	if c.ServiceAccount == "" && !c.IsSynced() {
		near := DidYouMean(c.Name, KnownNames())
		if near != "" {
			near += " Otherwise "
		}
		p.add(at+".serviceAccount", WithHint(near+"describe it with serviceAccount, and with values: {path, annotations, podLabels} if the chart has settings for it",
			"%s is not a component that the program knows: it knows %s", quote(c.Name), strings.Join(KnownNames(), ", ")))
	}
	if v := c.Values; len(v.Component) > 0 && len(v.Annotations) == 0 {
		p.add(at+".values.annotations", WithHint("write the path below values.path at which the chart takes the service account's annotations", "is missing"))
	} else if len(v.Component) == 0 && len(v.Annotations)+len(v.PodLabels) > 0 {
		p.add(at+".values.path", WithHint("write the component's path in the chart's values", "is missing"))
	}
}

// owners checks that the roles can use the providers, keys and target roles. A role can
// use only providers of its own account, and only keys and roles of its own partition.
func (p *problemList) owners(s Settings) {
	for i, cluster := range s.AllClusters() {
		for _, c := range s.Components {
			if o, r := cluster.OIDC, c.Role; o.Account != "" && !r.IsZero() && (o.Account != r.Account || o.Partition != r.Partition) {
				p.add(ClusterKey(i)+".oidcProvider", fmt.Errorf("%s is in account %s (%s), but the role %s is in %s (%s): IAM accepts only providers of the role's account",
					quote(o.String()), o.Account, o.Partition, r, r.Account, r.Partition))
				break
			}
		}
	}
	for i, c := range s.Components {
		p.samePartition(ComponentKey(i)+".kmsKeyARN", c.KMSKey.String(), c.KMSKey.Partition, c.Role)
		p.storedPartitions(ComponentKey(i)+".secrets", c.Secrets, c.Role)
		p.storedPartitions(ComponentKey(i)+".parameters", c.Parameters, c.Role)
		p.samePartition(ComponentKey(i)+".podIdentity.targetRoleARN", c.PodIdentity.TargetRole.String(), c.PodIdentity.TargetRole.Partition, c.Role)
	}
}

func (p *problemList) samePartition(path, arn, partition string, role RoleARN) {
	if partition != "" && !role.IsZero() && partition != role.Partition {
		p.add(path, fmt.Errorf("%s is in partition %s, but the role is in %s: a role has no access to another partition", quote(arn), partition, role.Partition))
	}
}

func (p *problemList) place(at string, place Place, components []string) {
	p.required(at+".kind", place.Kind, ValidateKind)
	p.required(at+".name", place.Name, ValidateObjectName)
	if len(place.Path) == 0 {
		p.add(at+".path", errors.New("is missing"))
	}
	p.text(at+".encoding", place.Encoding, func(v string) error { return checkChoice(v, PlaceEncodings()) })
	p.text(at+".holds", place.Holds, func(v string) error { return checkChoice(v, PlaceContents()) })
	switch {
	case place.Component == "":
		p.add(at+".component", WithHint("write the component that the place belongs to: "+OneOf(components), "is missing, and the config has several components"))
	case !slices.Contains(components, place.Component):
		p.add(at+".component", WithHint(DidYouMean(place.Component, components), "%s is not a component of this config, which has %s",
			quote(place.Component), strings.Join(components, ", ")))
	}
}

func (p *problemList) delivery(s Settings) {
	p.text("delivery.admissionPolicy", string(s.AdmissionPolicy), func(v string) error { return checkChoice(AdmissionPolicy(v), AdmissionPolicies()) })
	p.text("delivery.failurePolicy", string(s.FailurePolicy), func(v string) error { return checkChoice(FailurePolicy(v), FailurePolicies()) })
}

// MinTrustPolicyQuota and MaxTrustPolicyQuota limit the setting of the quota, in characters.
// AWS raises the quota on request, so the bounds only catch typing errors.
const (
	MinTrustPolicyQuota = 256
	MaxTrustPolicyQuota = 65536
)

// ValidateQuota checks the account's quota for the length of a trust policy, in
// characters.
func ValidateQuota(characters int) error {
	if characters < MinTrustPolicyQuota || characters > MaxTrustPolicyQuota {
		return WithHint(fmt.Sprintf("write %d to %d (AWS starts at %d)", MinTrustPolicyQuota, MaxTrustPolicyQuota, DefaultTrustPolicyQuota),
			"%d characters is not a possible quota", characters)
	}
	return nil
}
