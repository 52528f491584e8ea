package desired

import (
	"bytes"
	"encoding/json"
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

// samePolicy reports whether two policies differ at most in white space.
func samePolicy(a, b string) bool {
	var x, y bytes.Buffer
	if json.Compact(&x, []byte(a)) != nil || json.Compact(&y, []byte(b)) != nil {
		return a == b
	}
	return bytes.Equal(x.Bytes(), y.Bytes())
}
