// Package admission writes the Kubernetes admission policies that put a
// component's identity on ServiceAccounts and pods as they are created or
// updated, so that it reaches the control planes that nobody has made yet.
//
// The policies act in the control planes' namespaces only. Whatever comes from a
// config is data in them: a value becomes a CEL string literal in which nothing
// but letters, digits and harmless marks stands unescaped, and a pattern becomes
// an anchored regular expression made of quoted pieces. The package does no I/O.
//
// Source: Kubernetes documentation, "Mutating Admission Policy" (stable since
// 1.36).
package admission
