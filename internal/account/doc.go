// Package account is the live side in AWS: thin clients of IAM, STS and EKS for the
// calls that a workload identity needs, in this program's own words. It decides
// nothing; which call is made when is the business of internal/reconcile.
//
// A thing that is not there is an answer, not an error. An error says which
// action on which resource failed; where AWS refused it, it is a [RefusedError]
// that names the identity as well.
package account
