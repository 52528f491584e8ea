package config_test

import (
	"fmt"

	"spaces-identity.dev/internal/config"
)

// Everything that is wrong is told at once, each with its place.
func ExampleDecode() {
	_, err := config.Decode("spaces-identity.yaml", []byte(`apiVersion: spaces-identity.dev/v1alpha1
kind: SpacesIdentity
controlPlanes:
  namespaces: [mxp-*-system]
components:
- name: mxp-controller
  rolearn: arn:aws:iam::123456789012:role/spaces-backup
  bucket: s3://spaces-backups
`))
	fmt.Println(err)
	// Output:
	// spaces-identity.yaml:4:16: controlPlanes.namespaces[0]: "mxp-*-system" is a pattern, and exact namespaces stand here: give it as controlPlanes.match or --match
	// spaces-identity.yaml:7:3: components[0]: unknown key "rolearn", did you mean roleARN?
	// spaces-identity.yaml:8:11: components[0].bucket: "s3://spaces-backups" is not a bucket's name: write "spaces-backups", and what follows it as the prefix
}
