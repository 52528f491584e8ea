// Package e2e holds the tests that need a real Kubernetes API server: make e2e
// builds one and runs them. Its servers know nothing of EKS: what the EKS webhook
// does to pods the tests do themselves, and say so where they do.
package e2e
