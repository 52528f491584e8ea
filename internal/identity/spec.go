// Package identity is the domain of spaces-identity: which ServiceAccounts of
// which control planes act as which AWS role, and by which mechanism.
//
// [Settings] are what a user wrote. [New] makes a [Spec] of them, which is valid:
// nobody checks it again. The package does no I/O.
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
	AdmissionPolicy    AdmissionPolicy
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
	problems := s.problems()
	return Spec{s.normalized()}, problems
}

// withDefaults fills in what the user left out: one component mxp-controller if
// none is listed, what the chart says of known components, the mode irsa, the
// quota, the artifacts' directory, and the component of a place if there is only
// one.
func (s Settings) withDefaults() Settings {
	if len(s.Components) == 0 {
		s.Components = []Component{{Name: DefaultComponent}}
	}
	s.Components = slices.Clone(s.Components)
	for i, c := range s.Components {
		s.Components[i] = c.withDefaults()
	}
	s.Places = slices.Clone(s.Places)
	for i := range s.Places {
		if s.Places[i].Component == "" && len(s.Components) == 1 {
			s.Places[i].Component = s.Components[0].Name
		}
	}
	if s.TrustPolicyQuota == 0 {
		s.TrustPolicyQuota = DefaultTrustPolicyQuota
	}
	if s.ArtifactsDir == "" {
		s.ArtifactsDir = DefaultArtifactsDir
	}
	return s
}

// normalized sorts the namespaces, each once, and removes the slash at the end of
// prefixes. It may change the components, which withDefaults has copied.
func (s Settings) normalized() Settings {
	s.ControlPlanes.Namespaces = sortedUnique(s.ControlPlanes.Namespaces)
	for i, c := range s.Components {
		if prefix, err := ParsePrefix(c.Prefix); err == nil {
			s.Components[i].Prefix = prefix
		}
	}
	return s
}

// AllClusters returns the cluster and the additional ones.
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

// WithNamespaces returns the config with more exact host namespaces. Those come
// from a cluster, so they are names that Kubernetes has accepted.
func (s Spec) WithNamespaces(names []string) Spec {
	s.ControlPlanes.Namespaces = sortedUnique(slices.Concat(s.ControlPlanes.Namespaces, names))
	return s
}

// WithProvider returns the config with the OIDC provider of one of its clusters.
// The index counts those of AllClusters.
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

// Place is a path in a chart that the program does not recognise by itself and
// that the user describes.
type Place struct {
	Kind      string
	Name      string
	Path      Path
	Encoding  string // one of PlaceEncodings; detected if empty
	Component string // whose place it is
	Holds     string // one of PlaceContents; detected if empty
}

// PlaceEncodings returns how a place can hold its text. "none" is a mapping of the
// document itself.
func PlaceEncodings() []string { return []string{"yaml", "json", "base64", "none"} }

// PlaceContents returns what a place can hold: values with the component's path, the
// component's settings alone, its service account's annotations or its pods' labels.
func PlaceContents() []string { return []string{"values", "settings", "annotations", "podLabels"} }

// AdmissionPolicy is the kind of admission policy that post-render appends to the
// manifests, so that control planes created later get the identity too.
type AdmissionPolicy string

const (
	// NoAdmissionPolicy appends none.
	NoAdmissionPolicy AdmissionPolicy = ""
	// NativeAdmissionPolicy appends a MutatingAdmissionPolicy of Kubernetes 1.36.
	NativeAdmissionPolicy AdmissionPolicy = "native"
)

// AdmissionPolicies returns the kinds of admission policies that a config can name.
func AdmissionPolicies() []AdmissionPolicy { return []AdmissionPolicy{NativeAdmissionPolicy} }

// FailurePolicy is what the API server does with an object if it cannot
// evaluate an admission policy.
type FailurePolicy string

// The failure policies, as Kubernetes names them.
const (
	FailureIgnored FailurePolicy = "Ignore" // the object is admitted without the identity
	FailureFails   FailurePolicy = "Fail"   // the object is refused
)

// FailurePolicies returns the failure policies that a config can name.
func FailurePolicies() []FailurePolicy { return []FailurePolicy{FailureIgnored, FailureFails} }
