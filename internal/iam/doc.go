// Package iam writes, measures, reads and evaluates the IAM documents of a
// control plane's identity: the trust policy that says who becomes the role, the
// permissions policy that says what the role may do, and the EKS Pod Identity
// associations. It does no I/O.
//
// Whatever comes from a config is data here. A value that could act as a
// wildcard, a policy variable or JSON syntax is refused or encoded, so no config
// can make a document admit more than it names.
package iam
