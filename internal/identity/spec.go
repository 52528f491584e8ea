package identity

// Spec says what should hold. The zero value of a field means that the user did
// not set it; each command asks for the settings its own output needs.
type Spec struct {
	Cluster            Cluster
	AdditionalClusters []Cluster
	ControlPlanes      ControlPlanes
	Components         []Component
	Places             []Place
	AdmissionPolicy    bool // append a MutatingAdmissionPolicy to the manifests
	TrustPolicyQuota   int  // characters, white space not counted
	SharedBackupConfig SharedBackupConfig
	ArtifactsDir       string // NoArtifacts for none
}

// NoArtifacts as ArtifactsDir means that no artifact is written.
const NoArtifacts = "none"

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
	Name           string
	ServiceAccount string
	Values         ValuesPaths
	Mode           Mode
	Role           RoleARN
	Bucket         string // S3 bucket name
	Prefix         string // limits the permissions to Prefix and Prefix/*
	KMSKeyARN      string
	Annotations    map[string]string // of the ServiceAccount, besides the role's
	PodLabels      map[string]string
	PodIdentity    PodIdentitySettings
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
	Kind     string
	Name     string
	Path     string // dots between keys, [n] for items, ["a.b"] for a key with dots
	Encoding string // "", "yaml", "json" or "base64"
}

// SharedBackupConfig names the emitted SharedBackupConfig object.
type SharedBackupConfig struct {
	Name      string
	Namespace string
	Endpoint  string // host of the S3 endpoint
}
