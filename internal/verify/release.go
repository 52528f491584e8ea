package verify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/postrender"
	"spaces-identity.dev/internal/rewrite"
	"spaces-identity.dev/internal/space"
)

// Release is the name of the check that the manifests of the Helm release have the edits.
// It runs only if the user names the release, because it needs the right to read every
// Secret of the namespace.
const Release = "release"

// ReleaseName names a Helm release.
type ReleaseName struct {
	Namespace, Name string
	Store           space.Resource // in which Helm stores it
}

func (n ReleaseName) String() string { return n.Namespace + "/" + n.Name }

// helmRelease is what was read of a release.
type helmRelease struct {
	ReleaseName
	revision  space.Revision // the deployed one, or else the newest
	newest    space.Revision
	manifests space.Manifests
	err       error
}

const (
	deployed     = "deployed"    // Helm's status of the revision that is installed
	uninstalled  = "uninstalled" // and of one that helm uninstall --keep-history has left
	uninstalling = "uninstalling"
)

// readRelease reads the deployed revision of a release, or else the newest.
func readRelease(ctx context.Context, client *space.Client, name ReleaseName) helmRelease {
	r := helmRelease{ReleaseName: name}
	all, err := client.Revisions(ctx, name.Store, name.Namespace)
	if err != nil {
		r.err = explainForbidden(err)
		return r
	}
	own := slices.DeleteFunc(slices.Clone(all), func(v space.Revision) bool { return v.Release != name.Name })
	if len(own) == 0 {
		r.err = name.notFound(all)
		return r
	}
	r.newest, r.revision = own[0], own[0]
	if i := slices.IndexFunc(own, func(v space.Revision) bool { return v.Status == deployed }); i >= 0 {
		r.revision = own[i]
	}
	r.manifests, err = client.ReadRevision(ctx, name.Store, name.Namespace, r.revision)
	r.err = explainForbidden(err)
	return r
}

// explainForbidden names the Role that has the right. The ClusterRoles of the examples do
// not have it.
func explainForbidden(err error) error {
	if e, ok := errors.AsType[*space.Error](err); ok && e.Forbidden() {
		return identity.WithHint("ask a cluster administrator for the Role spaces-identity-release-reader in examples/rbac; it can read every Secret of the namespace", "%w", err)
	}
	return err
}

// notFound returns the error for a release that does not exist. It names those that do.
func (n ReleaseName) notFound(all []space.Revision) error {
	var names []string
	for _, v := range all {
		if !slices.Contains(names, v.Release) {
			names = append(names, v.Release)
		}
	}
	hint := "give Helm the namespace with --namespace, or write NAMESPACE/NAME; HELM_DRIVER must be as for Helm"
	if near := identity.Nearest(n.Name, names); near != "" {
		hint = "did you mean " + near + "?"
	}
	const most = 8
	there := "has no release of Helm"
	if len(names) > 0 {
		there = "has only " + strings.Join(names[:min(len(names), most)], ", ")
		if more := len(names) - most; more > 0 {
			there += fmt.Sprintf(" and %d more", more)
		}
	}
	return identity.WithHint(hint, "there is no release %s: the namespace %s %s in %s", n.Name, n.Namespace, there, n.Store)
}

// checks compares the manifests of the release with the edits that a component needs. It
// returns a check for each edit that they lack.
func (r helmRelease) checks(state desired.State, c desired.Component, observed space.Observed) []Check {
	byHelm := fmt.Sprintf("look at what Helm can read: `helm get manifest %s --namespace %s`", r.Name, r.Namespace)
	if r.err != nil {
		unknown := unknownCheck(r.err).ofRelease()
		unknown.Fix = cmp.Or(unknown.Fix, byHelm)
		return []Check{unknown}
	}
	if s := r.revision.Status; s == uninstalled || s == uninstalling {
		return []Check{failedCheck("install it again: "+r.upgrade(), "the release %s is %s; revision %d is only its history", r, s, r.revision.Number).ofRelease()}
	}
	found, err := r.findings(state, c, r.manifests.Templates)
	if err != nil {
		return []Check{unknownf(byHelm, "the manifests of revision %d cannot be read: %v", r.revision.Number, err).ofRelease()}
	}
	all := r.ofStatus()
	missing := slices.DeleteFunc(slices.Clone(found), func(f rewrite.Finding) bool { return f.Outcome != rewrite.Changed })
	switch present := len(found) - len(missing); {
	case len(found) == 0 && r.hasHooks(state, c):
		all = append(all, okCheck("the hooks of revision %d have the edits", r.revision.Number))
	case len(found) == 0:
		all = append(all, failedCheck("name the release of the Spaces chart; `spaces-identity inspect` shows what manifests contain",
			"revision %d of %s has no place for the component", r.revision.Number, r))
	case len(missing) == 0:
		all = append(all, okCheck("revision %d of %s has every edit", r.revision.Number, r))
	default:
		cause := r.cause(missing, present, c, observed)
		for _, f := range missing {
			check := failedCheck("upgrade the release through the post-renderer: "+r.upgrade()+". If another tool runs Helm, check that it passes the post-renderer on", "%s", cause)
			all = append(all, check.about(f.Kind, strings.TrimSpace(strings.TrimPrefix(f.Namespace+"/"+f.Name, "/")+" "+f.Path)))
		}
	}
	for i := range all {
		all[i] = all[i].ofRelease()
	}
	return all
}

// addRelease adds the checks of a release to those that run once for each component.
func (r *Result) addRelease(release helmRelease, state desired.State, observed space.Observed) {
	for i, c := range state.Components {
		r.Common[i].Checks = append(r.Common[i].Checks, release.checks(state, c, observed)...)
	}
}

func (c Check) ofRelease() Check {
	c.Name = Release
	return c
}

// upgrade returns the command that renders the release through the post-renderer.
func (r helmRelease) upgrade() string {
	return fmt.Sprintf("`PR=$(helm spaces-identity post-renderer) && helm upgrade --install %s CHART --namespace %s --post-renderer \"$PR\"`", r.Name, r.Namespace)
}

// ofStatus returns a warning if the newest revision is not the deployed one.
func (r helmRelease) ofStatus() []Check {
	fix := fmt.Sprintf("`helm history %s --namespace %s` shows the revisions; upgrade again, or roll back", r.Name, r.Namespace)
	switch {
	case r.newest.Number != r.revision.Number:
		return []Check{warningCheck(fix, "revision %d of %s is %s; the check is about revision %d, which is deployed", r.newest.Number, r, r.newest.Status, r.revision.Number)}
	case r.revision.Status != deployed:
		return []Check{warningCheck(fix, "revision %d of %s is %s, and no other one is deployed", r.revision.Number, r, r.revision.Status)}
	}
	return nil
}

// cause says why edits are missing.
func (r helmRelease) cause(missing []rewrite.Finding, present int, c desired.Component, observed space.Observed) string {
	switch other := slices.ContainsFunc(missing, func(f rewrite.Finding) bool { return f.Reason != "" }); {
	case other:
		return fmt.Sprintf("revision %d of %s has another value there: it was rendered with another config", r.revision.Number, r)
	case present > 0:
		return fmt.Sprintf("revision %d of %s lacks this edit, but has others", r.revision.Number, r)
	}
	cause := fmt.Sprintf("revision %d of %s has none of the edits: the post-renderer did not run when it was rendered", r.revision.Number, r)
	if annotated(c, observed) {
		cause += ". The service accounts in the cluster still have the role, but nothing renews it"
	}
	return cause
}

// annotated reports whether a service account of the component has the role's annotation.
func annotated(c desired.Component, observed space.Observed) bool {
	for _, account := range observed.ServiceAccounts {
		if role := c.Annotations[identity.RoleAnnotation]; role != "" && account.Meta.Name == c.ServiceAccount && account.Meta.Annotations[identity.RoleAnnotation] == role {
			return true
		}
	}
	return false
}

// findings returns the places of a component in manifests that have, or lack, an edit.
func (r helmRelease) findings(state desired.State, c desired.Component, manifests string) ([]rewrite.Finding, error) {
	objects, err := postrender.AdmissionObjects(state)
	if err != nil {
		return nil, err
	}
	result, err := rewrite.Run([]byte(manifests), state, rewrite.Options{OnMissing: rewrite.MissingWarns, Objects: objects, Extended: true})
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(result.Findings), func(f rewrite.Finding) bool {
		return f.Component != c.Name || f.Outcome != rewrite.Changed && f.Outcome != rewrite.Unchanged
	}), nil
}

// hasHooks reports whether the hooks have edits of the component. Only Helm 4 passes hooks to
// a post-renderer, so that an edit which they lack means nothing.
func (r helmRelease) hasHooks(state desired.State, c desired.Component) bool {
	found, err := r.findings(state, c, r.manifests.Hooks)
	return err == nil && slices.ContainsFunc(found, func(f rewrite.Finding) bool { return f.Outcome == rewrite.Unchanged })
}
