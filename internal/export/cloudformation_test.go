package export_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/export"
	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
)

// cfnResource is a resource of a template.
type cfnResource struct {
	Type, Condition     string
	DeletionPolicy      string
	UpdateReplacePolicy string
	Properties          map[string]any
}

// cfnStack evaluates a template as CloudFormation does for a stack in one region. A value may
// only refer to a resource of the same stack.
type cfnStack struct {
	t         *testing.T
	resources map[string]cfnResource
}

// inTemplate returns the template, and the regions that its comments name.
func inTemplate(t *testing.T, text []byte) (resources map[string]cfnResource, conditions map[string]string, regions []string) {
	t.Helper()
	var template struct {
		AWSTemplateFormatVersion, Description string
		Conditions                            map[string]struct {
			Equals []any `yaml:"Fn::Equals"`
		}
		Resources map[string]struct {
			Type                string
			Condition           string
			DeletionPolicy      string         `yaml:"DeletionPolicy"`
			UpdateReplacePolicy string         `yaml:"UpdateReplacePolicy"`
			Properties          map[string]any `yaml:"Properties"`
		}
	}
	raw := map[string]any{}
	if err := yaml.Unmarshal(text, &raw); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	encoded, err := json.Marshal(raw) // field names of JSON are compared without case
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(strings.ReplaceAll(string(encoded), `"Fn::Equals"`, `"Equals"`)), &template); err != nil {
		t.Fatal(err)
	}
	resources, conditions = map[string]cfnResource{}, map[string]string{}
	for id, r := range template.Resources {
		if !regexp.MustCompile(`^[A-Za-z0-9]{1,255}$`).MatchString(id) {
			t.Errorf("%s is no logical ID", id)
		}
		resources[id] = cfnResource(r)
	}
	for name, c := range template.Conditions {
		if fmt.Sprint(c.Equals[0]) != "map[Ref:AWS::Region]" {
			t.Errorf("condition %s compares %v", name, c.Equals)
		}
		conditions[name] = c.Equals[1].(string)
	}
	for _, line := range regexp.MustCompile(`(?m)^# (?:Deploy it in (\S+) with|Create one stack .*: (.*)\.$)`).FindAllStringSubmatch(string(text), -1) {
		regions = strings.Split(line[1]+line[2], ", ")
	}
	if regions == nil {
		regions = []string{""}
	}
	return resources, conditions, regions
}

// readCloudFormation creates a stack in each region that the comments name.
func readCloudFormation(t *testing.T, text []byte) account {
	t.Helper()
	resources, conditions, regions := inTemplate(t, text)
	a := newAccount()
	created := map[string]bool{}
	for _, region := range regions {
		stack := cfnStack{t, map[string]cfnResource{}}
		for id, r := range resources {
			if r.Condition == "" || conditions[r.Condition] == region {
				if created[id] {
					t.Errorf("two stacks have %s", id)
				}
				created[id] = true
				stack.resources[id] = r
			}
		}
		for id := range stack.resources {
			stack.create(&a, id, region)
		}
	}
	for id := range resources {
		if !created[id] {
			t.Errorf("no stack has %s", id)
		}
	}
	slices.Sort(a.Attached)
	slices.SortFunc(a.Associations, func(x, y desired.Association) int { // as the desired state has them
		return cmp.Or(strings.Compare(x.ClusterName, y.ClusterName), strings.Compare(x.Region, y.Region),
			strings.Compare(x.Namespace, y.Namespace), strings.Compare(x.ServiceAccount, y.ServiceAccount))
	})
	return a
}

func (s cfnStack) create(a *account, id, region string) {
	s.t.Helper()
	r := s.resources[id]
	text := func(name string) string {
		value, given := r.Properties[name]
		if !given {
			return ""
		}
		return fmt.Sprint(s.value(value))
	}
	if keeps := r.DeletionPolicy == "Retain" && r.UpdateReplacePolicy == "Retain"; keeps != (r.Type == "AWS::IAM::OIDCProvider" || r.Type == "AWS::IAM::Role") {
		s.t.Errorf("%s %s: DeletionPolicy %q, UpdateReplacePolicy %q", r.Type, id, r.DeletionPolicy, r.UpdateReplacePolicy)
	}
	switch r.Type {
	case "AWS::IAM::OIDCProvider":
		a.Providers[s.arn(id)] = provider{text("Url"), r.Properties["ClientIdList"].([]any)[0].(string), s.tags(r)}
	case "AWS::IAM::Role":
		a.Roles[s.arn(id)] = role{s.policy(r.Properties["AssumeRolePolicyDocument"]), s.tags(r), text("PermissionsBoundary"), text("MaxSessionDuration")}
		managed, _ := r.Properties["ManagedPolicyArns"].([]any)
		for _, arn := range managed {
			a.Attached = append(a.Attached, text("RoleName")+" "+arn.(string))
		}
	case "AWS::IAM::RolePolicy":
		a.Policies[text("RoleName")+" "+text("PolicyName")] = s.policy(r.Properties["PolicyDocument"])
	case "AWS::EKS::PodIdentityAssociation":
		a.Associations = append(a.Associations, desired.Association{Region: region, ClusterName: text("ClusterName"), Namespace: text("Namespace"),
			ServiceAccount: text("ServiceAccount"), RoleARN: text("RoleArn"), Tags: s.tags(r), DisableSessionTags: text("DisableSessionTags") == "true",
			TargetRoleARN: text("TargetRoleArn"), Policy: text("Policy")})
	default:
		s.t.Errorf("%s has the type %s", id, r.Type)
	}
}

// value evaluates Ref and Fn::GetAtt.
func (s cfnStack) value(v any) any {
	s.t.Helper()
	switch v := v.(type) {
	case map[string]any:
		if id, ok := v["Ref"].(string); ok && len(v) == 1 {
			return s.found(id).Properties["RoleName"]
		}
		if path, ok := v["Fn::GetAtt"].([]any); ok && len(v) == 1 && path[1] == "Arn" {
			return s.arn(path[0].(string))
		}
		out := map[string]any{}
		for key, item := range v {
			out[key] = s.value(item)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = s.value(item)
		}
		return out
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return v
}

func (s cfnStack) found(id string) cfnResource {
	s.t.Helper()
	r, ok := s.resources[id]
	if !ok {
		s.t.Fatalf("the stack has no %s", id)
	}
	return r
}

// arn returns the ARN of a role or provider.
func (s cfnStack) arn(id string) string {
	s.t.Helper()
	p := s.found(id).Properties
	if url, ok := p["Url"].(string); ok {
		return "arn:aws:iam::123456789012:oidc-provider/" + strings.TrimPrefix(url, "https://")
	}
	return fmt.Sprintf("arn:aws:iam::123456789012:role%s%s", p["Path"], p["RoleName"])
}

func (s cfnStack) policy(v any) iam.Document {
	s.t.Helper()
	text, err := json.Marshal(s.value(v))
	if err != nil {
		s.t.Fatal(err)
	}
	return parsePolicy(s.t, string(text))
}

func (s cfnStack) tags(r cfnResource) map[string]string {
	all := map[string]string{}
	list, _ := r.Properties["Tags"].([]any)
	for _, tag := range list {
		pair := tag.(map[string]any)
		all[pair["Key"].(string)] = pair["Value"].(string)
	}
	return all
}

// TestCloudFormationPartsReferToEachOther counts what names another part of the template by
// its ARN or name although a reference is possible.
func TestCloudFormationPartsReferToEachOther(t *testing.T) {
	settings := manyComponents()
	settings.AdditionalClusters = nil
	out, err := export.Render(formOf(t, "cloudformation"), stateOf(t, settings), export.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, literal := range []string{"arn:aws:iam::123456789012:oidc-provider/", "arn:aws:iam::123456789012:role/"} {
		if strings.Contains(string(out), literal) {
			t.Errorf("the template names %s… instead of referring to it:\n%s", literal, out)
		}
	}
	if n := strings.Count(string(out), "AWS::IAM::OIDCProvider"); n != 1 {
		t.Errorf("%d OIDC providers for two components, want 1", n)
	}
}

func TestCloudFormationRefusesWhatItCannotSay(t *testing.T) {
	reference := oneComponent()
	reference.Components[0].Prefix = "{{resolve:ssm:x}}"
	large := oneComponent()
	large.Components[0].Mode = identity.PodIdentity
	for i := range 500 {
		large.ControlPlanes.Namespaces = append(large.ControlPlanes.Namespaces, "team-"+strconv.Itoa(i))
	}
	large.ControlPlanes.Match = "team-*" // keeps the trust policy short
	managed := companySettings()
	for want, tt := range map[string]struct {
		settings identity.Settings
		existing export.Existing
	}{
		`contains "{{resolve:"`:                                        {reference, export.Existing{}},
		"CloudFormation allows 500":                                    {large, export.Existing{}},
		"managed policies of the role arn:aws:iam::123456789012:role/": {managed, export.Existing{Roles: true}},
	} {
		_, err := export.Render(formOf(t, "cloudformation"), stateOf(t, tt.settings), export.Options{Existing: tt.existing})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
