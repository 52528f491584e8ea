package identity

// PodIdentitySettings are the settings that only EKS Pod Identity knows. The
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
	// DisableSessionTags takes the kubernetes-* and eks-* tags off the
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
