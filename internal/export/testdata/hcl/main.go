// Command hcl evaluates the resources of a Terraform file on standard input, as
// far as they depend on nothing else, and prints them as JSON. The tests of
// package grant compare what Terraform would see with what was meant.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// resource is a block and its evaluated arguments.
type resource struct {
	Type       string                     `json:"type"`
	Label      string                     `json:"label"`
	Arguments  map[string]json.RawMessage `json:"arguments"`
	References map[string]string          `json:"references,omitempty"` // arguments that refer to something
}

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) error {
	src, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	file, diags := hclsyntax.ParseConfig(src, "stdin.tf", hcl.InitialPos)
	if diags.HasErrors() {
		return diags
	}
	var resources []resource
	for _, block := range file.Body.(*hclsyntax.Body).Blocks {
		r, err := evaluate(block, src)
		if err != nil {
			return err
		}
		resources = append(resources, r)
	}
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	return e.Encode(resources)
}

func evaluate(block *hclsyntax.Block, src []byte) (resource, error) {
	if block.Type != "resource" || len(block.Labels) != 2 || len(block.Body.Blocks) > 0 {
		return resource{}, errors.New("unexpected block " + block.Type)
	}
	r := resource{block.Labels[0], block.Labels[1], map[string]json.RawMessage{}, map[string]string{}}
	context := &hcl.EvalContext{Functions: map[string]function.Function{"jsonencode": stdlib.JSONEncodeFunc}}
	for name, attribute := range block.Body.Attributes {
		if len(attribute.Expr.Variables()) > 0 {
			r.References[name] = string(attribute.Expr.Range().SliceBytes(src))
			continue
		}
		value, diags := attribute.Expr.Value(context)
		if diags.HasErrors() {
			return resource{}, diags
		}
		data, err := ctyjson.Marshal(value, cty.DynamicPseudoType)
		if err != nil {
			return resource{}, err
		}
		var typed struct{ Value json.RawMessage }
		if err := json.Unmarshal(data, &typed); err != nil {
			return resource{}, err
		}
		r.Arguments[name] = typed.Value
	}
	return r, nil
}
