package live

import (
	"context"
	"fmt"

	"spaces-identity.dev/internal/account"
	"spaces-identity.dev/internal/config"
	"spaces-identity.dev/internal/exit"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/space"
)

// connectHost connects to the cluster of the kubeconfig, and compares it with the EKS cluster.
// If there is none, or it is another one, init goes on without it as far as flags allow.
func (i *initial) connectHost(ctx context.Context) error {
	i.host, i.hostErr = connect(i.Env, i.op.Cluster)
	if i.hostErr == nil {
		i.hostErr = sameCluster(ctx, i.host, i.Spec.Cluster, i.Note)
	}
	return context.Cause(ctx)
}

// chooseMode takes the mode that the flag names, or else suggests one that the cluster can do.
func (i *initial) chooseMode(ctx context.Context) (err error) {
	if i.op.Settings.Given("mode", i.Getenv) {
		i.ModeWhy = "--mode or SPACES_IDENTITY_MODE names it"
	} else {
		i.Component.Mode, i.ModeWhy = i.suggestMode(ctx)
		if i.Terminal(i.In) {
			suggested := i.Component.Mode
			i.Say("Suggested mode: %s, because %s.\n", suggested, i.ModeWhy)
			i.Component.Mode, err = asked(ctx, i, "How pods get the role: "+identity.OneOf(config.Choices("mode")), string(suggested), identity.ParseMode)
			if i.Component.Mode != suggested {
				i.ModeWhy = "you named it"
			}
		}
	}
	switch {
	case err != nil || i.AgentErr == nil:
		return err
	case i.Component.Mode.UsesPodIdentity():
		return i.AgentErr
	}
	i.Note(fmt.Sprintf("whether the Pod Identity agent runs is not known, and mode irsa does not need it: %v", i.AgentErr))
	return nil
}

// suggestMode returns the mode for which the account and the cluster are ready, and why.
// Both modes work in most clusters. Then it is irsa, because its trust policy can also admit
// control planes that do not exist yet: EKS needs an association for each one.
//
// Source: Amazon EKS User Guide, "Learn how EKS Pod Identity grants pods access to AWS
// services: EKS Pod Identity restrictions".
func (i *initial) suggestMode(ctx context.Context) (identity.Mode, string) {
	switch {
	case i.AgentErr != nil:
		return identity.IRSA, "whether the Pod Identity agent runs is not known"
	case i.Agent == "":
		return identity.IRSA, "the Pod Identity agent does not run in the cluster"
	case i.Agent != account.AgentActive:
		return identity.IRSA, fmt.Sprintf("the Pod Identity agent is %s in the cluster, not %s", i.Agent, account.AgentActive)
	case i.Provider:
		return identity.IRSA, "IAM has the cluster's OIDC provider, and mode irsa also reaches control planes that are created later without an association for each"
	}
	without, err := i.nodesWithoutAgent(ctx)
	switch {
	case err != nil:
		i.Note(fmt.Sprintf("whether the cluster has Fargate or Windows nodes, where EKS Pod Identity does not work, is not known: %v", err))
	case without != "":
		return identity.IRSA, "EKS Pod Identity does not work on " + without + ", which the cluster has"
	}
	return identity.PodIdentity, "the Pod Identity agent runs in the cluster, and IAM does not have the cluster's OIDC provider"
}

// nodesWithoutAgent returns the kind of the nodes on which EKS Pod Identity does not work, or
// nothing if there are none.
func (i *initial) nodesWithoutAgent(ctx context.Context) (kind string, err error) {
	if i.hostErr != nil {
		return "", i.hostErr
	}
	err = space.List(ctx, i.host, space.Nodes, space.Query{MetadataOnly: true}, func(o space.Object) {
		switch {
		case o.Meta.Labels["eks.amazonaws.com/compute-type"] == "fargate":
			kind = "Fargate"
		case o.Meta.Labels["kubernetes.io/os"] == "windows":
			kind = "Windows nodes"
		}
	})
	return kind, err
}

// chooseDelivery chooses the admission policy that the cluster can evaluate.
func (i *initial) chooseDelivery(ctx context.Context) error {
	c := i.Component
	if !c.Mode.UsesIRSA() && len(c.ExtraAnnotations)+len(c.PodLabels) == 0 {
		i.PolicyWhy = "in mode pod-identity an admission policy would set nothing; run apply on a schedule, and then restart"
		return nil
	}
	if i.hostErr != nil {
		if exit.Of(i.hostErr) == exit.BadUsage { // another cluster
			i.Note(fmt.Sprintf("the cluster was not asked for admission policies: %v", i.hostErr))
		}
		i.PolicyWhy = "what the cluster can evaluate is not known; set native from Kubernetes 1.36 on"
		return nil
	}
	native, err := i.host.Serves(ctx, space.AdmissionPolicies)
	if err == nil && native {
		i.Spec.AdmissionPolicy = identity.NativeAdmissionPolicy
		i.PolicyWhy = "the cluster serves MutatingAdmissionPolicy v1, as Kubernetes does from 1.36 on"
		return nil
	}
	hasKyverno := false
	if err == nil {
		hasKyverno, err = i.host.Serves(ctx, space.KyvernoPolicies)
	}
	switch {
	case err != nil:
		i.Note(fmt.Sprintf("what admission policies the cluster can evaluate is not known: %v", err))
		i.PolicyWhy = "what the cluster can evaluate is not known; set native from Kubernetes 1.36 on"
	case hasKyverno:
		i.Spec.AdmissionPolicy = identity.KyvernoAdmissionPolicy
		i.PolicyWhy = "the cluster is older than Kubernetes 1.36, and has the MutatingPolicy v1 of Kyverno"
	default:
		i.PolicyWhy = "the cluster is older than Kubernetes 1.36 and does not have the MutatingPolicy v1 of Kyverno, so that the values of the chart, apply on a schedule and then restart remain"
	}
	return context.Cause(ctx)
}
