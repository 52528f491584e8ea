// Package space reads the host cluster of a Space, and makes the two changes that a
// restart needs. It judges nothing. It lists in pages, watches nothing and keeps only
// the fields of its small types, so that thousands of control planes take little
// memory.
//
// Source: Kubernetes documentation, "Kubernetes API Concepts: Retrieving large
// results sets in chunks".
package space
