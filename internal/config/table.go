package config

import (
	"slices"
	"strings"
	"sync"

	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
)

// Row describes a setting: its names in the file, on the command line and in the
// environment, how it is read, and what it does. To add a setting, add a row.
type Row struct {
	Key  string // in the file; an item of a list is written []: components[].roleARN
	Flag string // without the dashes; empty if no flag sets it
	Word string // placeholder of the flag's value, in capitals
	Doc  string // what it is, one sentence without capital and full stop

	Default    string // as the documentation writes it; empty if there is none
	CanBeEmpty bool   // an empty flag removes the setting; otherwise it is an error

	rowValue
}

// Variable returns the environment variable of the setting, or nothing.
func (r Row) Variable() string {
	if r.Flag == "" {
		return ""
	}
	return EnvName(r.Flag)
}

// Usage returns the text of the flag on a help page.
func (r Row) Usage() string {
	usage := r.Doc
	if len(r.Choices) > 0 && !r.Open {
		usage += ": " + identity.OneOf(r.Choices)
	}
	if r.repeatable() {
		usage += " (repeatable)"
	}
	if r.Default != "" {
		usage += " (default " + r.Default + ")"
	}
	return usage
}

// name returns the last key of the setting, such as roleARN.
func (r Row) name() string { return r.Key[strings.LastIndexByte(r.Key, '.')+1:] }

// parent returns the key of the mapping that contains the setting, or nothing for the file
// itself.
func (r Row) parent() string { return r.Key[:max(strings.LastIndexByte(r.Key, '.'), 0)] }

// Rows returns all settings in the order of the documentation, each mapping and list before
// its keys. additionalClusters has the settings of cluster again, without flags. The caller
// must not change them.
func Rows() []Row { return allRows() }

// rowsBelow returns the settings by the key of the mapping that contains them.
var rowsBelow = sync.OnceValue(func() map[string][]Row {
	below := map[string][]Row{}
	for _, r := range Rows() {
		below[r.parent()] = append(below[r.parent()], r)
	}
	return below
})

var allRows = sync.OnceValue(func() []Row {
	more := clusterRows("additionalClusters[]")
	for i := range more {
		more[i].Flag = ""
	}
	return slices.Concat([]Row{
		{Key: "apiVersion", Doc: "version of the file's format: " + APIVersion, rowValue: readHeader(APIVersion)},
		{Key: "kind", Doc: "always " + Kind, rowValue: readHeader(Kind)},
		{Key: "metadata", Doc: "ignored; allowed so that the file can configure a KRM function", rowValue: readAnything()},
		{Key: "cluster", Doc: "EKS cluster of the Space", rowValue: readKeys()},
	}, clusterRows("cluster"), []Row{
		{Key: "additionalClusters", Doc: "more clusters that share the roles",
			rowValue: readList(func(t target) target { return target{cluster: appendItem(&t.AdditionalClusters)} })},
	}, more, controlPlaneRows(), componentRows(), podIdentityRows(), placeRows(), outputRows())
})

// clusterRows returns the settings of the cluster at the key.
func clusterRows(at string) []Row {
	return []Row{
		{Key: at + ".name", Flag: "cluster", Word: "NAME", Doc: "name of the EKS cluster",
			rowValue: readText(func(t target) *string { return &t.cluster.Name }).like(identity.ClusterForm)},
		{Key: at + ".region", Flag: "region", Word: "REGION", Doc: "region of the EKS cluster",
			rowValue: readText(func(t target) *string { return &t.cluster.Region }).like(identity.RegionForm)},
		{Key: at + ".oidcProvider", Flag: "oidc-provider", Word: "ISSUER",
			Doc:      "OIDC issuer of the cluster: host and path, URL, or the provider's ARN",
			rowValue: readParsed(identity.ParseOIDCProvider, func(t target) *identity.OIDCProvider { return &t.cluster.OIDC }).like(issuerText)},
	}
}

func controlPlaneRows() []Row {
	return []Row{
		{Key: "controlPlanes", Doc: "host namespaces of the control planes", rowValue: readKeys()},
		{Key: "controlPlanes.namespaces", Flag: "host-namespace", Word: "NAMESPACE",
			Doc:      "exact host namespace of a control plane",
			rowValue: readNamespaces().like(labelText)},
		{Key: "controlPlanes.namespaces[].name", Doc: "exact host namespace of the control plane",
			rowValue: readText(func(t target) *string { return &t.plane.HostNamespace }).like(labelText).required()},
		{Key: "controlPlanes.namespaces[].group", Doc: "group of the control plane: the namespace of its ControlPlane object",
			rowValue: readText(func(t target) *string { return &t.plane.Group }).like(labelText)},
		{Key: "controlPlanes.namespaces[].controlPlane", Doc: "name of the ControlPlane object",
			rowValue: readText(func(t target) *string { return &t.plane.Name }).like(nameText)},
		{Key: "controlPlanes.match", Flag: "match", Word: "PATTERN", CanBeEmpty: true,
			Doc:      "pattern of host namespaces: uuid, or one like " + identity.HostNamespace("*"),
			rowValue: readText(func(t target) *identity.Match { return &t.ControlPlanes.Match }, identity.MatchUUID, identity.Match(identity.HostNamespace("*"))).open().like(matchText)},
		{Key: "controlPlanes.discover", Default: "false",
			Doc:      "commands that can read the cluster add the control planes that they find there",
			rowValue: readBoolean(func(t target) *bool { return &t.ControlPlanes.Discover })},
	}
}

func componentRows() []Row {
	return []Row{
		{Key: "components", Doc: "workloads that get an identity", Default: identity.DefaultComponent,
			rowValue: readList(func(t target) target { return target{component: appendItem(&t.Components)} })},
		{Key: "components[].name", Flag: flagComponent, Word: "NAME", Default: identity.DefaultComponent,
			Doc:      "name of the component to which the other settings belong",
			rowValue: readText(func(t target) *string { return &t.component.Name }, identity.KnownNames()...).open().like(nameText).required()},
		{Key: "components[].namespace", Doc: "the only namespace in which the component runs; without it, the component runs in every host namespace",
			Default: "upbound-system for spaces-controller", rowValue: readText(func(t target) *string { return &t.component.Namespace }).like(labelText)},
		{Key: "components[].serviceAccount", Doc: "name of the service account on the host cluster",
			Default: "that of a known component", rowValue: readText(func(t target) *string { return &t.component.ServiceAccount }).like(nameText)},
		{Key: "components[].syncedFrom", Doc: "service account inside the control plane, if vcluster copies it to the host namespace", rowValue: readKeys()},
		{Key: "components[].syncedFrom.namespace", Doc: "namespace of that service account inside the control plane",
			Default: "both upbound-system and crossplane-system for crossplane", rowValue: readText(func(t target) *string { return &t.component.SyncedFrom.Namespace }).like(labelText)},
		{Key: "components[].syncedFrom.serviceAccount", Doc: "its name inside the control plane", Default: "serviceAccount",
			rowValue: readText(func(t target) *string { return &t.component.SyncedFrom.ServiceAccount }).like(nameText)},
		{Key: "components[].syncedFrom.vcluster", Doc: "name of the vcluster", Default: identity.DefaultVCluster,
			rowValue: readText(func(t target) *string { return &t.component.SyncedFrom.VCluster }).like(labelText)},
		{Key: "components[].values", Doc: "paths in the chart's values of a component that the program does not know", rowValue: readKeys()},
		{Key: "components[].values.path", Doc: "path of the component's settings",
			rowValue: readParsed(identity.ParseKeys, func(t target) *[]string { return &t.component.Values.Component })},
		{Key: "components[].values.annotations", Doc: "path of the service account's annotations, below values.path",
			rowValue: readParsed(identity.ParseKeys, func(t target) *[]string { return &t.component.Values.Annotations })},
		{Key: "components[].values.podLabels", Doc: "path of the pods' labels, below values.path",
			rowValue: readParsed(identity.ParseKeys, func(t target) *[]string { return &t.component.Values.PodLabels })},
		{Key: "components[].mode", Flag: "mode", Word: "MODE", Doc: "how pods get the role", Default: string(identity.IRSA),
			rowValue: readText(func(t target) *identity.Mode { return &t.component.Mode }, identity.Modes()...)},
		{Key: "components[].roleARN", Flag: "role-arn", Word: "ARN", Doc: "role that the component's pods get",
			rowValue: readParsed(identity.ParseRoleARN, func(t target) *identity.RoleARN { return &t.component.Role }).like(roleText)},
		{Key: "components[].bucket", Flag: "bucket", Word: "BUCKET", Doc: "S3 bucket that the role may use",
			rowValue: readText(func(t target) *string { return &t.component.Bucket }).like(bucketText)},
		{Key: "components[].prefix", Flag: "prefix", Word: "PREFIX", CanBeEmpty: true,
			Doc:      "limits the permissions to the keys under this prefix",
			rowValue: readText(func(t target) *string { return &t.component.Prefix }).like(prefixText)},
		{Key: "components[].kmsKeyARN", Doc: "KMS key with which the bucket, the secrets and the parameters are encrypted",
			rowValue: readParsed(identity.ParseKMSKeyARN, func(t target) *identity.KMSKeyARN { return &t.component.KMSKey }).like(keyText)},
		{Key: "components[].secrets", Doc: "secrets of AWS Secrets Manager that the role may read: names or whole ARNs",
			rowValue: readParsedTexts(identity.ParseSecret, func(t target) *[]identity.Stored { return &t.component.Secrets }).like(secretText)},
		{Key: "components[].parameters", Doc: "parameters of the Parameter Store that the role may read: names or ARNs",
			rowValue: readParsedTexts(identity.ParseParameter, func(t target) *[]identity.Stored { return &t.component.Parameters }).like(parameterText)},
		{Key: "components[].permissionsPolicy", Doc: "more permissions of the role: a policy, or the file that has it in JSON",
			rowValue: readPolicy(func(t target) *iam.Document { return &t.component.Permissions })},
		{Key: "components[].serviceAccountAnnotations", Flag: "annotation", Word: "KEY=VALUE",
			Doc:      "annotation of the service account besides the role's",
			rowValue: readPairs(func(t target) *map[string]string { return &t.component.ExtraAnnotations }).like(plainText).keysLike(metadataKeyText)},
		{Key: "components[].podLabels", Flag: "pod-label", Word: "KEY=VALUE", Doc: "label of the component's pods",
			rowValue: readPairs(func(t target) *map[string]string { return &t.component.PodLabels }).like(labelValueText).keysLike(metadataKeyText)},
		{Key: "components[].permissionsBoundary", Doc: "managed policy that limits a role which apply creates or manages",
			rowValue: readParsed(identity.ParsePolicyARN, func(t target) *identity.PolicyARN { return &t.component.PermissionsBoundary }).like(policyText)},
		{Key: "components[].maxSessionDuration", Doc: "longest session, in seconds, of a role which apply creates or manages", Default: "AWS's, 3600",
			rowValue: readInteger(identity.ValidateSessionDuration, func(t target) *int { return &t.component.MaxSessionDuration }).
				between(identity.MinSessionDuration, identity.MaxSessionDuration)},
		{Key: "components[].managedPolicies", Doc: "ARNs of managed policies that the role gets besides its inline policy",
			rowValue: readEach(identity.ParsePolicyARN, func(t target) *[]identity.PolicyARN { return &t.component.ManagedPolicies }).like(policyText)},
	}
}

func podIdentityRows() []Row {
	of := func(t target) *identity.PodIdentitySettings { return &t.component.PodIdentity }
	return []Row{
		{Key: "components[].podIdentity", Doc: "settings that only EKS Pod Identity has", rowValue: readKeys()},
		{Key: "components[].podIdentity.tags", Doc: "AWS tags of the associations",
			rowValue: readPairs(func(t target) *map[string]string { return &of(t).Tags }).keysLike(tagKeyText)},
		{Key: "components[].podIdentity.targetRoleARN", Doc: "role that EKS assumes with the component's role",
			rowValue: readParsed(identity.ParseRoleARN, func(t target) *identity.RoleARN { return &of(t).TargetRole }).like(roleText)},
		{Key: "components[].podIdentity.disableSessionTags", Doc: "removes the tags from the sessions", Default: "false",
			rowValue: readBoolean(func(t target) *bool { return &of(t).DisableSessionTags })},
		{Key: "components[].podIdentity.policy", Doc: "session policy in JSON, allowed only with disableSessionTags",
			rowValue: readText(func(t target) *string { return &of(t).Policy })},
		{Key: "components[].podIdentity.sourceAccount", Default: "false",
			Doc:      "adds the condition that aws:SourceAccount is the role's account",
			rowValue: readBoolean(func(t target) *bool { return &of(t).SourceAccount })},
		{Key: "components[].podIdentity.sourceOrgID", Doc: "adds the condition that aws:SourceOrgID is this organization; only for mode pod-identity",
			rowValue: readText(func(t target) *string { return &of(t).SourceOrgID }).like(organizationText)},
		{Key: "components[].podIdentity.sourceARNs", Doc: "adds the condition that aws:SourceArn matches one of these patterns",
			rowValue: readTexts(func(t target) *[]string { return &of(t).SourceARNs }).like(arnPatternText)},
		{Key: "components[].podIdentity.scope", Doc: "limits each pod to the backups of its own control plane", Default: "the whole role",
			rowValue: readText(func(t target) *identity.Scope { return &of(t).Scope }, identity.Scopes()...)},
		{Key: "components[].podIdentity.readFrom", Doc: "control planes whose backups others may read, with scope: controlPlane",
			rowValue: readList(func(t target) target { return target{access: appendItem(&of(t).ReadFrom)} })},
		{Key: "components[].podIdentity.readFrom[].group", Doc: "group of the control plane whose backups they are",
			rowValue: readText(func(t target) *string { return &t.access.From.Group }).like(labelText).required()},
		{Key: "components[].podIdentity.readFrom[].controlPlane", Doc: "name of the control plane whose backups they are",
			rowValue: readText(func(t target) *string { return &t.access.From.Name }).like(nameText).required()},
		{Key: "components[].podIdentity.readFrom[].into", Doc: "control plane that may read them, as GROUP/NAME", Default: "every control plane",
			rowValue: readParsed(identity.ParseControlPlaneName, func(t target) *identity.ControlPlaneName { return &t.access.Into }).like(controlPlaneText)},
	}
}

func placeRows() []Row {
	return []Row{
		{Key: "places", Doc: "places in a chart that the program does not recognise",
			rowValue: readList(func(t target) target { return target{place: appendItem(&t.Places)} })},
		{Key: "places[].kind", Doc: "kind of the object",
			rowValue: readText(func(t target) *string { return &t.place.Kind }).like(identity.KindForm).required()},
		{Key: "places[].name", Doc: "name of the object",
			rowValue: readText(func(t target) *string { return &t.place.Name }).like(nameText).required()},
		{Key: "places[].path", Doc: `path in the object, such as data["values.yaml"]`,
			rowValue: readParsed(identity.ParsePath, func(t target) *identity.Path { return &t.place.Path }).required()},
		{Key: "places[].encoding", Doc: "how the text at the path is encoded", Default: "detected",
			rowValue: readText(func(t target) *string { return &t.place.Encoding }, identity.PlaceEncodings()...)},
		{Key: "places[].component", Doc: "component that the place belongs to", Default: "the only component",
			rowValue: readText(func(t target) *string { return &t.place.Component }).like(nameText)},
		{Key: "places[].holds", Doc: "what the path contains", Default: "detected",
			rowValue: readText(func(t target) *string { return &t.place.Holds }, identity.PlaceContents()...)},
	}
}

func outputRows() []Row {
	return []Row{
		{Key: "delivery", Doc: "what post-render adds to the manifests", rowValue: readKeys()},
		{Key: "delivery.admissionPolicy", Doc: "admission policy that reaches control planes created later: native (Kubernetes 1.36), or kyverno (Kyverno 1.17, without which the install fails)", Default: "none",
			rowValue: readText(func(t target) *identity.AdmissionPolicy { return &t.AdmissionPolicy }, identity.AdmissionPolicies()...)},
		{Key: "delivery.failurePolicy", Doc: "what the API server does if it cannot evaluate that policy", Default: string(identity.FailureIgnored),
			rowValue: readText(func(t target) *identity.FailurePolicy { return &t.FailurePolicy }, identity.FailurePolicies()...)},
		{Key: "then", Doc: "programs that post-render and template run after their own edits: a list for each, the program first",
			rowValue: readCommands(func(t target) *[][]string { return &t.Then })},
		{Key: "trustPolicy", Doc: "limits of the trust policies", rowValue: readKeys()},
		{Key: "trustPolicy.quota", Flag: "quota", Word: "CHARACTERS", Default: "2048",
			Doc: "quota of the account for the length of role trust policies",
			rowValue: readInteger(identity.ValidateQuota, func(t target) *int { return &t.TrustPolicyQuota }).
				between(identity.MinTrustPolicyQuota, identity.MaxTrustPolicyQuota)},
		{Key: "tags", Doc: "AWS tags of everything that apply creates",
			rowValue: readPairs(func(t target) *map[string]string { return &t.Tags }).keysLike(tagKeyText)},
		{Key: "sharedBackupConfig", Doc: "SharedBackupConfig that post-render writes", rowValue: readKeys()},
		{Key: "sharedBackupConfig.name", Doc: "name of the object",
			rowValue: readText(func(t target) *string { return &t.SharedBackupConfig.Name }).like(nameText)},
		{Key: "sharedBackupConfig.namespace", Doc: "namespace of the object",
			rowValue: readText(func(t target) *string { return &t.SharedBackupConfig.Namespace }).like(labelText)},
		{Key: "sharedBackupConfig.endpoint", Doc: "host of the S3 endpoint, with a port if it has one",
			rowValue: readText(func(t target) *string { return &t.SharedBackupConfig.Endpoint }).like(endpointText)},
		{Key: "artifacts", Doc: "files that post-render writes beside the manifests", rowValue: readKeys()},
		{Key: "artifacts.dir", Flag: flagArtifacts, Word: "DIRECTORY", Default: identity.DefaultArtifactsDir,
			Doc:      "directory of the artifacts, or none",
			rowValue: readText(func(t target) *string { return &t.ArtifactsDir }, identity.NoArtifacts).open()},
	}
}
