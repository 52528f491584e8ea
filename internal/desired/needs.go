package desired

import (
	"errors"
	"fmt"
	"slices"

	"spaces-identity.dev/internal/identity"
)

// Need is a kind of output. Each kind needs certain settings of the config.
type Need int

// The kinds of output. None needs an account ID or a partition, because the role's ARN
// contains both.
const (
	NeedManifests    Need = iota // edits of manifests: the role, for its annotation
	NeedTrust                    // a trust policy: the role, and the providers or names of the clusters
	NeedPermissions              // a permissions policy: the role, and something that it may use
	NeedAssociations             // associations as JSON: the role and the names of the clusters
	NeedBackups                  // a backup config: the role, the bucket and the region of the cluster
	NeedDelete                   // a deletion: the role, because what is not known stays
	NeedLive                     // a comparison with AWS: as NeedTrust, but EKS knows the provider of a named cluster
)

// Missing is a setting that an output needs and the config lacks.
type Missing struct {
	What string // such as "the bucket"
	Key  string // in the config, such as components[0].bucket
	Flag string // that sets it too; package cli adds it
}

// MissingError names all settings that a component's output needs and the config
// lacks.
type MissingError struct {
	Component string
	Missing   []Missing
}

// Error names the settings, each once for all clusters.
func (e *MissingError) Error() string {
	var names []string
	for _, m := range e.Missing {
		if !slices.Contains(names, m.What) {
			names = append(names, m.What)
		}
	}
	return fmt.Sprintf("component %s has no value for %s, which this command needs", e.Component, identity.AllOf(names))
}

// BadInput marks the error as one about the config.
func (e *MissingError) BadInput() {}

// Hint says where the user can set them.
func (e *MissingError) Hint() string {
	var keys, flags []string
	for _, m := range e.Missing {
		keys = append(keys, m.Key)
		if m.Flag != "" {
			flags = append(flags, m.Flag)
		}
	}
	hint := "set " + identity.AllOf(keys) + " in the config"
	if len(flags) == len(keys) {
		hint += ", or use " + identity.AllOf(flags)
	}
	return hint
}

// Require returns an error if the config lacks a setting that the output needs. It is a
// [*MissingError] for each component that lacks one; several are joined.
func (s State) Require(need Need) error {
	var problems []error
	for i := range s.Components {
		problems = append(problems, s.require(i, need))
	}
	return joinProblems("", problems...)
}

// RequireOf is [State.Require] for the component of that name.
func (s State) RequireOf(component string, need Need) error {
	i := slices.IndexFunc(s.Components, func(c Component) bool { return c.Name == component })
	return s.require(i, need)
}

func (s State) require(i int, need Need) error {
	c := s.Components[i]
	var missing []Missing
	lacks := func(is bool, what, key string) {
		if is {
			missing = append(missing, Missing{What: what, Key: key})
		}
	}
	lacks(c.Role.IsZero() && (need != NeedManifests || c.Mode.UsesIRSA()), "the role's ARN", identity.ComponentKey(i)+".roleARN")
	lacks(c.Bucket == "" && need == NeedBackups, "the bucket", identity.ComponentKey(i)+".bucket")
	what, permissionsKey := c.usualPermissions()
	lacks(need == NeedPermissions && !c.HasPermissions(), what, identity.ComponentKey(i)+"."+permissionsKey)
	inARN := c.namesStoredFor(need)
	for n, cluster := range s.Clusters {
		key := identity.ClusterKey(n)
		known := cluster.Name != "" && cluster.Region != ""
		lacks(cluster.OIDC.IsZero() && c.Mode.UsesIRSA() && (need == NeedTrust || need == NeedLive && !known), "the OIDC provider", key+".oidcProvider")
		named := need == NeedAssociations || c.Mode.UsesPodIdentity() && (need == NeedTrust || need == NeedLive)
		lacks(cluster.Name == "" && named, "the cluster's name", key+".name")
		lacks(cluster.Region == "" && (named && need != NeedAssociations || n == 0 && need == NeedBackups || inARN), "the cluster's region", key+".region")
	}
	if len(missing) == 0 {
		return nil
	}
	return &MissingError{c.Name, missing}
}

// usualPermissions returns what the role of such a component usually may use, and the key of
// that setting.
func (c Component) usualPermissions() (what, key string) {
	_, known := identity.Known(c.Name)
	switch {
	case c.ReadsSecrets():
		return "the secrets or parameters", "secrets"
	case c.Name == "crossplane" || !known:
		return "the permissions policy", "permissionsPolicy"
	}
	return "the bucket", "bucket"
}

// namesStoredFor reports whether an output has ARNs of secrets or parameters that depend on the
// regions of the clusters.
func (c Component) namesStoredFor(need Need) bool { return need == NeedPermissions && c.storesByName() }

// ReadsSecrets reports whether the component reads the secrets of SharedSecretStores.
func (c Component) ReadsSecrets() bool { return c.Name == "external-secrets-controller" }

// joinProblems joins the errors as [errors.Join] does, but omits errors with the same
// message. The prefix says what the errors are about, and may be empty. It is added to each
// error, because an error around all of them would hide their hints.
func joinProblems(prefix string, problems ...error) error {
	var all []error
	seen := map[string]bool{}
	for _, err := range problems {
		if err == nil || seen[err.Error()] {
			continue
		}
		seen[err.Error()] = true
		if prefix != "" {
			err = fmt.Errorf("%s: %w", prefix, err)
		}
		all = append(all, err)
	}
	return errors.Join(all...)
}
