package verify

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/injection"
	"spaces-identity.dev/internal/space"
)

// checkIssuer compares the issuer of the cluster's tokens with the config and with EKS. If
// it differs, the kubeconfig is most likely that of another cluster.
func checkIssuer(f *checkInput) Check {
	cluster := f.state.Clusters[0]
	if f.observed.IssuerError != nil {
		return unknownCheck(f.observed.IssuerError)
	}
	live, err := identity.ParseOIDCProvider(f.observed.Issuer)
	if err != nil {
		return failedCheck(fixContext, "the issuer of the cluster's tokens is %s, which cannot be that of an EKS cluster", f.observed.Issuer)
	}
	named, err := identity.ParseOIDCProvider(f.account.cluster.value.Issuer)
	switch {
	case err == nil && named.HostPath != live.HostPath:
		return failedCheck(fixContext, "the issuer of the cluster's tokens is %s, but that of EKS cluster %s is %s", live.HostPath, cluster.Name, named.HostPath)
	case !cluster.OIDC.IsZero() && cluster.OIDC.HostPath != live.HostPath:
		return failedCheck(fixContext+"; if it is right, correct cluster.oidcProvider in the config", "the issuer of the cluster's tokens is %s, but the config names %s", live.HostPath, cluster.OIDC.HostPath)
	case cluster.OIDC.IsZero() && err != nil:
		return unknownf("set cluster.oidcProvider, or cluster.name and cluster.region, in the config", "the issuer of the cluster's tokens is %s, and there is nothing to compare it with", live.HostPath)
	}
	return okCheck("%s", live.HostPath)
}

const fixContext = "check that the kubeconfig's context is the cluster of the config: `kubectl config current-context`"

// at returns the component's service account in the namespace.
func (f *checkInput) at() space.Key {
	return space.Key{Namespace: f.plane.HostNamespace, Name: f.name}
}

// fixAnnotation returns what to do to annotate a service account.
func (f *checkInput) fixAnnotation() string {
	switch {
	case f.component.Namespace != "":
		return "upgrade the Spaces release through the post-renderer"
	case !f.state.HasAdmissionPolicy(f.component):
		return "upgrade the Spaces release through the post-renderer, or set delivery.admissionPolicy to native (Kubernetes 1.36) or kyverno, which also annotates the service accounts of later control planes"
	case checkAdmissionPolicy(f).State == Fails:
		return "fix the admission policy first, then run `spaces-identity restart`"
	}
	return "run `spaces-identity restart`: it updates the service account, so that the admission policy annotates it"
}

func checkServiceAccount(f *checkInput) Check {
	if err := f.observed.Failure(f.plane.HostNamespace, space.ServiceAccounts); err != nil {
		return unknownCheck(err)
	}
	account, exists := f.observed.ServiceAccounts[f.at()]
	if !exists {
		return f.noServiceAccount()
	}
	for _, annotation := range slices.Sorted(maps.Keys(f.component.Annotations)) {
		want := f.component.Annotations[annotation]
		got, exists := account.Meta.Annotations[annotation]
		near := misspeltKey(account.Meta.Annotations, annotation)
		switch {
		case !exists && near != "":
			return failedCheck("remove the annotation "+near+" at its source; "+f.fixAnnotation(), "the annotation %s is misspelt: %s", annotation, near)
		case !exists:
			return failedCheck(f.fixAnnotation(), "the annotation %s is missing", annotation)
		case got != want:
			return failedCheck(f.fixAnnotation(), "the annotation %s is %s, not %s", annotation, got, want)
		}
	}
	if audience := account.Meta.Annotations[identity.AudienceAnnotation]; f.component.Mode.UsesIRSA() && audience != "" && audience != identity.Audience {
		return failedCheck("remove it at its source, then run `spaces-identity restart`", "the annotation %s is %s, and AWS accepts only tokens for %s", identity.AudienceAnnotation, audience, identity.Audience)
	}
	if role := account.Meta.Annotations[identity.RoleAnnotation]; !f.component.Mode.UsesIRSA() && role != "" {
		return warningCheck("remove it after every pod has EKS Pod Identity credentials", "the service account still has the annotation %s: %s", identity.RoleAnnotation, role)
	}
	if f.component.IsSynced() {
		return okCheck("%s is annotated as the config says", f.name)
	}
	return okCheck("annotated as the config says")
}

// noServiceAccount says that no service account has a name that the config expects.
func (f *checkInput) noServiceAccount() Check {
	names := identity.OneOf(f.component.Accounts)
	if err := f.observed.Failure(f.plane.HostNamespace, space.ServiceAccounts); err != nil {
		return unknownCheck(err)
	}
	if reason := injection.Misnaming(*f.observed, f.component, f.plane.HostNamespace); reason != "" {
		return failedCheck("correct components[].syncedFrom in the config, then run `spaces-identity apply`", "%s", reason)
	}
	if f.component.Namespace != "" {
		return failedCheck("correct components[].namespace and components[].serviceAccount in the config; the Spaces chart names the service account after its release: RELEASE-controller",
			"there is no service account %s", names)
	}
	return failedCheck("check that the control plane is up and the component enabled, and that components[].serviceAccount or components[].syncedFrom names its service account",
		"there is no service account %s", names)
}

// misspeltKey returns an annotation whose key is a known misspelling of right, or "".
func misspeltKey(annotations map[string]string, right string) string {
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		if identity.Misspelt(key) == right {
			return key
		}
	}
	return ""
}

// usesSecretStores reports whether the component reads the secrets of SharedSecretStores
// without IRSA.
func usesSecretStores(c desired.Component) bool {
	return c.ReadsSecrets() && !c.Mode.UsesIRSA()
}

// checkSecretStores looks for stores that request a token for the service account. That is
// IRSA, and does not work if the service account has no role annotation.
//
// Source: External Secrets Operator, issues 2951 and 4867.
func checkSecretStores(f *checkInput) Check {
	if !usesSecretStores(f.component) {
		return Check{}
	}
	if err := f.observed.Failure("", space.SharedSecretStores); err != nil && !err.NotServed() {
		return unknownCheck(err)
	}
	for _, store := range f.observed.SecretStores {
		if f.component.HasAccount(store.ServiceAccount()) {
			return failedCheck("remove spec.provider.aws.auth from the SharedSecretStore, so that it uses the credentials of the pod",
				"a SharedSecretStore has auth.jwt.serviceAccountRef: %s, which is IRSA and does not work in mode pod-identity", store.ServiceAccount()).
				about("SharedSecretStore", store.Meta.Namespace+"/"+store.Meta.Name)
		}
	}
	return okCheck("%d SharedSecretStores, none of which needs IRSA", len(f.observed.SecretStores))
}

// ForeignAnnotations returns a warning for each service account of a component whose
// annotation names another role: what the config grants does not reach its pods, unless
// an association overrides the annotation.
func ForeignAnnotations(ctx context.Context, client *space.Client, s desired.State) ([]string, error) {
	var warnings []string
	for _, name := range s.ServiceAccounts() {
		err := space.List(ctx, client, space.ServiceAccounts, space.Query{Fields: "metadata.name=" + name}, func(o space.Object) {
			for _, c := range s.ComponentsOf(o.Meta.Namespace, name) {
				warnings = append(warnings, foreignAnnotation(o, c)...)
			}
		})
		if err != nil {
			return nil, err
		}
	}
	return warnings, nil
}

func foreignAnnotation(o space.Object, c desired.Component) []string {
	role := o.Meta.Annotations[identity.RoleAnnotation]
	if role == "" || role == c.Role.String() || !c.Subjects.Admits(o.Meta.Namespace) {
		return nil
	}
	what := "its pods do not get " + c.Role.String()
	if c.Mode.UsesPodIdentity() {
		what = "the association overrides it, silently"
	}
	return []string{fmt.Sprintf("the service account %s/%s is annotated with another role, %s: %s", o.Meta.Namespace, o.Meta.Name, role, what)}
}
