package check

import (
	"fmt"
	"slices"
	"strings"

	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/manifest"
)

// annotation is a key and value of a mapping of annotations or labels.
type annotation struct {
	setting
	name     string // of the annotation; dots that were read as steps of a path are joined
	inValues bool   // of the chart
	accounts bool   // the mapping has annotations of service accounts
	labels   bool
	object   *object // nil in values
}

// inValues returns the annotation that a setting is, or nothing.
func (in *input) inValues(s setting) []annotation {
	i := s.metadataMap()
	if i < 0 || s.keys[i+1:][0].item {
		return nil
	}
	a := annotation{setting: s, name: s.last().name, inValues: true, labels: strings.HasSuffix(strings.ToLower(s.keys[i].name), "labels")}
	if joined, _ := s.dotted(); joined != "" {
		a.name = joined
	}
	parent := s.names()[:i+1]
	a.accounts = i > 0 && strings.EqualFold(s.keys[i-1].name, "serviceAccount") && !a.labels ||
		slices.ContainsFunc(in.components, func(c identity.Component) bool {
			return slices.Equal(parent, slices.Concat(c.Values.Component, c.Values.Annotations))
		})
	return []annotation{a}
}

// annotations returns the annotations and labels of an object and of everything in it that
// has metadata, such as a pod template.
func (o *object) annotations() []annotation {
	var all []annotation
	var walk func(n *manifest.Node, path identity.Path)
	walk = func(n *manifest.Node, path identity.Path) {
		const deepest = 32
		if n = n.Resolve(); n == nil || len(path) > deepest {
			return
		}
		for k, value := range n.Fields {
			if k = k.Resolve(); k == nil || k.Kind != manifest.Scalar {
				continue
			}
			if k.Value == "metadata" {
				all = append(all, o.metadata(value, path)...)
			}
			walk(value, path.Field(k.Value))
		}
		for i, item := range n.Items() {
			walk(item, path.Item(i))
		}
	}
	walk(o.node, o.path)
	return all
}

// metadata returns the annotations and labels in the metadata of what is at a path: the
// object, or a template in it. A template whose path names service accounts is of those.
func (o *object) metadata(metadata *manifest.Node, path identity.Path) []annotation {
	var all []annotation
	ofAccount := o.kind == "ServiceAccount" && len(path) == len(o.path) || strings.Contains(strings.ToLower(path.String()), "serviceaccount")
	for _, field := range []string{"annotations", "labels"} {
		part := o.inner
		part.path = path.Field("metadata", field)
		for _, s := range part.flatten(metadata.Field(field)) {
			if len(s.keys) == 1 {
				all = append(all, annotation{setting: s, name: s.keys[0].name, labels: field == "labels", object: o, accounts: field == "annotations" && ofAccount})
			}
		}
	}
	return all
}

// apart reports whether the dots of the name are steps of the path, so that there is no such
// annotation.
func (a annotation) apart() bool { return a.name != a.last().name }

// MisspeltKey finds keys that look like those that EKS reads.
type MisspeltKey struct{}

// About describes the rule.
func (MisspeltKey) About() About {
	return About{"annotation-key", "a key that looks like one that EKS reads, such as eks.amazon.aws/role-arn"}
}

func (MisspeltKey) find(in *input) []Finding {
	var all []Finding
	for _, a := range in.annotations {
		if a.accounts || strings.Contains(a.name, "/") { // role-arn alone may be a label of anybody
			all = append(all, misspelt(a.firstKey(), a.printed(), a.name, func(right string) repair {
				if a.apart() {
					return repair{}
				}
				return a.last().renamed(a.path, right)
			})...)
		}
	}
	for _, v := range in.values { // a key that is not below annotations at all
		for _, s := range v.settings {
			if s.metadataMap() < 0 && strings.Contains(s.last().name, "/") {
				all = append(all, misspelt(s.last().at, s.printed(), s.last().name, func(right string) repair { return s.last().renamed(s.path, right) })...)
			}
		}
	}
	for _, w := range in.words {
		if w.isMisspelt() {
			all = append(all, misspelt(w.at, "", w.text, func(string) repair { return repair{} })...)
		}
	}
	return all
}

// misspelt returns a finding if a name looks like a key of EKS and is none.
func misspelt(at place, path, name string, corrected func(right string) repair) []Finding {
	right := identity.Misspelt(name)
	if right == "" {
		return nil
	}
	return []Finding{finding(at, path, fmt.Sprintf("%q is not a key that EKS reads, and nothing else reports it", name), "write "+right).with(corrected(right))}
}

// firstKey returns the place of the annotation's name, or of its first part.
func (a annotation) firstKey() place {
	if _, first := a.dotted(); a.apart() {
		return a.keys[first].at
	}
	return a.last().at
}

// MisplacedKey finds keys of EKS where EKS does not read them.
type MisplacedKey struct{}

// About describes the rule.
func (MisplacedKey) About() About {
	return About{"annotation-place", "an annotation of EKS on a pod, as a label, or beside the annotations, where EKS does not read it"}
}

// podKinds are kinds whose objects EKS never reads annotations of service accounts from.
var podKinds = []string{"Pod", "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob", "Rollout", "Namespace"}

func (MisplacedKey) find(in *input) []Finding {
	var all []Finding
	for _, a := range in.annotations {
		if !isAccountKey(a.name) || a.accounts || a.name == identity.ExpirationAnnotation && !a.labels {
			continue
		}
		if a.object != nil && !a.labels && !slices.Contains(podKinds, a.object.kind) {
			continue
		}
		all = append(all, finding(a.last().at, a.printed(), a.name+" has no effect here: EKS reads it from the annotations of the ServiceAccount", "move it to "+in.rightPlace(a.setting, a.object)))
	}
	for _, v := range in.values {
		for _, s := range v.settings {
			if name := s.joinedWebhookKey(); name != "" && s.metadataMap() < 0 {
				all = append(all, finding(s.last().at, s.printed(), name+" has no effect here: it is not below the annotations", "move it to "+in.rightPlace(s, nil)))
			}
		}
	}
	return all
}

// joinedWebhookKey returns the key of EKS that the last keys of a setting are, or nothing.
func (s setting) joinedWebhookKey() string {
	names := s.names()
	for i := max(0, len(names)-3); i < len(names); i++ {
		if joined := strings.Join(names[i:], "."); isAccountKey(joined) {
			return joined
		}
	}
	return ""
}

// isAccountKey reports whether EKS reads the key from service accounts.
func isAccountKey(key string) bool {
	return key == identity.RoleAnnotation || key == identity.AudienceAnnotation || key == identity.ExpirationAnnotation || key == "eks.amazonaws.com/sts-regional-endpoints"
}

// rightPlace returns where the annotation of a setting belongs.
func (in *input) rightPlace(s setting, o *object) string {
	if o != nil {
		return "metadata.annotations of the ServiceAccount"
	}
	names := s.names()
	for _, c := range in.components {
		if own := c.Values.Component; len(own) > 0 && len(names) > len(own) && slices.Equal(names[:len(own)], own) {
			return strings.Join(slices.Concat(own, c.Values.Annotations), ".")
		}
	}
	return "the annotations of the component's serviceAccount"
}

// BadRole finds role annotations that are not the ARN of a role.
type BadRole struct{}

// About describes the rule.
func (BadRole) About() About {
	return About{"role-arn", "a role annotation that is not the ARN of an IAM role"}
}

func (BadRole) find(in *input) []Finding {
	var all []Finding
	for _, a := range in.annotations {
		if a.name != identity.RoleAnnotation || !a.accounts || a.apart() || a.kind != textValue && a.kind != numberValue && a.kind != boolValue || placeholder(a.text) || identity.CheckSpace(a.text) != nil {
			continue
		}
		if _, err := identity.ParseRoleARN(a.text); err != nil {
			fix := identity.HintOf(err)
			if fix == "" {
				fix = "write the ARN that `aws iam get-role` prints"
			}
			all = append(all, finding(a.at, a.printed(), err.Error()+"; EKS only logs a warning about it", fix))
		}
	}
	return all
}

// BadWebhookValue finds values of the other annotations of EKS that EKS cannot use.
type BadWebhookValue struct{}

// About describes the rule.
func (BadWebhookValue) About() About {
	return About{"annotation-value", "an annotation of EKS with a value that it cannot use, such as another audience than sts.amazonaws.com"}
}

func (BadWebhookValue) find(in *input) []Finding {
	var all []Finding
	for _, a := range in.annotations {
		if !a.accounts || !isAccountKey(a.name) || a.apart() || a.name == identity.RoleAnnotation || placeholder(a.text) || identity.CheckSpace(a.text) != nil {
			continue
		}
		if err := identity.ValidateAnnotation(a.name, a.text); err != nil {
			all = append(all, finding(a.at, a.printed(), err.Error(), identity.HintOf(err)))
		}
	}
	return all
}

// NotAString finds annotations and labels whose values are not strings.
type NotAString struct{}

// About describes the rule.
func (NotAString) About() About {
	return About{"string-value", "a boolean or number as the value of a label or annotation, which must be a string"}
}

func (NotAString) find(in *input) []Finding {
	var all []Finding
	for _, a := range in.annotations {
		if a.kind != boolValue && a.kind != numberValue || a.apart() {
			continue
		}
		what := map[valueKind]string{boolValue: "a boolean", numberValue: "a number"}[a.kind]
		problem := fmt.Sprintf("the value of %s is %s, and Kubernetes accepts only strings here", a.name, what)
		switch {
		case a.syntax:
			all = append(all, finding(a.at, a.printed(), problem, "use helm --set-string for it"))
		default:
			all = append(all, finding(a.at, a.printed(), problem, fmt.Sprintf("write %q, in quotes", a.text)).with(a.at.setTo(a.path, a.text)))
		}
	}
	return all
}
