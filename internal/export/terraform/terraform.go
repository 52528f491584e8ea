// Package terraform writes Terraform's form of package export, with HashiCorp's library
// for HCL. Only the live program links it, because the initialisation of that library
// would slow down the start of the small program.
package terraform

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/export"
	"spaces-identity.dev/internal/iam"
)

// The resource types of the AWS provider.
const (
	providerType    = "aws_iam_openid_connect_provider"
	roleType        = "aws_iam_role"
	rolePolicyType  = "aws_iam_role_policy"
	attachmentType  = "aws_iam_role_policy_attachment"
	associationType = "aws_eks_pod_identity_association"
)

// Form writes HCL for the AWS provider of Terraform and OpenTofu.
var Form = terraformForm()

func terraformForm() export.Form {
	form, err := export.Find(export.Terraform)
	if err != nil {
		panic(err) // package export has the form
	}
	form.Write = write
	return form
}

// write writes policies as HCL objects in jsonencode, so that a reviewer can read a
// change of them.
func write(g export.Grant) ([]byte, error) {
	file, roles := hclwrite.NewEmptyFile(), g.Roles
	w := fileWriter{file.Body(), g.Existing, desired.ProvidersOf(roles)}
	for _, line := range g.Header() {
		w.comment(line)
	}
	if slices.ContainsFunc(roles, func(r desired.Role) bool { return len(r.Associations) > 0 }) {
		w.comment("Associations name their region, which needs version 6 of the AWS provider.")
	}
	if slices.ContainsFunc(roles, func(r desired.Role) bool {
		return slices.ContainsFunc(r.Associations, func(a desired.Association) bool { return a.Policy != "" })
	}) {
		w.comment("The session policy of an association needs a version of the AWS provider from July 2026 or later.")
	}
	for _, p := range w.providers {
		w.provider(p, export.ProviderTags(roles))
	}
	for _, r := range roles {
		w.role(r)
		for _, p := range r.Policies {
			w.rolePolicy(r, p)
		}
		w.attachments(r)
		for _, group := range export.ByCluster(r.Associations) {
			w.associations(r, group)
		}
	}
	return hclwrite.Format(file.Bytes()), nil
}

// fileWriter adds resources to a file.
type fileWriter struct {
	body      *hclwrite.Body
	existing  export.Existing
	providers []desired.Provider
}

func (w fileWriter) comment(text string) {
	w.body.AppendUnstructuredTokens(hclwrite.Tokens{{Type: hclsyntax.TokenComment, Bytes: []byte("# " + text + "\n")}})
}

func (w fileWriter) resource(kind, label string) *hclwrite.Body {
	return w.body.AppendNewBlock("resource", []string{kind, label}).Body()
}

// keep makes Terraform fail rather than destroy a resource on which others may depend.
func (w fileWriter) keep(b *hclwrite.Body) {
	b.AppendNewline()
	b.AppendNewBlock("lifecycle", nil).Body().SetAttributeValue("prevent_destroy", cty.True)
}

// found adds a data source: Terraform reads what exists, and fails if it does not.
func (w fileWriter) found(kind, label, key, value string) {
	w.body.AppendNewBlock("data", []string{kind, label}).Body().SetAttributeValue(key, cty.StringVal(value))
}

func (w fileWriter) provider(p desired.Provider, tags map[string]string) {
	w.body.AppendNewline()
	if w.existing.Providers {
		w.found(providerType, providerLabel(p), "url", p.URL)
		return
	}
	w.comment("If the cluster's provider is managed elsewhere, export the form again for an existing provider.")
	b := w.resource(providerType, providerLabel(p))
	b.SetAttributeValue("url", cty.StringVal(p.URL))
	b.SetAttributeValue("client_id_list", cty.ListVal([]cty.Value{cty.StringVal(p.Audience)}))
	if len(tags) > 0 {
		b.SetAttributeRaw("tags", tagTokens(tags))
	}
	w.keep(b)
}

// reference returns an attribute of a resource, or of the data source if it exists.
func reference(exists bool, kind, label, attribute string) hcl.Traversal {
	if exists {
		return traversal("data", kind, label, attribute)
	}
	return traversal(kind, label, attribute)
}

func (w fileWriter) roleReference(r desired.Role, attribute string) hcl.Traversal {
	return reference(w.existing.Roles, roleType, label(r.ARN.BaseName()), attribute)
}

func providerLabel(p desired.Provider) string {
	if p.Cluster.Name == "" || p.Cluster.Region == "" {
		return label(p.Cluster.OIDC.HostPath)
	}
	return label(p.Cluster.Name, p.Cluster.Region)
}

func (w fileWriter) role(r desired.Role) {
	w.body.AppendNewline()
	if w.existing.Roles {
		w.found(roleType, label(r.ARN.BaseName()), "name", r.ARN.BaseName())
		return
	}
	b := w.resource(roleType, label(r.ARN.BaseName()))
	b.SetAttributeValue("name", cty.StringVal(r.ARN.BaseName()))
	b.SetAttributeValue("path", cty.StringVal(r.ARN.Path()))
	b.SetAttributeRaw("assume_role_policy", w.policyTokens(r.TrustPolicy))
	if !r.Boundary.IsZero() {
		b.SetAttributeValue("permissions_boundary", cty.StringVal(r.Boundary.String()))
	}
	if r.MaxSessionDuration != 0 {
		b.SetAttributeValue("max_session_duration", cty.NumberIntVal(int64(r.MaxSessionDuration)))
	}
	b.SetAttributeRaw("tags", tagTokens(r.Tags))
	w.keep(b)
}

func (w fileWriter) rolePolicy(r desired.Role, p desired.Policy) {
	w.body.AppendNewline()
	b := w.resource(rolePolicyType, label(p.Component))
	b.SetAttributeValue("name", cty.StringVal(p.Name))
	b.SetAttributeTraversal("role", w.roleReference(r, "name"))
	b.SetAttributeRaw("policy", w.policyTokens(p.Document))
}

// attachments writes the managed policies of a role as one resource.
func (w fileWriter) attachments(r desired.Role) {
	if len(r.ManagedPolicies) == 0 {
		return
	}
	var policies []hclwrite.Tokens
	for _, policy := range r.ManagedPolicies {
		policies = append(policies, stringTokens(policy.String()))
	}
	w.body.AppendNewline()
	b := w.resource(attachmentType, label(r.ARN.BaseName()))
	b.SetAttributeRaw("for_each", hclwrite.TokensForFunctionCall("toset", lines(policies)))
	b.SetAttributeTraversal("role", w.roleReference(r, "name"))
	b.SetAttributeTraversal("policy_arn", traversal("each", "value"))
}

// associations writes all associations of a service account in one cluster as one resource,
// because there may be thousands of them. Session policies that differ are values of for_each.
func (w fileWriter) associations(r desired.Role, list []desired.Association) {
	a := list[0]
	each, own := namespaceTokens(list), slices.ContainsFunc(list, func(other desired.Association) bool { return other.Policy != a.Policy })
	if own {
		each = w.sessionTokens(list)
	}
	w.body.AppendNewline()
	b := w.resource(associationType, label(append([]string{a.Component, a.ClusterName, a.Region}, export.AccountOf(r, a)...)...))
	b.SetAttributeRaw("for_each", each)
	b.SetAttributeValue("region", cty.StringVal(a.Region))
	b.SetAttributeValue("cluster_name", cty.StringVal(a.ClusterName))
	key := "value"
	if own {
		key = "key"
	}
	b.SetAttributeTraversal("namespace", traversal("each", key))
	b.SetAttributeValue("service_account", cty.StringVal(a.ServiceAccount))
	b.SetAttributeTraversal("role_arn", w.roleReference(r, "arn"))
	if a.DisableSessionTags {
		b.SetAttributeValue("disable_session_tags", cty.True)
	}
	if a.TargetRoleARN != "" {
		b.SetAttributeValue("target_role_arn", cty.StringVal(a.TargetRoleARN))
	}
	if own {
		b.SetAttributeTraversal("policy", traversal("each", "value"))
	} else if a.Policy != "" {
		b.SetAttributeValue("policy", cty.StringVal(a.Policy))
	}
	b.SetAttributeRaw("tags", tagTokens(a.Tags))
}

// namespaceTokens returns the set of the associations' namespaces.
func namespaceTokens(list []desired.Association) hclwrite.Tokens {
	namespaces := make([]hclwrite.Tokens, len(list))
	for i, a := range list {
		namespaces[i] = stringTokens(a.Namespace)
	}
	return hclwrite.TokensForFunctionCall("toset", lines(namespaces))
}

// sessionTokens returns the session policies by namespace.
func (w fileWriter) sessionTokens(list []desired.Association) hclwrite.Tokens {
	members := make([]hclwrite.ObjectAttrTokens, len(list))
	for i, a := range list {
		policy := hclwrite.TokensForFunctionCall("jsonencode", w.jsonTokens(json.NewDecoder(strings.NewReader(a.Policy))))
		members[i] = hclwrite.ObjectAttrTokens{Name: stringTokens(a.Namespace), Value: policy}
	}
	return hclwrite.TokensForObject(members)
}

func traversal(root string, attributes ...string) hcl.Traversal {
	t := hcl.Traversal{hcl.TraverseRoot{Name: root}}
	for _, name := range attributes {
		t = append(t, hcl.TraverseAttr{Name: name})
	}
	return t
}

// label returns the label of a resource. If it must replace a character, it adds a hash,
// so that different names stay different.
//
// Source: Terraform language, "Syntax: Identifiers".
func label(parts ...string) string {
	name := "spaces_" + strings.Join(parts, "_")
	replaced := export.ReplaceCharacters(name, "_-", '_')
	if replaced != name {
		replaced += "_" + desired.ShortHash(name)
	}
	return replaced
}

func tagTokens(tags map[string]string) hclwrite.Tokens {
	var members []hclwrite.ObjectAttrTokens
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		members = append(members, hclwrite.ObjectAttrTokens{Name: stringTokens(key), Value: stringTokens(tags[key])})
	}
	return hclwrite.TokensForObject(members)
}

func stringTokens(text string) hclwrite.Tokens { return hclwrite.TokensForValue(cty.StringVal(text)) }

func (w fileWriter) policyTokens(d iam.Document) hclwrite.Tokens {
	return hclwrite.TokensForFunctionCall("jsonencode", w.jsonTokens(json.NewDecoder(bytes.NewReader(d.Compact()))))
}

// textTokens writes a text of a policy. The ARN of an OIDC provider becomes a reference, by
// which Terraform finds the order of creation.
func (w fileWriter) textTokens(text string) hclwrite.Tokens {
	i := slices.IndexFunc(w.providers, func(p desired.Provider) bool { return p.ARN == text })
	if i < 0 {
		return stringTokens(text)
	}
	return hclwrite.TokensForTraversal(reference(w.existing.Providers, providerType, providerLabel(w.providers[i]), "arn"))
}

// jsonTokens writes the next value of a policy as HCL. Keys of the policy language get no
// quotes. Other keys get quotes, because HCL reads a key such as for as a keyword.
func (w fileWriter) jsonTokens(d *json.Decoder) hclwrite.Tokens {
	switch token := next(d); token {
	case json.Delim('{'):
		var members []hclwrite.ObjectAttrTokens
		for d.More() {
			key := next(d).(string)
			name := stringTokens(key)
			if unicode.IsUpper(rune(key[0])) && hclsyntax.ValidIdentifier(key) {
				name = hclwrite.TokensForIdentifier(key)
			}
			members = append(members, hclwrite.ObjectAttrTokens{Name: name, Value: w.jsonTokens(d)})
		}
		next(d)
		return hclwrite.TokensForObject(members)
	case json.Delim('['):
		var items []hclwrite.Tokens
		for d.More() {
			items = append(items, w.jsonTokens(d))
		}
		next(d)
		return lines(items)
	default:
		return w.textTokens(token.(string)) // a policy has no numbers and booleans
	}
}

// next returns the next token of JSON that this program wrote, so it always decodes.
func next(d *json.Decoder) json.Token {
	token, err := d.Token()
	if err != nil {
		panic(err)
	}
	return token
}

// lines writes a list with one item per line, so that a diff shows each changed item.
func lines(items []hclwrite.Tokens) hclwrite.Tokens {
	newline := &hclwrite.Token{Type: hclsyntax.TokenNewline, Bytes: []byte("\n")}
	all := hclwrite.Tokens{{Type: hclsyntax.TokenOBrack, Bytes: []byte("[")}, newline}
	for _, item := range items {
		all = append(append(all, item...), &hclwrite.Token{Type: hclsyntax.TokenComma, Bytes: []byte(",")}, newline)
	}
	return append(all, &hclwrite.Token{Type: hclsyntax.TokenCBrack, Bytes: []byte("]")})
}
