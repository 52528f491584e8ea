package grant

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"

	"spaces-identity.dev/internal/iam"
)

// asTerraform is HCL for the AWS provider of Terraform and OpenTofu. Policies
// are written as HCL objects in jsonencode, so they can be read and edited.
func asTerraform(g Grant) ([]byte, error) {
	t := &hcl{}
	t.line("# The %s of component %s, for the role", g.Part, g.Component)
	t.line("# %s", g.Role)
	switch g.Part {
	case Trust:
		t.trust(g)
	case Permissions:
		t.permissions(g)
	case Associations:
		t.associations(g)
	}
	return t.Bytes(), nil
}

type hcl struct{ bytes.Buffer }

func (t *hcl) line(format string, args ...any) { fmt.Fprintf(t, format+"\n", args...) }

// argument is a name and an expression of a resource's block.
type argument struct{ name, expression string }

// resource writes a block; names are padded as `terraform fmt` does for
// expressions of one line.
func (t *hcl) resource(kind, label string, arguments []argument) {
	t.line("\nresource %q %q {", kind, label)
	width := 0
	for _, a := range arguments {
		if !strings.Contains(a.expression, "\n") {
			width = max(width, len(a.name))
		}
	}
	for _, a := range arguments {
		if strings.Contains(a.expression, "\n") {
			t.line("\n  %s = %s", a.name, a.expression)
		} else {
			t.line("  %-*s = %s", width, a.name, a.expression)
		}
	}
	t.line("}")
}

func (t *hcl) trust(g Grant) {
	for i, p := range g.Providers {
		t.line("\n# Leave this out where the cluster's provider is managed elsewhere.")
		label := identifier(g.Component)
		if i > 0 {
			label += "_" + hash(p.ARN)
		}
		t.resource("aws_iam_openid_connect_provider", label, []argument{
			{"url", quote(p.URL)},
			{"client_id_list", "[" + quote(iam.Audience) + "]"},
		})
	}
	t.resource("aws_iam_role", identifier(g.Component), []argument{
		{"name", quote(g.RoleName())},
		{"path", quote(g.RolePath())},
		{"assume_role_policy", "jsonencode(" + expression(g.Document.Compact(), "  ") + ")"},
	})
}

func (t *hcl) permissions(g Grant) {
	t.resource("aws_iam_role_policy", identifier(g.Component), []argument{
		{"name", quote(g.PolicyName())},
		{"role", quote(g.RoleName())},
		{"policy", "jsonencode(" + expression(g.Document.Compact(), "  ") + ")"},
	})
}

// associations are one resource over the list, because there may be thousands.
// Clusters in several regions need version 6 of the provider, which has an
// argument for the region.
func (t *hcl) associations(g Grant) {
	a := g.Associations[0]
	regional := slices.ContainsFunc(g.Associations, func(other Association) bool { return other.Region != a.Region })
	arguments := []argument{{"for_each", each(g.Associations, regional)}}
	if regional {
		arguments = append(arguments, argument{"region", "each.value.region"})
	}
	arguments = append(arguments,
		argument{"cluster_name", "each.value.cluster_name"},
		argument{"namespace", "each.value.namespace"},
		argument{"service_account", quote(a.ServiceAccount)},
		argument{"role_arn", quote(a.RoleARN)})
	if a.DisableSessionTags {
		arguments = append(arguments, argument{"disable_session_tags", "true"})
	}
	if a.TargetRoleARN != "" {
		arguments = append(arguments, argument{"target_role_arn", quote(a.TargetRoleARN)})
	}
	if a.Policy != "" {
		arguments = append(arguments, argument{"policy", quote(a.Policy)})
	}
	if len(a.Tags) > 0 {
		arguments = append(arguments, argument{"tags", tags(a.Tags)})
	}
	t.resource("aws_eks_pod_identity_association", identifier(g.Component), arguments)
}

func each(list []Association, regional bool) string {
	var b strings.Builder
	b.WriteString("{\n")
	for _, a := range list {
		key := a.ClusterName + "/" + a.Namespace
		region := ""
		if regional {
			key = a.Region + "/" + key
			region = "region = " + quote(a.Region) + ", "
		}
		fmt.Fprintf(&b, "    %s = { %scluster_name = %s, namespace = %s }\n", quote(key), region, quote(a.ClusterName), quote(a.Namespace))
	}
	return b.String() + "  }"
}

func tags(tags map[string]string) string {
	var b strings.Builder
	b.WriteString("{\n")
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		fmt.Fprintf(&b, "    %s = %s\n", quote(key), quote(tags[key]))
	}
	return b.String() + "  }"
}

var notInIdentifier = regexp.MustCompile(`[^A-Za-z0-9_-]`)

// identifier makes the label of a resource.
//
// Source: HCL native syntax specification, Identifiers.
func identifier(name string) string {
	return "spaces_" + notInIdentifier.ReplaceAllString(name, "_")
}

// quote writes a string as an HCL literal: the escapes of JSON without its
// surrogates, and $ and % doubled before a brace, where a template would begin.
//
// Source: HCL native syntax specification, Template Expressions.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case (r == '$' || r == '%') && strings.HasPrefix(s[i+1:], "{"):
			b.WriteRune(r)
			b.WriteRune(r)
		case r < 0x20 || r == 0x7f || r == 0x2028 || r == 0x2029:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// expression turns JSON into the same value in HCL.
func expression(data []byte, indent string) string {
	d := json.NewDecoder(bytes.NewReader(data))
	var b strings.Builder
	if err := value(&b, d, indent); err != nil && err != io.EOF {
		panic(err) // our own encoding of strings
	}
	return b.String()
}

func value(b *strings.Builder, d *json.Decoder, indent string) error {
	t, err := d.Token()
	if err != nil {
		return err
	}
	switch t := t.(type) {
	case string:
		b.WriteString(quote(t))
	case json.Delim:
		return collection(b, d, t, indent)
	default:
		return fmt.Errorf("unexpected %v in a policy", t)
	}
	return nil
}

func collection(b *strings.Builder, d *json.Decoder, open json.Delim, indent string) error {
	b.WriteString(open.String() + "\n")
	for d.More() {
		b.WriteString(indent + "  ")
		if open == '{' {
			key, err := d.Token()
			if err != nil {
				return err
			}
			b.WriteString(quote(key.(string)) + " = ")
		}
		if err := value(b, d, indent+"  "); err != nil {
			return err
		}
		if open == '[' {
			b.WriteString(",")
		}
		b.WriteString("\n")
	}
	end, err := d.Token()
	if err != nil {
		return err
	}
	b.WriteString(indent + end.(json.Delim).String())
	return nil
}
