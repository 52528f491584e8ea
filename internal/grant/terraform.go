package grant

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"spaces-identity.dev/internal/iam"
)

// asTerraform is HCL for the AWS provider of Terraform and OpenTofu. Policies
// are written as HCL objects in jsonencode, so they can be read and edited.
func asTerraform(g Grant) ([]byte, error) {
	t := &hcl{}
	t.line("# The %s of component %s, for the role", g.Part, g.Component)
	t.line("# %s\n", g.Role)
	switch g.Part {
	case Trust:
		t.trust(g)
	case Permissions:
		t.permissions(g)
	case Associations:
		t.associations(g)
	}
	return t.out.Bytes(), nil
}

type hcl struct{ out bytes.Buffer }

func (t *hcl) line(format string, args ...any) { fmt.Fprintf(&t.out, format+"\n", args...) }

// argument is a name and an expression, in a block or in an object.
type argument struct{ name, expression string }

func (a argument) multiline() bool { return strings.Contains(a.expression, "\n") }

func (t *hcl) resource(kind, label string, arguments []argument) {
	t.line("resource %q %q {\n%s}", kind, label, body(arguments, "  "))
}

// body writes arguments as `terraform fmt` does: the equals signs of neighbours
// of one line stand in a column.
func body(arguments []argument, indent string) string {
	var b strings.Builder
	for len(arguments) > 0 {
		if arguments[0].multiline() {
			fmt.Fprintf(&b, "%s%s = %s\n", indent, arguments[0].name, arguments[0].expression)
			arguments = arguments[1:]
			continue
		}
		end := slices.IndexFunc(arguments, argument.multiline)
		if end < 0 {
			end = len(arguments)
		}
		width := widest(arguments[:end])
		for _, a := range arguments[:end] {
			padding := strings.Repeat(" ", width-utf8.RuneCountInString(a.name))
			fmt.Fprintf(&b, "%s%s%s = %s\n", indent, a.name, padding, a.expression)
		}
		arguments = arguments[end:]
	}
	return b.String()
}

func widest(arguments []argument) int {
	width := 0
	for _, a := range arguments {
		width = max(width, utf8.RuneCountInString(a.name))
	}
	return width
}

// object writes an object expression of more than one line.
func object(members []argument, indent string) string {
	return "{\n" + body(members, indent+"  ") + indent + "}"
}

func (t *hcl) trust(g Grant) {
	for i, p := range g.Providers {
		t.line("# Leave this out where the cluster's provider is managed elsewhere.")
		label := identifier(g.Component)
		if i > 0 {
			label += "_" + hash(p.ARN)
		}
		t.resource("aws_iam_openid_connect_provider", label, []argument{
			{"url", quote(p.URL)},
			{"client_id_list", "[" + quote(iam.Audience) + "]"},
		})
		t.line("")
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
	members := make([]argument, len(list))
	for i, a := range list {
		key := a.ClusterName + "/" + a.Namespace
		region := ""
		if regional {
			key = a.Region + "/" + key
			region = "region = " + quote(a.Region) + ", "
		}
		members[i] = argument{quote(key), fmt.Sprintf("{ %scluster_name = %s, namespace = %s }", region, quote(a.ClusterName), quote(a.Namespace))}
	}
	return object(members, "  ")
}

func tags(tags map[string]string) string {
	var members []argument
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		members = append(members, argument{quote(key), quote(tags[key])})
	}
	return object(members, "  ")
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
	out, err := value(json.NewDecoder(bytes.NewReader(data)), indent)
	if err != nil {
		panic(err) // our own encoding of strings
	}
	return out
}

func value(d *json.Decoder, indent string) (string, error) {
	t, err := d.Token()
	if err != nil {
		return "", err
	}
	switch t {
	case json.Delim('{'):
		return members(d, indent)
	case json.Delim('['):
		return items(d, indent)
	}
	text, ok := t.(string)
	if !ok {
		return "", fmt.Errorf("unexpected %v in a policy", t)
	}
	return quote(text), nil
}

// element is a name of the policy language, which needs no quotes as a key.
var element = regexp.MustCompile(`^[A-Z][A-Za-z]*$`)

func members(d *json.Decoder, indent string) (string, error) {
	var out []argument
	for d.More() {
		key, err := value(d, indent)
		if err != nil {
			return "", err
		}
		if bare := strings.Trim(key, `"`); element.MatchString(bare) {
			key = bare
		}
		v, err := value(d, indent+"  ")
		if err != nil {
			return "", err
		}
		out = append(out, argument{key, v})
	}
	_, err := d.Token()
	return object(out, indent), err
}

func items(d *json.Decoder, indent string) (string, error) {
	var b strings.Builder
	b.WriteString("[\n")
	for d.More() {
		v, err := value(d, indent+"  ")
		if err != nil {
			return "", err
		}
		b.WriteString(indent + "  " + v + ",\n")
	}
	_, err := d.Token()
	return b.String() + indent + "]", err
}
