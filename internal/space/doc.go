// Package space reads a Space's cluster, and changes the little that a restart
// needs. It lists in pages, watches nothing and keeps only what its small types
// name, so that thousands of control planes take little memory.
//
// Source: Kubernetes documentation, "Kubernetes API Concepts: Retrieving large
// results sets in chunks".
package space
