package desired

import "spaces-identity.dev/internal/iam"

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

// samePolicy reports whether two session policies mean the same. It compares texts that
// are no policies byte for byte.
func samePolicy(a, b string) bool {
	x, err := iam.Parse([]byte(a))
	if err != nil {
		return a == b
	}
	y, err := iam.Parse([]byte(b))
	return err == nil && x.Version == y.Version && iam.SameStatements(x, y)
}
