package export

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
)

// The limits of CloudFormation: resources in a template, and bytes of a template that is
// uploaded to S3.
//
// Source: AWS CloudFormation User Guide, "CloudFormation quotas".
const (
	mostResources = 500
	mostBytes     = 1 << 20
)

// dynamicReference begins a text that CloudFormation replaces by a value that it reads
// elsewhere. There is no way to escape it.
//
// Source: AWS CloudFormation User Guide, "Get values stored in other services using dynamic
// references".
const dynamicReference = "{{resolve:"

// template is a CloudFormation template. Maps are written sorted by key.
type template struct {
	Version     string                 `yaml:"AWSTemplateFormatVersion"`
	Description string                 `yaml:"Description"`
	Conditions  map[string]any         `yaml:"Conditions,omitempty"`
	Resources   map[string]cfnResource `yaml:"Resources"`
}

type cfnResource struct {
	Type                string `yaml:"Type"`
	Condition           string `yaml:"Condition,omitempty"`
	DeletionPolicy      string `yaml:"DeletionPolicy,omitempty"`
	UpdateReplacePolicy string `yaml:"UpdateReplacePolicy,omitempty"`
	Properties          any    `yaml:"Properties"`
}

type cfnTag struct {
	Key   string `yaml:"Key"`
	Value string `yaml:"Value"`
}

type cfnProvider struct {
	URL          string   `yaml:"Url"`
	ClientIDList []string `yaml:"ClientIdList"`
	Tags         []cfnTag `yaml:"Tags,omitempty"`
}

type cfnRole struct {
	RoleName                 string     `yaml:"RoleName"`
	Path                     string     `yaml:"Path"`
	AssumeRolePolicyDocument *yaml.Node `yaml:"AssumeRolePolicyDocument"`
	ManagedPolicyARNs        []string   `yaml:"ManagedPolicyArns,omitempty"`
	PermissionsBoundary      string     `yaml:"PermissionsBoundary,omitempty"`
	MaxSessionDuration       int        `yaml:"MaxSessionDuration,omitempty"` // seconds
	Tags                     []cfnTag   `yaml:"Tags"`
}

type cfnPolicy struct {
	RoleName       any        `yaml:"RoleName"`
	PolicyName     string     `yaml:"PolicyName"`
	PolicyDocument *yaml.Node `yaml:"PolicyDocument"`
}

type cfnAssociation struct {
	ClusterName        string   `yaml:"ClusterName"`
	Namespace          string   `yaml:"Namespace"`
	ServiceAccount     string   `yaml:"ServiceAccount"`
	RoleARN            any      `yaml:"RoleArn"`
	TargetRoleARN      string   `yaml:"TargetRoleArn,omitempty"`
	DisableSessionTags bool     `yaml:"DisableSessionTags,omitempty"`
	Policy             string   `yaml:"Policy,omitempty"` // JSON
	Tags               []cfnTag `yaml:"Tags"`
}

// cfnWriter adds resources to a template.
type cfnWriter struct {
	Grant
	regions   []string          // of the associations, the first being the one with the IAM resources
	providers map[string]string // logical IDs of the providers in the template, by ARN
	template
}

// writeCloudFormation writes one template as YAML. A stack is in one region. If the clusters
// are in several, the template is for a stack in each. The resources of IAM, which has no
// regions, are in the stack of the first cluster's region.
func writeCloudFormation(g Grant) ([]byte, error) {
	w := cfnWriter{Grant: g, regions: regionsOf(g), providers: map[string]string{},
		template: template{"2010-09-09", Title(g.Roles), nil, map[string]cfnResource{}}}
	w.addConditions()
	if !g.Existing.Providers {
		w.addProviders()
	}
	for _, r := range g.Roles {
		if err := w.addRole(r); err != nil {
			return nil, err
		}
		for _, a := range r.Associations {
			w.addAssociation(r, a)
		}
	}
	if len(w.Description) > 1024 { // the limit of CloudFormation, in bytes
		w.Description = "The AWS identity of several components, written by spaces-identity."
	}
	return w.encode()
}

// encode returns the template with its comments, or an error if CloudFormation would not
// take it, or would not take it literally.
func (w cfnWriter) encode() ([]byte, error) {
	hint := "use another form, such as terraform, or export one component"
	switch n := len(w.Resources); {
	case n == 0:
		return nil, fmt.Errorf("there is nothing to write: the roles and the OIDC providers exist, and the config has no policies and no associations")
	case n > mostResources:
		return nil, identity.WithHint(hint, "the template would have %d resources, but CloudFormation allows %d", n, mostResources)
	}
	text := slices.Concat(comments(append(w.Header(), w.usage()...)), encodeYAML(w.template))
	switch {
	case len(text) > mostBytes:
		return nil, identity.WithHint(hint, "the template would have %d bytes, but CloudFormation allows %d", len(text), mostBytes)
	case strings.Contains(string(text), dynamicReference):
		return nil, identity.WithHint("change the text, or use another form", "the config contains %q, which CloudFormation would replace by a value that it reads elsewhere", dynamicReference)
	}
	return text, nil
}

// usage returns the comments that say how to deploy the template.
func (w cfnWriter) usage() []string {
	lines := []string{"Deploy it with --capabilities CAPABILITY_NAMED_IAM."}
	switch len(w.regions) {
	case 0:
	case 1:
		lines[0] = "Deploy it in " + w.regions[0] + " with --capabilities CAPABILITY_NAMED_IAM."
	default:
		lines = append(lines, "Create one stack of it in each of these regions, in this order: "+strings.Join(w.regions, ", ")+".",
			"The first has everything but the associations of the others.")
	}
	return lines
}

// regionsOf returns the regions that need a stack: that of the first cluster, then those of
// the other associations in their order. It returns none if there are no associations.
func regionsOf(g Grant) []string {
	var all []string
	for _, r := range g.Roles {
		for _, a := range r.Associations {
			if a.Region != g.Region && !slices.Contains(all, a.Region) {
				all = append(all, a.Region)
			}
		}
	}
	if len(all) == 0 && !slices.ContainsFunc(g.Roles, func(r desired.Role) bool { return len(r.Associations) > 0 }) {
		return nil
	}
	return append([]string{g.Region}, all...)
}

// addConditions adds a condition for each region if there are several.
func (w *cfnWriter) addConditions() {
	if len(w.regions) < 2 {
		return
	}
	w.Conditions = map[string]any{}
	for _, region := range w.regions {
		w.Conditions[regionCondition(region)] = map[string]any{"Fn::Equals": []any{map[string]string{"Ref": "AWS::Region"}, region}}
	}
}

func regionCondition(region string) string { return logicalID("In", region) }

// in returns the condition of a resource in a region, or nothing if there is one region.
func (w cfnWriter) in(region string) string {
	if len(w.regions) < 2 {
		return ""
	}
	return regionCondition(region)
}

// addKept adds a resource that stays in AWS when it leaves the stack, because others may
// depend on it.
func (w cfnWriter) addKept(id, kind string, properties any) {
	w.Resources[id] = cfnResource{kind, w.in(w.Region), "Retain", "Retain", properties}
}

func (w cfnWriter) addProviders() {
	for _, p := range desired.ProvidersOf(w.Roles) {
		id := logicalID("Provider", p.Cluster.OIDC.HostPath)
		w.providers[p.ARN] = id
		w.addKept(id, "AWS::IAM::OIDCProvider", cfnProvider{p.URL, []string{p.Audience}, sortedTags[cfnTag](ProviderTags(w.Roles))})
	}
}

func (w cfnWriter) addRole(r desired.Role) error {
	if !w.Existing.Roles {
		role := cfnRole{RoleName: r.ARN.BaseName(), Path: r.ARN.Path(), AssumeRolePolicyDocument: w.policyNode(r.TrustPolicy),
			PermissionsBoundary: r.Boundary.String(), MaxSessionDuration: r.MaxSessionDuration, Tags: sortedTags[cfnTag](r.Tags)}
		for _, policy := range r.ManagedPolicies {
			role.ManagedPolicyARNs = append(role.ManagedPolicyARNs, policy.String())
		}
		w.addKept(roleID(r), "AWS::IAM::Role", role)
	} else if len(r.ManagedPolicies) > 0 {
		return identity.WithHint("attach them by other means and remove managedPolicies, or use another form",
			"the managed policies of the role %s cannot be attached: CloudFormation has no resource that attaches one to an existing role", r.ARN)
	}
	for _, p := range r.Policies {
		w.Resources[logicalID("Policy", p.Component)] = cfnResource{Type: "AWS::IAM::RolePolicy", Condition: w.in(w.Region),
			Properties: cfnPolicy{w.roleName(r), p.Name, w.policyNode(p.Document)}}
	}
	return nil
}

func roleID(r desired.Role) string { return logicalID("Role", r.ARN.BaseName()) }

func (w cfnWriter) roleName(r desired.Role) any {
	if w.Existing.Roles {
		return r.ARN.BaseName()
	}
	return map[string]string{"Ref": roleID(r)}
}

// addAssociation adds an association. It refers to the role if both are in one stack, and
// names the role otherwise.
func (w cfnWriter) addAssociation(r desired.Role, a desired.Association) {
	var role any = map[string][]string{"Fn::GetAtt": {roleID(r), "Arn"}}
	if w.Existing.Roles || a.Region != w.Region {
		role = a.RoleARN
	}
	w.Resources[logicalID("Association", associationParts(r, a)...)] = cfnResource{Type: "AWS::EKS::PodIdentityAssociation", Condition: w.in(a.Region),
		Properties: cfnAssociation{a.ClusterName, a.Namespace, a.ServiceAccount, role, a.TargetRoleARN, a.DisableSessionTags, a.Policy, sortedTags[cfnTag](a.Tags)}}
}

// policyNode returns a policy as YAML. The ARN of a provider in the template becomes a
// reference.
func (w cfnWriter) policyNode(d iam.Document) *yaml.Node {
	var document yaml.Node
	if err := yaml.Unmarshal(d.JSON(), &document); err != nil {
		panic(err) // JSON of this program
	}
	w.plain(document.Content[0])
	return document.Content[0]
}

// plain writes a node without the quotes and braces of JSON, and puts in the references.
func (w cfnWriter) plain(n *yaml.Node) {
	switch n.Style = 0; n.Kind {
	case yaml.ScalarNode:
		if n.ShortTag() != "!!str" {
			return
		}
		if id, found := w.providers[n.Value]; found {
			if err := n.Encode(map[string][]string{"Fn::GetAtt": {id, "Arn"}}); err != nil {
				panic(err) // strings can be encoded
			}
			return
		}
		setText(n, n.Value)
	default:
		for _, child := range n.Content {
			w.plain(child)
		}
	}
}

// logicalID returns the logical ID of a resource. It must consist of letters and digits, so
// a hash keeps different names different.
//
// Source: AWS CloudFormation User Guide, "CloudFormation template Resources syntax".
func logicalID(kind string, parts ...string) string {
	const longest = 255
	var b strings.Builder
	b.WriteString(kind)
	for word := range strings.FieldsSeq(ReplaceCharacters(strings.Join(parts, " "), "", ' ')) {
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return b.String()[:min(b.Len(), longest-8)] + desired.ShortHash(strings.Join(parts, "\n"))
}
