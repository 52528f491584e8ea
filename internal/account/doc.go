// Package account calls IAM, STS and EKS to read and write what a workload identity
// needs. Package reconcile decides which calls to make.
//
// If something does not exist, a read returns ok false and no error. An error names the
// action and the resource. If AWS denied the action, the error is a [*RefusedError],
// which also names the identity.
package account
