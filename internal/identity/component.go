package identity

import (
	"cmp"
	"slices"
	"strings"

	"spaces-identity.dev/internal/iam"
)

// Component is a workload that runs under a service account with a fixed name: in every
// host namespace, or in one namespace.
type Component struct {
	Name             string
	Namespace        string // the only namespace in which it runs; empty for every host namespace
	ServiceAccount   string // name on the host cluster; empty if SyncedFrom gives it
	SyncedFrom       SyncedFrom
	Values           ValuesPaths
	Mode             Mode
	Role             RoleARN
	Bucket           string // S3 bucket name
	Prefix           string // limits the permissions to Prefix and Prefix/*
	KMSKey           KMSKeyARN
	Secrets          []Stored          // that the role may read
	Parameters       []Stored          // that the role may read
	Permissions      iam.Document      // more permissions of the role; without statements if there are none
	ExtraAnnotations map[string]string // of the ServiceAccount, besides the role's
	PodLabels        map[string]string
	PodIdentity      PodIdentitySettings

	PermissionsBoundary PolicyARN   // of roles that the program creates or manages
	MaxSessionDuration  int         // of such roles, in seconds; 0 for AWS's default
	ManagedPolicies     []PolicyARN // attached to the role besides its inline policies

	Settings []Setting // other values of the chart that a workload identity needs
}

// Setting is one value of the Spaces chart.
type Setting struct {
	Path  []string
	Value string
}

// ValuesPaths says where the values of the Spaces chart have a component's settings. Each
// path is a list of mapping keys. Annotations and PodLabels start below Component.
type ValuesPaths struct {
	Component   []string // such as controlPlanes, mxpController
	Annotations []string // such as serviceAccount, annotations
	PodLabels   []string // such as pod, customLabels; empty if the chart has none

	// Beside is a key that is next to the first key of Component in the chart's values. It
	// is set if other charts also have values at Component.
	Beside string
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
	// Both is for a migration from one to the other. If a pod has both, EKS uses the
	// association.
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

// PodIdentitySettings are the settings that only EKS Pod Identity has. The zero value is a
// plain association.
//
// Source: Amazon EKS API reference, CreatePodIdentityAssociation.
type PodIdentitySettings struct {
	// Tags are AWS tags of each association.
	Tags map[string]string
	// TargetRole is a role, perhaps of another account, that EKS assumes with the
	// component's role. The pod gets the credentials of the target role.
	TargetRole RoleARN
	// DisableSessionTags removes the kubernetes-* and eks-* tags from the sessions. The
	// trust policy can then have no condition on a namespace or service account.
	DisableSessionTags bool
	// Policy is a session policy, as JSON, that limits what the pod may do. EKS allows it
	// only with DisableSessionTags, and up to 2,048 characters.
	Policy string
	// SourceAccount adds the condition that aws:SourceAccount is the account of
	// the role.
	SourceAccount bool
	// SourceOrgID adds the condition that aws:SourceOrgID is this organization. Only mode
	// pod-identity allows it.
	SourceOrgID string
	// SourceARNs adds the condition that aws:SourceArn matches one of these patterns.
	SourceARNs []string
	// Scope limits each association. ControlPlaneScope sets DisableSessionTags.
	Scope Scope
	// ReadFrom gives read access to backups of other control planes.
	ReadFrom []ReadAccess
}

// knownComponents are the components of a Space that can act as an AWS role. To add
// another one, add a row.
//
// Source: values reference of the Spaces chart. For spaces-controller also Upbound's page
// "Space Backups Workload ID".
var knownComponents = []Component{
	{Name: "mxp-controller", ServiceAccount: "mxp-controller",
		Values: valuesPaths("controlPlanes.mxpController", "serviceAccount.annotations", "pod.customLabels")},
	{Name: "vector", ServiceAccount: "vector",
		Values:   valuesPaths("controlPlanes.vector", "serviceAccount.customAnnotations", "pod.customLabels"),
		Settings: []Setting{{splitPath("billing.storage.secretRef.name"), ""}}}, // without it, vector looks for static keys
	{Name: "external-secrets-controller", ServiceAccount: "external-secrets-controller",
		Values: valuesPaths("controlPlanes.sharedSecrets", "serviceAccount.customAnnotations", "pod.customLabels")},
	{Name: "crossplane", SyncedFrom: SyncedFrom{ServiceAccount: "crossplane", Candidates: crossplaneNamespaces},
		Values: valuesPaths("controlPlanes.uxp", "serviceAccount.customAnnotations", "")},
	{Name: SpaceController, Namespace: "upbound-system", ServiceAccount: SpaceController,
		Values: ValuesPaths{Component: splitPath("controller"), Annotations: splitPath("serviceAccount.annotations"), Beside: "controlPlanes"}},
}

// SpaceController is the component that backs up and restores the whole Space.
const SpaceController = "spaces-controller"

// DefaultComponent is the component that a config without components has.
const DefaultComponent = "mxp-controller"

// Known returns the component of that name with the chart's defaults, without settings of
// a user.
func Known(name string) (Component, bool) { return byName(knownComponents, name) }

func byName(components []Component, name string) (Component, bool) {
	i := slices.IndexFunc(components, func(c Component) bool { return c.Name == name })
	if i < 0 {
		return Component{}, false
	}
	return components[i], true
}

// KnownNames lists the components that the program knows, in the chart's order.
func KnownNames() []string { return ComponentNames(knownComponents) }

// ComponentNames returns the names of components, in their order.
func ComponentNames(components []Component) []string {
	names := make([]string, len(components))
	for i, c := range components {
		names[i] = c.Name
	}
	return names
}

func valuesPaths(component, annotations, podLabels string) ValuesPaths {
	return ValuesPaths{Component: splitPath(component), Annotations: splitPath(annotations), PodLabels: splitPath(podLabels)}
}

func splitPath(path string) []string {
	if path == "" {
		return nil
	}
	return strings.Split(path, ".")
}

func (c Component) withDefaults() Component {
	chart, _ := Known(c.Name)
	c.Mode = cmp.Or(c.Mode, IRSA)
	c.Namespace = cmp.Or(c.Namespace, chart.Namespace)
	c.ServiceAccount, c.SyncedFrom = c.accountDefaults(chart)
	if len(c.Values.Component) == 0 {
		c.Values.Beside = chart.Values.Beside
	}
	c.Values.Component = keysOr(c.Values.Component, chart.Values.Component)
	c.Values.Annotations = keysOr(c.Values.Annotations, chart.Values.Annotations)
	c.Values.PodLabels = keysOr(c.Values.PodLabels, chart.Values.PodLabels)
	c.Settings = chart.Settings
	c.PodIdentity.DisableSessionTags = c.PodIdentity.DisableSessionTags || c.PodIdentity.Scope == ControlPlaneScope
	return c
}

func keysOr(keys, otherwise []string) []string {
	if len(keys) == 0 {
		return otherwise
	}
	return keys
}
