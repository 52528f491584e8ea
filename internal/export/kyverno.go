package export

import (
	"fmt"
	"strings"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/identity"
)

// KyvernoGroup is the API group of Kyverno's policies. Its version v1 exists since Kyverno
// 1.17.
const KyvernoGroup = "policies.kyverno.io"

// KyvernoKind is the kind of Kyverno's policy.
const KyvernoKind = "MutatingPolicy"

// kyvernoSpec has the fields of a MutatingPolicy's spec that this program sets.
//
// Source: Kyverno documentation, "MutatingPolicy", and the CRD of Kyverno 1.18 and 1.19
// (config/crds/policies.kyverno.io).
type kyvernoSpec struct {
	admissionSpec `yaml:",inline"`
	Evaluation    kyvernoEvaluation `yaml:"evaluation"`
	Autogen       kyvernoAutogen    `yaml:"autogen"`
}

// kyvernoEvaluation says when Kyverno evaluates a policy: only when the API server admits
// an object. Kyverno has swapped the role annotations of ServiceAccounts when it changed
// existing objects (kyverno/policies#1427). Its background scans need more permissions,
// without which it reports the policy as not ready.
type kyvernoEvaluation struct {
	Admission      kyvernoSwitch `yaml:"admission"`
	Background     kyvernoSwitch `yaml:"background"`
	MutateExisting kyvernoSwitch `yaml:"mutateExisting"`
}

type kyvernoSwitch struct {
	Enabled bool `yaml:"enabled"`
}

// kyvernoAutogen says what Kyverno makes of a policy for pods besides. By default it makes
// rules for the pod templates of Deployments, Jobs and other controllers. Those would also
// change templates whose labels a selector uses.
type kyvernoAutogen struct {
	PodControllers struct {
		Controllers []string `yaml:"controllers,flow"`
	} `yaml:"podControllers"`
	MutatingAdmissionPolicy kyvernoSwitch `yaml:"mutatingAdmissionPolicy"`
}

// kyvernoPolicy returns Kyverno's policy for a resource of the component. It needs no
// binding.
func kyvernoPolicy(c desired.Component, resource string, in scope, spec admissionSpec) []Object {
	name := policyName(c, resource, in)
	whole := kyvernoSpec{admissionSpec: spec}
	whole.Evaluation.Admission.Enabled = true
	whole.Autogen.PodControllers.Controllers = []string{}
	return []Object{{c.Name, KyvernoGroup, KyvernoKind, name,
		encodeYAML(object{KyvernoGroup + "/v1", KyvernoKind, metadata{Name: name}, whole})}}
}

// kyvernoWebhook begins the name of the webhook that Kyverno registers for a policy, up to
// the policy's name. If one name is too long, the API server rejects all of Kyverno's
// webhooks together.
//
// Source: Kyverno 1.19, pkg/controllers/webhook (generateName).
const kyvernoWebhook = "mpol.validate.kyverno.svc-ignore-finegrained-"

// checkPolicyName checks the name of an object, and of what is named after it.
func checkPolicyName(o Object) error {
	if err := identity.ValidateObjectName(o.Name); err != nil || o.Group != KyvernoGroup {
		return err
	}
	if identity.ValidateObjectName(kyvernoWebhook+o.Name) != nil {
		return fmt.Errorf("%q is too long for a policy of Kyverno, which registers a webhook of that name", o.Name)
	}
	return nil
}

// AdmissionWarnings returns what the policies of a kind can break: Kyverno runs in the
// cluster, and with failurePolicy Fail the API server needs it.
func AdmissionWarnings(s desired.State, kind identity.AdmissionPolicy) []string {
	if kind != identity.KyvernoAdmissionPolicy || s.Spec().FailurePolicy != identity.FailureFails {
		return nil
	}
	var accounts, pods []string
	for _, c := range s.InControlPlanes() {
		if len(c.Annotations) > 0 {
			accounts = append(accounts, c.Accounts...)
		}
		if len(c.PodLabels) > 0 {
			pods = append(pods, c.Accounts...)
		}
	}
	var rejected []string
	if len(accounts) > 0 {
		rejected = append(rejected, "the service accounts "+strings.Join(accounts, ", "))
	}
	if len(pods) > 0 {
		rejected = append(rejected, "the pods of "+strings.Join(pods, ", "))
	}
	if len(rejected) == 0 {
		return nil
	}
	return []string{"delivery.failurePolicy: Fail: while Kyverno is down, the API server rejects " + strings.Join(rejected, " and ") + " in control planes"}
}
