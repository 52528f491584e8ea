// Package awstest is an AWS server for tests. It has the operations of IAM, STS and EKS
// that this program calls, with their validation, quotas, pages and error codes. IAM and
// STS use the query protocol and XML, EKS uses REST and JSON. Any other operation is an
// error.
//
// The server checks requests and answers against AWS's own API models. It also has what a
// pod with the identity does: it assumes the role with its token, and uses a bucket of S3
// as far as the role's policies allow. It does not check signatures.
//
// A test can cause failures: the server throttles calls, calls fail before or after they
// took effect, and reads lag behind writes. What happens depends on the number of the
// call, never on the time.
package awstest
