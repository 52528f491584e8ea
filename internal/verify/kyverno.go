package verify

import (
	"encoding/json"
	"fmt"
	"strings"

	"spaces-identity.dev/internal/export"
	"spaces-identity.dev/internal/space"
)

const fixKyverno = "start Kyverno's admission controller, or look at its log: `kubectl logs -n kyverno -l app.kubernetes.io/component=admission-controller`. Then run `spaces-identity restart`"

// kyvernoStatus is the part of a policy's status that is read.
//
// Source: the CRD of Kyverno 1.19, MutatingPolicy v1, status.conditionStatus.
type kyvernoStatus struct {
	Conditions struct {
		Ready *bool `json:"ready"`
		All   []struct {
			Type    string `json:"type"`
			Status  string `json:"status"`
			Message string `json:"message"`
		} `json:"conditions"`
	} `json:"conditionStatus"`
}

// checkKyverno checks that something acts on policies that are as the config says. The API
// server evaluates its own policies. Kyverno's policies need Kyverno.
func (f *checkInput) checkKyverno(objects []export.Object) Check {
	for _, object := range objects {
		if object.Kind != export.KyvernoKind {
			continue
		}
		if problem := f.kyvernoProblem(object, f.observed.Objects[space.KyvernoPolicies][object.Name]); problem.State != "" {
			return problem
		}
	}
	return okCheck("exists as the config says")
}

func (f *checkInput) kyvernoProblem(object export.Object, live space.Object) Check {
	var status kyvernoStatus
	if len(live.Status) > 0 {
		if err := json.Unmarshal(live.Status, &status); err != nil {
			return unknownCheck(fmt.Errorf("the status of %s %s could not be read: %w", object.Kind, object.Name, err))
		}
	}
	failure := f.observed.Failure("", space.MutatingWebhooks)
	switch ready := status.Conditions.Ready; {
	case ready == nil && len(status.Conditions.All) == 0:
		return failedCheck(fixKyverno, "Kyverno does not run: it has written no status to the %s %s", object.Kind, object.Name)
	case ready == nil || !*ready:
		return failedCheck(fixKyverno, "Kyverno does not act on the %s %s: %s", object.Kind, object.Name, status.reasons())
	case failure != nil:
		return unknownCheck(failure)
	case !f.observed.Kyverno.Sends(object.Name):
		return failedCheck(fixKyverno, "Kyverno does not run: no webhook sends objects to the %s %s", object.Kind, object.Name)
	case f.observed.Kyverno.Down():
		return failedCheck(fixKyverno, "Kyverno does not run: no pod of its admission controller is available")
	}
	return Check{}
}

// reasons returns the messages of the conditions that are not true.
func (s kyvernoStatus) reasons() string {
	var all []string
	for _, c := range s.Conditions.All {
		if c.Status != "True" {
			all = append(all, c.Type+": "+c.Message)
		}
	}
	if len(all) == 0 {
		return "its status is not ready"
	}
	return strings.Join(all, "; ")
}
