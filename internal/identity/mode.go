package identity

// Mode is the mechanism by which a pod comes by the role's credentials.
type Mode string

const (
	// IRSA is IAM Roles for Service Accounts: an annotation on the
	// ServiceAccount and an OIDC provider in IAM.
	IRSA Mode = "irsa"
	// PodIdentity is EKS Pod Identity: an association per namespace and
	// service account.
	PodIdentity Mode = "pod-identity"
	// Both serves a migration from one to the other. Where both are in force
	// EKS prefers the association.
	Both Mode = "both"
)

// UsesIRSA reports whether ServiceAccounts carry the role annotation.
func (m Mode) UsesIRSA() bool { return m == IRSA || m == Both }

// UsesPodIdentity reports whether associations carry the role.
func (m Mode) UsesPodIdentity() bool { return m == PodIdentity || m == Both }
