// Package e2e has the tests that need a real Kubernetes API server. make e2e builds one
// and runs them. The server is not EKS, so tests that need the EKS webhook simulate it.
package e2e
