package identity

import "strings"

// Component is a workload that runs in every control plane's host namespace
// under a service account of a fixed name.
type Component struct {
	Name             string
	ServiceAccount   string
	Values           ValuesPaths
	Mode             Mode
	Role             RoleARN
	Bucket           string // S3 bucket name
	Prefix           string // limits the permissions to Prefix and Prefix/*
	KMSKey           KMSKeyARN
	ExtraAnnotations map[string]string // of the ServiceAccount, besides the role's
	PodLabels        map[string]string
	PodIdentity      PodIdentitySettings
	Settings         []Setting // other values of the chart that a workload identity needs
}

// Setting is a value of the Spaces chart.
type Setting struct {
	Path  []string
	Value string
}

// ValuesPaths says where the Spaces chart takes a component's settings, each path
// a list of mapping keys. Annotations and PodLabels start below Component.
type ValuesPaths struct {
	Component   []string // such as controlPlanes, mxpController
	Annotations []string // such as serviceAccount, annotations
	PodLabels   []string // such as pod, customLabels; empty if the chart has none
}

// or takes each path that is not set from the other.
func (v ValuesPaths) or(other ValuesPaths) ValuesPaths {
	if len(v.Component) == 0 {
		v.Component = other.Component
	}
	if len(v.Annotations) == 0 {
		v.Annotations = other.Annotations
	}
	if len(v.PodLabels) == 0 {
		v.PodLabels = other.PodLabels
	}
	return v
}

// Mode is the mechanism by which a pod gets the role's credentials.
type Mode string

const (
	// IRSA is IAM Roles for Service Accounts: an annotation on the
	// ServiceAccount and an OIDC provider in IAM.
	IRSA Mode = "irsa"
	// PodIdentity is EKS Pod Identity: an association per namespace and
	// service account.
	PodIdentity Mode = "pod-identity"
	// Both serves a migration from one to the other. If both are in force,
	// EKS uses the association.
	Both Mode = "both"
)

// Modes returns the modes that a config can name.
func Modes() []Mode { return []Mode{IRSA, PodIdentity, Both} }

// ParseMode reads a mode: irsa, pod-identity or both.
func ParseMode(value string) (Mode, error) { return Mode(value), checkChoice(Mode(value), Modes()) }

// UsesIRSA reports whether ServiceAccounts have the role annotation.
func (m Mode) UsesIRSA() bool { return m == IRSA || m == Both }

// UsesPodIdentity reports whether associations give the role.
func (m Mode) UsesPodIdentity() bool { return m == PodIdentity || m == Both }

// PodIdentitySettings are the settings that only EKS Pod Identity has. The
// zero value asks for nothing beyond a plain association.
//
// Source: the CreatePodIdentityAssociation operation in the Amazon EKS API
// reference.
type PodIdentitySettings struct {
	// Tags are AWS tags of each association.
	Tags map[string]string
	// TargetRole is assumed by way of the component's role and may belong to
	// another account; the pod gets the credentials of the target.
	TargetRole RoleARN
	// DisableSessionTags removes the kubernetes-* and eks-* tags from the
	// sessions. A trust policy that asks for those tags then admits nobody.
	DisableSessionTags bool
	// Policy is a session policy, JSON text, that narrows what the pod may do.
	// EKS takes it only with DisableSessionTags.
	Policy string
	// SourceAccount adds the condition that aws:SourceAccount is the account of
	// the role.
	SourceAccount bool
	// SourceARNs adds the condition that aws:SourceArn is like one of these.
	SourceARNs []string
}

// known are the components of a Space that can act as an AWS role, as the
// published values reference of the Spaces chart names them. To teach the program
// another one, add a row.
var known = []Component{
	{Name: "mxp-controller", ServiceAccount: "mxp-controller",
		Values: paths("controlPlanes.mxpController", "serviceAccount.annotations", "pod.customLabels")},
	{Name: "vector", ServiceAccount: "vector",
		Values:   paths("controlPlanes.vector", "serviceAccount.customAnnotations", "pod.customLabels"),
		Settings: []Setting{{split("billing.storage.secretRef.name"), ""}}}, // or it looks for static keys
	{Name: "external-secrets-controller", ServiceAccount: "external-secrets-controller",
		Values: paths("controlPlanes.sharedSecrets", "serviceAccount.customAnnotations", "pod.customLabels")},
	{Name: "crossplane", ServiceAccount: "crossplane",
		Values: paths("controlPlanes.uxp", "serviceAccount.customAnnotations", "")},
}

// DefaultComponent is the component that a config without components has.
const DefaultComponent = "mxp-controller"

// Known returns the component of that name as the chart describes it, without
// settings of a user.
func Known(name string) (Component, bool) {
	for _, c := range known {
		if c.Name == name {
			return c, true
		}
	}
	return Component{}, false
}

// KnownNames lists the components that the program knows, in the chart's order.
func KnownNames() []string { return componentNames(known) }

func componentNames(components []Component) []string {
	names := make([]string, len(components))
	for i, c := range components {
		names[i] = c.Name
	}
	return names
}

func paths(component, annotations, podLabels string) ValuesPaths {
	return ValuesPaths{split(component), split(annotations), split(podLabels)}
}

func split(path string) []string {
	if path == "" {
		return nil
	}
	return strings.Split(path, ".")
}

func (c Component) withDefaults() Component {
	if c.Mode == "" {
		c.Mode = IRSA
	}
	chart, _ := Known(c.Name)
	if c.ServiceAccount == "" {
		c.ServiceAccount = chart.ServiceAccount
	}
	c.Values = c.Values.or(chart.Values)
	c.Settings = chart.Settings
	return c
}
