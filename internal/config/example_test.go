package config_test

import (
	"errors"
	"fmt"

	"spaces-identity.dev/internal/config"
)

// Decode reports all problems at once, each with its position and the next step.
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
	hinter, _ := errors.AsType[interface {
		error
		Hint() string
	}](err)
	fmt.Println("hint:", hinter.Hint())
	// Output:
	// spaces-identity.yaml:4:16: controlPlanes.namespaces[0]: "mxp-*-system" is a pattern, and only exact namespaces are allowed here
	// spaces-identity.yaml:7:3: components[0]: unknown key "rolearn"
	// spaces-identity.yaml:8:11: components[0].bucket: "s3://spaces-backups" is not a bucket's name
	// hint: set the pattern as controlPlanes.match
}
