package desired

import (
	"bytes"

	"spaces-identity.dev/internal/iam"
)

// Differences returns the fields of the EKS API, besides tags, in which a live association
// differs from the wanted one.
func (a Association) Differences(wanted Association) []string {
	var all []string
	for _, field := range []struct {
		name string
		same bool
	}{
		{"roleArn", a.RoleARN == wanted.RoleARN},
		{"targetRoleArn", a.TargetRoleARN == wanted.TargetRoleARN},
		{"disableSessionTags", a.DisableSessionTags == wanted.DisableSessionTags},
		{"policy", samePolicy(a.Policy, wanted.Policy)},
	} {
		if !field.same {
			all = append(all, field.name)
		}
	}
	return all
}

// samePolicy reports whether two policies as JSON differ in white space and order only.
func samePolicy(a, b string) bool {
	first, err := iam.Parse([]byte(a))
	second, other := iam.Parse([]byte(b))
	if err != nil || other != nil {
		return a == b
	}
	return bytes.Equal(first.Compact(), second.Compact())
}
