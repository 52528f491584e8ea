package postrender

import (
	"bytes"
	"strings"

	"spaces-identity.dev/internal/manifest"
)

// IsResourceList reports whether a stream is the input of a KRM function: one document of
// the kind ResourceList.
//
// Source: "KRM Functions Specification", of kustomize.
func IsResourceList(stream []byte) bool {
	if !bytes.Contains(stream, []byte("ResourceList")) {
		return false
	}
	isList := false
	for doc := range manifest.Split(stream) {
		root, err := manifest.Parse(stream[doc.Start:doc.End])
		if root = root.Resolve(); err != nil || isList && root != nil {
			return false
		}
		if root != nil {
			if root.Text("kind") != "ResourceList" || !strings.HasPrefix(root.Text("apiVersion"), "config.kubernetes.io/") {
				return false
			}
			isList = true
		}
	}
	return isList
}
