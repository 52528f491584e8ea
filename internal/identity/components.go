package identity

import "strings"

// known are the components of a Space that can act as an AWS role, as the
// published values reference of the Spaces chart names them. They are data:
// teaching the program another one is adding a row.
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

// DefaultComponent is the one that flags speak of unless they name another.
const DefaultComponent = "mxp-controller"

// Known returns the component of that name as the chart describes it, without
// settings.
func Known(name string) (Component, bool) {
	for _, c := range known {
		if c.Name == name {
			return c, true
		}
	}
	return Component{}, false
}

// KnownNames lists the components the program knows, in the chart's order.
func KnownNames() []string {
	names := make([]string, len(known))
	for i, c := range known {
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
