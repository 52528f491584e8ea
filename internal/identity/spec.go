// Package identity describes which ServiceAccounts of which control planes act as which
// AWS role, and by which mechanism.
//
// [Settings] are what a user wrote. [New] turns them into a [Spec], which is always
// valid, so no other package checks it again. The package does no I/O.
package identity

import (
	"cmp"
	"slices"
)

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
	Then               [][]string        // post-renderers that run after this program's own edits: program and arguments
	TrustPolicyQuota   int               // characters, white space not counted
	Tags               map[string]string // AWS tags of everything that the program creates
	SharedBackupConfig SharedBackupConfig
	ArtifactsDir       string // NoArtifacts for none
}

const (
	// NoArtifacts as ArtifactsDir means that post-render writes no artifacts.
	NoArtifacts = "none"
	// DefaultArtifactsDir is the artifacts' directory below the working directory.
	DefaultArtifactsDir = "identity-artifacts"
	// DefaultTrustPolicyQuota is AWS's default quota for the length of a trust policy, in
	// characters without white space (IAM and AWS STS quotas).
	DefaultTrustPolicyQuota = 2048
)

// settings hides the embedded field of a Spec, so that only New makes one.
type settings = Settings

// Spec is a valid config. Every setting that is set is valid, the settings fit each other,
// and the defaults are filled in. Only [New] makes one. A setting may still be missing:
// each command reports those that its own output needs.
type Spec struct{ settings }

// New fills in the defaults and checks every setting. It returns all problems, in the
// order of the settings. If there are none, the Spec is valid.
func New(s Settings) (Spec, []*FieldError) {
	s = s.withDefaults()
	problems := s.problems()
	return Spec{s.normalized()}, problems
}

// withDefaults fills in what the user left out. Without components it adds
// [DefaultComponent]. A place belongs to the only component, if there is only one.
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
	s.TrustPolicyQuota = cmp.Or(s.TrustPolicyQuota, DefaultTrustPolicyQuota)
	s.ArtifactsDir = cmp.Or(s.ArtifactsDir, DefaultArtifactsDir)
	return s
}

// normalized sorts the namespaces, removes duplicates, and removes the slash at the end of
// prefixes. It may change the components, because withDefaults has copied them.
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
func (s Settings) Component(name string) (Component, bool) { return byName(s.Components, name) }

// WithNamespaces returns the config with more exact host namespaces. They come from a
// cluster, so their names are valid.
func (s Spec) WithNamespaces(names []string) Spec {
	s.ControlPlanes.Namespaces = sortedUnique(slices.Concat(s.ControlPlanes.Namespaces, names))
	return s
}

// WithProvider returns the config with an OIDC provider for the cluster of that index in
// [Settings.AllClusters].
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
	Namespaces []string                    // exact names, sorted, each once
	Names      map[string]ControlPlaneName // of the ControlPlane objects, by host namespace, as far as they are known
	Match      Match                       // a pattern that admits more namespaces
	Discover   bool                        // commands that can read the cluster add the namespaces that they find
}

// Place is a path in a chart that the program does not recognise, described by the user.
// In JSON it has the keys of the config.
type Place struct {
	Kind      string `json:"kind"`
	Name      string `json:"name"`
	Path      Path   `json:"path"`
	Encoding  string `json:"encoding,omitempty"`  // one of PlaceEncodings; detected if empty
	Holds     string `json:"holds,omitempty"`     // one of PlaceContents; detected if empty
	Component string `json:"component,omitempty"` // that the place belongs to
}

// PlaceEncodings returns the encodings that the text at a place can have. "none" means
// that there is a mapping of the document itself.
func PlaceEncodings() []string { return []string{"yaml", "json", "base64", "none"} }

// PlaceContents returns what a place can contain: values with the component's path, only
// the component's settings, its service account's annotations, or its pods' labels.
func PlaceContents() []string { return []string{"values", "settings", "annotations", "podLabels"} }

// AdmissionPolicy is the kind of admission policy that post-render appends to the
// manifests, so that control planes created later get the identity too.
type AdmissionPolicy string

const (
	// NoAdmissionPolicy appends none.
	NoAdmissionPolicy AdmissionPolicy = ""
	// NativeAdmissionPolicy appends a MutatingAdmissionPolicy of Kubernetes 1.36.
	NativeAdmissionPolicy AdmissionPolicy = "native"
	// KyvernoAdmissionPolicy appends a MutatingPolicy of Kyverno, for older clusters.
	KyvernoAdmissionPolicy AdmissionPolicy = "kyverno"
)

// AdmissionPolicies returns the kinds of admission policies that a config can name.
func AdmissionPolicies() []AdmissionPolicy {
	return []AdmissionPolicy{NativeAdmissionPolicy, KyvernoAdmissionPolicy}
}

// FailurePolicy is what the API server does with an object if it cannot evaluate an
// admission policy.
type FailurePolicy string

// The failure policies, as Kubernetes names them.
const (
	FailureIgnored FailurePolicy = "Ignore" // the API server admits the object without the identity
	FailureFails   FailurePolicy = "Fail"   // the API server rejects the object
)

// FailurePolicies returns the failure policies that a config can name.
func FailurePolicies() []FailurePolicy { return []FailurePolicy{FailureIgnored, FailureFails} }
