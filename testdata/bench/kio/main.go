// Command kio is a plain pipeline of kyaml. It makes the benchmark's edit as a
// program does that reads the whole stream and writes all of it again.
package main

import (
	"fmt"
	"os"

	"sigs.k8s.io/kustomize/kyaml/kio"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

const (
	role         = "arn:aws:iam::123456789012:role/spaces-backup"
	roleKey      = "eks.amazonaws.com/role-arn"
	restartKey   = "spaces-identity.dev/identity"
	restartValue = "0123456789abcdef"
)

func main() {
	err := kio.Pipeline{
		Inputs:  []kio.Reader{&kio.ByteReader{Reader: os.Stdin, OmitReaderAnnotations: true}},
		Filters: []kio.Filter{kio.FilterFunc(annotateAll)},
		Outputs: []kio.Writer{kio.ByteWriter{Writer: os.Stdout}},
	}.Execute()
	if err != nil {
		fmt.Fprintln(os.Stderr, "kio:", err)
		os.Exit(1)
	}
}

func annotateAll(objects []*yaml.RNode) ([]*yaml.RNode, error) {
	for _, o := range objects {
		if err := annotate(o); err != nil {
			return nil, err
		}
	}
	return objects, nil
}

func annotate(o *yaml.RNode) error {
	switch o.GetKind() {
	case "ServiceAccount":
		if o.GetName() != "mxp-controller" {
			return nil
		}
		return o.PipeE(yaml.SetAnnotation(roleKey, role))
	case "Deployment":
		template, err := o.Pipe(yaml.Lookup("spec", "template"))
		if err != nil || template == nil {
			return err
		}
		account, err := template.GetString("spec.serviceAccountName")
		if err != nil || account != "mxp-controller" {
			return nil // it runs as another one
		}
		return template.PipeE(yaml.SetAnnotation(restartKey, restartValue))
	}
	return nil
}
