package live

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"spaces-identity.dev/internal/config"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/space"
)

// text is the config, with what was found as comments.
func (i *initial) text() string {
	t := &text{}
	caller := i.account.Caller
	t.line("# Written by spaces-identity init from account %s (%s), as", caller.Account, caller.Partition)
	t.line("# %s.", caller.ARN)
	t.line("# Next: spaces-identity plan shows what is missing in AWS, spaces-identity apply makes it.")
	t.line("apiVersion: %s", config.APIVersion)
	t.line("kind: %s", config.Kind)
	i.clusterText(t)
	i.controlPlanesText(t)
	i.componentText(t)
	return t.String()
}

func (i *initial) clusterText(t *text) {
	c := i.spec.Cluster
	t.line("cluster:")
	t.line("  name: %s # Kubernetes %s", quoted(c.Name), i.cluster.Version)
	t.line("  region: %s", c.Region)
	if !c.OIDC.IsZero() {
		t.line("  # The cluster's issuer. %s", present(i.provider,
			"It is an OIDC provider in IAM already.", "It is no OIDC provider in IAM yet; apply makes it for modes irsa and both."))
		t.line("  oidcProvider: %s", c.OIDC.HostPath)
	}
}

func present(there bool, yes, no string) string {
	if there {
		return yes
	}
	return no
}

func (i *initial) controlPlanesText(t *text) {
	c := i.spec.ControlPlanes
	t.line("# Which control planes get the role: exact host namespaces, a pattern beside them")
	t.line("# (uuid: all that Spaces names by itself, later ones included), or what the cluster shows.")
	t.line("controlPlanes:")
	if len(c.Namespaces) == 0 {
		t.line("  namespaces: []")
	} else {
		t.line("  namespaces:")
	}
	for _, ns := range c.Namespaces {
		t.line("  - %s", quoted(ns))
	}
	t.line("  match: %s", quoted(string(c.Match)))
	for _, f := range i.found {
		t.line("  # found: %s (%s)", f.HostNamespace, foundIn(f))
	}
	t.line("  discover: %t", c.Discover)
}

func (i *initial) componentText(t *text) {
	c := i.component
	t.line("components:")
	t.line("- name: %s", quoted(c.Name))
	t.line("  # irsa, pod-identity or both. The Pod Identity agent %s", present(i.agent,
		"runs in the cluster.", "does not run in the cluster; apply installs it where the mode needs it."))
	t.line("  mode: %s", c.Mode)
	t.line("  roleARN: %s", quoted(c.Role.String()))
	t.line("  bucket: %s", quoted(c.Bucket))
	if c.Prefix != "" {
		t.line("  prefix: %s", quoted(c.Prefix))
	} else {
		t.line("  # prefix: backups # limits the role to what is under it")
	}
	if c.KMSKey.String() != "" {
		t.line("  kmsKeyARN: %s", c.KMSKey.String())
	} else {
		t.line("  # kmsKeyARN: arn:%s:kms:%s:%s:key/KEY-ID # where the bucket is encrypted with a key of yours", c.Role.Partition, i.spec.Cluster.Region, c.Role.Account)
	}
	if c.ServiceAccount != knownServiceAccount(c.Name) {
		t.line("  serviceAccount: %s", quoted(c.ServiceAccount))
	}
	t.pairs("serviceAccountAnnotations", c.ExtraAnnotations)
	t.pairs("podLabels", c.PodLabels)
	if i.spec.ArtifactsDir != identity.DefaultArtifactsDir {
		t.line("artifacts:\n  dir: %s", quoted(i.spec.ArtifactsDir))
	}
}

// text collects lines.
type text struct{ strings.Builder }

func (t *text) line(format string, args ...any) { fmt.Fprintf(t, format+"\n", args...) }

// pairs is a mapping of a component's, where there is something in it.
func (t *text) pairs(key string, pairs map[string]string) {
	if len(pairs) > 0 {
		t.line("  %s:", key)
	}
	for _, k := range slices.Sorted(maps.Keys(pairs)) {
		t.line("    %s: %s", quoted(k), quoted(pairs[k]))
	}
}

func foundIn(p space.ControlPlane) string {
	var all []string
	for _, s := range p.Sources {
		all = append(all, string(s))
	}
	return strings.Join(all, ", ")
}

func knownServiceAccount(component string) string {
	known, _ := identity.Known(component)
	return known.ServiceAccount
}

// quoted is a YAML string whatever it looks like.
func quoted(s string) string {
	return fmt.Sprintf(`"%s"`, strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s))
}
