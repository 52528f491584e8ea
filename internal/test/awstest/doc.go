// Package awstest is an AWS server for tests. It has the operations of IAM, STS and EKS
// that this program calls, with their validation, quotas, pages and error codes. IAM and
// STS use the query protocol and XML, EKS uses REST and JSON. Any other operation is an
// error.
//
// A test can cause failures: the server throttles calls, calls fail before or after they
// took effect, and reads lag behind writes. What happens depends on the number of the
// call, never on the time.
package awstest
