package export

import "spaces-identity.dev/internal/desired"

// The tests in package export_test need these.
var (
	ObjectName = objectName
	PolicyText = policyText
)

// UpdateInput returns the input of an update of an association as the script has it.
func UpdateInput(a desired.Association) string { return oneLine(updateOf(a)) }
