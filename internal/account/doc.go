// Package account reads and writes an AWS account: the calls of IAM, STS and EKS that
// a workload identity needs. It decides nothing; package reconcile decides which calls
// to make.
//
// A thing that does not exist is an answer, not an error. An error names the action
// and the resource. If AWS denied the action, it is a [*RefusedError], which names the
// identity as well.
package account
