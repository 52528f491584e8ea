// Package awstest is a server for tests that speaks the protocols of IAM and STS
// (query and XML) and EKS (REST and JSON) for the calls that this program makes,
// with their validation, quotas, pages and error codes. An operation that it does
// not know is an error. The product does not import it.
//
// A test can ask for everything that goes wrong in AWS: answers that throttle, calls
// that fail before or after they took effect, reads that lag behind writes. What
// happens depends on the number of the call, never on the time.
package awstest
