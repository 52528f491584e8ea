// Package space reads the host cluster of a Space, and makes the two changes that a
// restart needs: it updates service accounts and restarts workloads.
//
// It lists objects in pages and keeps only the fields of its small types, so that
// thousands of control planes need little memory.
//
// Source: Kubernetes documentation, "Kubernetes API Concepts: Retrieving large
// results sets in chunks".
package space
