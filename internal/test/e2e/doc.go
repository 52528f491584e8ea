// Package e2e holds the tests that need a real Kubernetes API server: make e2e
// builds one and runs them. Its servers are not EKS: tests that need the EKS webhook
// simulate it, and say so.
package e2e
