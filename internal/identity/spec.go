package identity

import "slices"

// Settings are what a user wrote. The zero value of a field means that the user
// left it out.
type Settings struct {
	Cluster            Cluster
	AdditionalClusters []Cluster
	ControlPlanes      ControlPlanes
	Components         []Component
	Places             []Place
	AdmissionPolicy    bool // append a MutatingAdmissionPolicy to the manifests
	FailurePolicy      FailurePolicy
	TrustPolicyQuota   int // characters, white space not counted
	SharedBackupConfig SharedBackupConfig
	ArtifactsDir       string // NoArtifacts for none
}

// NoArtifacts as ArtifactsDir means that no artifact is written.
const NoArtifacts = "none"

// DefaultTrustPolicyQuota is the length of a trust policy in an AWS account
// that has asked for no other, in characters without white space (IAM and AWS
// STS quotas).
const DefaultTrustPolicyQuota = 2048

// DefaultArtifactsDir is the artifacts' directory below the working directory.
const DefaultArtifactsDir = "identity-artifacts"

// settings hides the embedded field of a Spec, so that only New makes one.
type settings = Settings

// Spec is a valid config: every setting that is set is valid, the settings fit
// each other, and the defaults are filled in. Only [New] makes one. A setting may
// still be missing: each command asks for those that its own output needs.
type Spec struct{ settings }

// New fills in the defaults and checks every setting. It returns all problems, in
// the order of the settings; the Spec is valid if there are none.
func New(s Settings) (Spec, []*FieldError) {
	s = s.withDefaults()
	return Spec{s}, s.problems()
}

// AllClusters are the cluster and the additional ones.
func (s Settings) AllClusters() []Cluster {
	return append([]Cluster{s.Cluster}, s.AdditionalClusters...)
}

// Component returns the component of that name.
func (s Settings) Component(name string) (Component, bool) {
	for _, c := range s.Components {
		if c.Name == name {
			return c, true
		}
	}
	return Component{}, false
}

// Cluster is an EKS cluster whose service accounts may use the roles.
type Cluster struct {
	Name   string
	Region string
	OIDC   OIDCProvider
}

// ControlPlanes says which host namespaces belong to control planes.
type ControlPlanes struct {
	Namespaces []string // exact names, sorted, without repetition
	Match      Match    // a pattern beside them
	Discover   bool     // commands that have a cluster add what they find there
}

// Component is a workload that runs in every control plane's host namespace
// under a service account of a fixed name.
type Component struct {
	Name             string
	ServiceAccount   string
	Values           ValuesPaths
	Mode             Mode
	Role             RoleARN
	Bucket           string // S3 bucket name
	Prefix           string // limits the permissions to Prefix and Prefix/*
	KMSKey           KMSKeyARN
	ExtraAnnotations map[string]string // of the ServiceAccount, besides the role's
	PodLabels        map[string]string
	PodIdentity      PodIdentitySettings
	Settings         []Setting // other values of the chart that a workload identity needs
}

// Setting is a value of the Spaces chart.
type Setting struct {
	Path  []string
	Value string
}

// ValuesPaths is where the Spaces chart takes a component's settings, each path
// a list of mapping keys. Annotations and PodLabels start below Component.
type ValuesPaths struct {
	Component   []string // such as controlPlanes, mxpController
	Annotations []string // such as serviceAccount, annotations
	PodLabels   []string // such as pod, customLabels; empty where the chart has none
}

// Place is a spot in a chart that the program does not recognise by itself and
// that the user's config points at.
type Place struct {
	Kind      string
	Name      string
	Path      string // as ParsePath reads it: dots between keys, [n] for items, ["a.b"] for a key with dots
	Encoding  string // "yaml", "json", "base64" or "none"; "" to find out
	Component string // whose place it is
	Holds     string // "values", "settings", "annotations" or "podLabels"; "" to find out
}

// SharedBackupConfig names the emitted SharedBackupConfig object.
type SharedBackupConfig struct {
	Name      string
	Namespace string
	Endpoint  string // host of the S3 endpoint
}

// WithNamespaces is the config with more exact host namespaces, such as those
// discovered in a cluster.
func (s Spec) WithNamespaces(names []string) Spec {
	s.ControlPlanes.Namespaces = sortedUnique(slices.Concat(s.ControlPlanes.Namespaces, names))
	return s
}

// WithProvider is the config with the OIDC provider of one of its clusters. The
// index counts those of AllClusters.
func (s Spec) WithProvider(cluster int, provider OIDCProvider) Spec {
	if cluster == 0 {
		s.Cluster.OIDC = provider
		return s
	}
	s.AdditionalClusters = slices.Clone(s.AdditionalClusters)
	s.AdditionalClusters[cluster-1].OIDC = provider
	return s
}

func sortedUnique(names []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(names)))
}
