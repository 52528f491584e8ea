// Package identity is the domain of spaces-identity: which ServiceAccounts of
// which control planes are to act as which AWS role, and by which mechanism.
//
// A [Spec] is the one statement of what should hold. The manifests, the IAM
// documents, the plan and the verification are all made from it, so the
// Kubernetes half and the AWS half of the trust cannot drift apart. The package
// does no I/O.
package identity
