package reconcile

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"spaces-identity.dev/internal/account"
	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/identity"
)

// The names of the settings of a role. A tag's name is tagSetting and its key.
const (
	boundarySetting = "permissionsBoundary"
	durationSetting = "maxSessionDuration"
	tagSetting      = "tags."
)

// planSettings compares the permissions boundary, the session duration and the tags of a
// role. It never removes one: a config that leaves a setting out leaves it alone. It
// compares no tags of a foreign role.
func (r *Reconciler) planSettings(ctx context.Context, change *RoleChange, live account.Role, want desired.Role) error {
	action := Change
	switch change.Action {
	case Create, Foreign:
		action = change.Action
	}
	differ := func(name, before, after string) {
		if after != "" && before != after {
			change.Settings = append(change.Settings, SettingChange{name, action, before, after})
		}
	}
	differ(boundarySetting, live.Boundary, want.Boundary.String())
	differ(durationSetting, seconds(live.MaxSession), seconds(want.MaxSessionDuration))
	if change.Action == None {
		for _, key := range missingTags(live.Tags, want.Tags) {
			differ(tagSetting+key, live.Tags[key], cmp.Or(want.Tags[key], `""`))
		}
	}
	if change.Action == None && len(change.Settings) > 0 {
		change.Action = Change
	}
	if action != Foreign && changes(*change, boundarySetting) {
		return r.requirePolicy(ctx, want.Boundary, "permissionsBoundary")
	}
	return nil
}

// seconds returns a number of seconds as text, or nothing for 0.
func seconds(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// missingTags returns the keys of the wanted tags that are missing or have another value,
// sorted. Other tags belong to others.
func missingTags(live, wanted map[string]string) []string {
	return slices.DeleteFunc(sortedKeys(wanted), func(key string) bool {
		value, there := live[key]
		return there && value == wanted[key]
	})
}

// changes reports whether a setting of a role changes.
func changes(c RoleChange, setting string) bool {
	return slices.ContainsFunc(c.Settings, func(s SettingChange) bool { return s.Name == setting && s.Action == Change })
}

func changesTags(c RoleChange) bool {
	return slices.ContainsFunc(c.Settings, func(s SettingChange) bool { return strings.HasPrefix(s.Name, tagSetting) })
}

// requirePolicy returns an error if a managed policy does not exist. If it cannot be read,
// apply finds out.
func (r *Reconciler) requirePolicy(ctx context.Context, policy identity.PolicyARN, setting string) error {
	exists, err := r.IAM.PolicyExists(ctx, policy.String())
	switch {
	case account.IsRefused(err):
		return nil
	case err == nil && !exists:
		return identity.WithHint("create the policy, or correct "+setting+" in the config", "the managed policy %s does not exist", policy)
	}
	return err
}

// changeSettings sets the permissions boundary and the session duration of a role. The
// boundary comes before the permissions that it limits.
func (r *Reconciler) changeSettings(ctx context.Context, c RoleChange, want desired.Role) error {
	if changes(c, boundarySetting) {
		if err := r.IAM.SetBoundary(ctx, want.ARN, want.Boundary.String()); err != nil {
			return err
		}
	}
	if changes(c, durationSetting) {
		return r.IAM.SetMaxSessionDuration(ctx, want.ARN, want.MaxSessionDuration)
	}
	return nil
}
