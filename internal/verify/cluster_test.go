package verify

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/export"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/space"
)

// testCase is a cluster and an account, and the result of a check that is expected.
type testCase struct {
	name, check string
	mode        identity.Mode
	change      func(*identity.Settings)
	cluster     func(*testing.T, *space.Observed)
	aws         func(*fakeAWS) // changes the account that the config asks for; only in the cases of the account
	want        State
	detail      string // the beginning of it
	fix         string // the beginning of it
}

const (
	roleAnnotation = `"eks.amazonaws.com/role-arn":"` + testRole + `"`
	irsaVolumes    = `"volumes":[{"name":"aws-iam-token","projected":{"sources":[{"serviceAccountToken":{"audience":"sts.amazonaws.com","expirationSeconds":86400,"path":"token"}}]}}]`
	irsaMounts     = `"volumeMounts":[{"name":"aws-iam-token","mountPath":"/run/irsa"}]`
	irsaEnv        = `{"name":"AWS_ROLE_ARN","value":"` + testRole + `"},{"name":"AWS_WEB_IDENTITY_TOKEN_FILE","value":"/run/irsa/token"}`
	irsaPod        = `{"metadata":{"name":"p","labels":{"team":"storage"}},"spec":{` + irsaVolumes + `,"containers":[{"name":"main",` + irsaMounts + `,
		"env":[` + irsaEnv + `]}]},
		"status":{"phase":"Running","conditions":[{"type":"Ready","status":"True"}]}}`
	associatedPod = `{"metadata":{"name":"p"},"spec":{"volumes":[{"name":"eks-pod-identity-token","projected":{"sources":[{"serviceAccountToken":{"audience":"pods.eks.amazonaws.com","path":"token"}}]}}],
		"containers":[{"name":"main","volumeMounts":[{"name":"eks-pod-identity-token","mountPath":"/run/pod"}],
		"env":[{"name":"AWS_CONTAINER_CREDENTIALS_FULL_URI","value":"http://169.254.170.23"},{"name":"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE","value":"/run/pod/token"}]}]}}`
	barePod    = `{"metadata":{"name":"p","namespace":"ns"},"spec":{"containers":[{"name":"main"}]},"status":{"phase":"Pending"}}`
	skippedPod = `{"metadata":{"name":"p","annotations":{"eks.amazonaws.com/skip-containers":"main"}},"spec":{` + irsaVolumes + `,"initContainers":[{"name":"init",` + irsaMounts + `,"env":[` + irsaEnv + `]}],"containers":[{"name":"main"}]}}`
)

// withAnnotations adds a service account with annotations.
func withAnnotations(annotations string) func(*testing.T, *space.Observed) {
	return func(t *testing.T, o *space.Observed) {
		o.ServiceAccounts[testAccount] = decodeJSON[space.ServiceAccount](t, `{"metadata":{"annotations":{`+annotations+`}}}`)
	}
}

func podsOf(texts ...string) func(*testing.T, *space.Observed) {
	return func(t *testing.T, o *space.Observed) {
		withAnnotations(roleAnnotation)(t, o)
		for _, text := range texts {
			o.Pods[testAccount] = append(o.Pods[testAccount], decodeJSON[space.Pod](t, text))
		}
	}
}

func withFailedList(e *space.Error) func(*testing.T, *space.Observed) {
	return func(_ *testing.T, o *space.Observed) { o.Unread.Add(e) }
}

// withBackupConfig adds a backup config to a namespace.
func withBackupConfig(namespace, provider, bucket, source, more string) func(*testing.T, *space.Observed) {
	return func(t *testing.T, o *space.Observed) {
		if !strings.Contains(more, `"config"`) {
			more += `,"config":{"endpoint":"s3.us-west-2.amazonaws.com"}`
		}
		o.BackupConfigs[namespace] = []space.BackupConfig{decodeJSON[space.BackupConfig](t, `{"metadata":{"name":"nightly"},"spec":{"objectStorage":
			{"provider":"`+provider+`","bucket":"`+bucket+`","credentials":{"source":"`+source+`"}`+more+`}}}`)}
	}
}

// withBackup adds a backup in a phase that refers to a backup config.
func withBackup(phase, config string) func(*testing.T, *space.Observed) {
	return func(t *testing.T, o *space.Observed) {
		o.Backups[space.Key{Namespace: "team", Name: "ctp"}] = decodeJSON[space.Backup](t, `{"metadata":{"name":"first","namespace":"team"},"spec":{"configRef":{"name":"`+config+`"}},"status":{"phase":"`+phase+`"}}`)
	}
}

// withSchedule adds a schedule of all control planes that refers to a backup config.
func withSchedule(config string) func(*testing.T, *space.Observed) {
	return func(t *testing.T, o *space.Observed) {
		o.Schedules = append(o.Schedules, decodeJSON[space.Schedule](t, `{"metadata":{"name":"daily","namespace":"team"},"spec":{"configRef":{"name":"`+config+`"},"controlPlaneSelector":{"labelSelectors":[{}]}}}`))
	}
}

// withConfigs adds backup configs to the group: one that fits, and one with a Secret.
func withConfigs(t *testing.T, o *space.Observed) {
	withBackupConfig("team", "AWS", "spaces-backups", "InjectedIdentity", "")(t, o)
	right := o.BackupConfigs["team"]
	withBackupConfig("team", "AWS", "spaces-backups", "Secret", "")(t, o)
	o.BackupConfigs["team"][0].Meta.Name = "secret"
	o.BackupConfigs["team"] = append(o.BackupConfigs["team"], right...)
}

// together applies changes of a cluster in order.
func together(changes ...func(*testing.T, *space.Observed)) func(*testing.T, *space.Observed) {
	return func(t *testing.T, o *space.Observed) {
		for _, change := range changes {
			change(t, o)
		}
	}
}

// withoutObject replaces the control plane by one without a ControlPlane object.
func withoutObject(_ *testing.T, o *space.Observed) {
	o.ControlPlanes = []space.ControlPlane{{HostNamespace: hostNamespace}}
}

// withAdmissionObjects adds the admission policy and binding of the config to the cluster,
// after a change of their YAML.
func withAdmissionObjects(owner string, change ...string) func(*testing.T, *space.Observed) {
	return withObjects(export.AdmissionPolicies, identity.NativeAdmissionPolicy, owner, "", change...)
}

// withAppliedObjects is like withAdmissionObjects for those that a user has applied.
func withAppliedObjects(change ...string) func(*testing.T, *space.Observed) {
	return withObjects(export.AppliedPolicies, identity.NativeAdmissionPolicy, "", "", change...)
}

// withKyvernoPolicy adds the policy of Kyverno, with the status that Kyverno writes.
func withKyvernoPolicy(status string, change ...string) func(*testing.T, *space.Observed) {
	return withObjects(export.AdmissionPolicies, identity.KyvernoAdmissionPolicy, "spaces", status, change...)
}

// withKyverno adds a webhook of Kyverno that sends objects to a policy, and a controller
// with some available pods.
func withKyverno(policy string, pods int) func(*testing.T, *space.Observed) {
	return func(t *testing.T, o *space.Observed) {
		o.Kyverno = space.Kyverno{
			Webhooks:    []space.KyvernoWebhook{decodeJSON[space.KyvernoWebhook](t, `{"clientConfig":{"service":{"namespace":"kyverno","path":"/mpol/other/`+policy+`"}}}`)},
			Controllers: []space.Workload{decodeJSON[space.Workload](t, fmt.Sprintf(`{"status":{"availableReplicas":%d}}`, pods))},
		}
	}
}

const (
	kyvernoPolicy   = "spaces-identity.mxp-controller.serviceaccounts"
	kyvernoReady    = `{"conditionStatus":{"ready":true,"conditions":[{"type":"WebhookConfigured","status":"True","message":"Webhook configured."}]}}`
	kyvernoNotReady = `{"conditionStatus":{"ready":false,"conditions":[{"type":"WebhookConfigured","status":"False","message":"Policy is not configured in the webhook."},{"type":"RBACPermissionsGranted","status":"True"}]}}`
)

type objectsOf func(desired.State, identity.AdmissionPolicy) ([]export.Object, error)

func withObjects(form objectsOf, kind identity.AdmissionPolicy, owner, status string, change ...string) func(*testing.T, *space.Observed) {
	return func(t *testing.T, o *space.Observed) {
		t.Helper()
		objects, err := form(testState(t, identity.IRSA, setAdmissionPolicy), kind)
		if err != nil {
			t.Fatal(err)
		}
		for _, object := range objects {
			text, err := yaml.YAMLToJSON([]byte(strings.NewReplacer(change...).Replace(string(object.Text))))
			if err != nil {
				t.Fatal(err)
			}
			live := decodeJSON[space.Object](t, string(text))
			live.Meta.Annotations = map[string]string{"meta.helm.sh/release-name": owner}
			live.Status = []byte(status)
			o.Objects[resourceOfKind[object.Kind]][live.Meta.Name] = live
		}
	}
}

func setAdmissionPolicy(s *identity.Settings) { s.AdmissionPolicy = identity.NativeAdmissionPolicy }

func setKyverno(s *identity.Settings) { s.AdmissionPolicy = identity.KyvernoAdmissionPolicy }

func setPrefix(s *identity.Settings) { s.Components[0].Prefix = "prod" }

func setEndpoint(s *identity.Settings) { s.SharedBackupConfig.Endpoint = "s3.eu-west-1.amazonaws.com" }

func setSecrets(s *identity.Settings) {
	s.Components[0].Name, s.Components[0].ServiceAccount, s.Components[0].Bucket = "external-secrets-controller", "external-secrets-controller", ""
}

// withSecretStore adds a store that requests a token for a service account.
func withSecretStore(account string) func(*testing.T, *space.Observed) {
	return func(t *testing.T, o *space.Observed) {
		o.SecretStores = []space.SecretStore{decodeJSON[space.SecretStore](t, `{"metadata":{"name":"store","namespace":"team"},"spec":{"provider":{"aws":{"auth":{"jwt":{"serviceAccountRef":{"name":"`+account+`"}}}}}}}`)}
	}
}

func withNetworkPolicy(spec string) func(*testing.T, *space.Observed) {
	return func(t *testing.T, o *space.Observed) {
		o.NetworkPolicies[hostNamespace] = []space.NetworkPolicy{decodeJSON[space.NetworkPolicy](t, `{"metadata":{"name":"np"},"spec":`+spec+`}`)}
	}
}

// withStore adds a backup config that fits, with a config of the object store.
func withStore(config string) func(*testing.T, *space.Observed) {
	if !strings.Contains(config, "endpoint") {
		config = strings.Replace(config, "{", `{"endpoint":"s3.us-west-2.amazonaws.com",`, 1)
	}
	return withBackupConfig("team", "AWS", "spaces-backups", "InjectedIdentity", `,"config":`+config)
}

func setLabel(s *identity.Settings) {
	s.Components[0].PodLabels = map[string]string{"team": "storage"}
}

func clusterCases() []testCase {
	const irsa, pods, both = identity.IRSA, identity.PodIdentity, identity.Both
	workload := func(_ *testing.T, o *space.Observed) {
		w := space.Workload{Resource: space.Deployments}
		w.Meta.Name = "mxp-controller"
		o.Workloads[testAccount] = []space.Workload{w}
	}
	return []testCase{
		{"exists", AdmissionPolicy, irsa, setAdmissionPolicy, withAdmissionObjects("spaces"), nil, OK, "exists as the config says", ""},
		{"absent", AdmissionPolicy, irsa, setAdmissionPolicy, nil, nil, Fails, "the cluster has no MutatingAdmissionPolicy spaces-identity.mxp-controller.serviceaccounts: the release was installed, upgraded or rolled back without it", "upgrade the Spaces release"},
		{"applied for another role", AdmissionPolicy, irsa, setAdmissionPolicy, withAppliedObjects("spaces-backup", "former"), nil, Fails, "the cluster's MutatingAdmissionPolicy spaces-identity.mxp-controller.serviceaccounts.applied is not as", "apply them again"},
		{"applied, and of another role in the release", AdmissionPolicy, irsa, setAdmissionPolicy, together(withAppliedObjects(), withAdmissionObjects("spaces", "spaces-backup", "former")), nil, Fails, "the cluster's MutatingAdmissionPolicy spaces-identity.mxp-controller.serviceaccounts is not as", "upgrade"},
		{"of another role", AdmissionPolicy, irsa, setAdmissionPolicy, withAdmissionObjects("spaces", "spaces-backup", "former"), nil, Fails, "the cluster's MutatingAdmissionPolicy spaces-identity.mxp-controller.serviceaccounts is not as the config says", "upgrade the Spaces release"},
		{"with a condition more", AdmissionPolicy, irsa, setAdmissionPolicy, withAdmissionObjects("spaces", "  matchConditions:", "  matchConditions:\n    - {name: never, expression: 'false'}"), nil, Fails, "the cluster's MutatingAdmissionPolicy", "upgrade"},
		{"with a parameter", AdmissionPolicy, irsa, setAdmissionPolicy, withAdmissionObjects("spaces", "  failurePolicy:", "  paramKind: {kind: ConfigMap}\n  failurePolicy:"), nil, Fails, "the cluster's MutatingAdmissionPolicy", "upgrade"},
		{"bound to another", AdmissionPolicy, irsa, setAdmissionPolicy, withAdmissionObjects("spaces", "policyName: spaces", "policyName: other"), nil, Fails, "the cluster's MutatingAdmissionPolicyBinding", "upgrade"},
		{"applied", AdmissionPolicy, irsa, setAdmissionPolicy, withAppliedObjects(), nil, OK, "exists as the config says", ""},
		{"applied and released", AdmissionPolicy, irsa, setAdmissionPolicy, together(withAppliedObjects(), withAdmissionObjects("spaces")), nil, OK, "exists as the config says", ""},
		{"applied before a change", AdmissionPolicy, irsa, setAdmissionPolicy, together(withAppliedObjects("spaces-backup", "former"), withAdmissionObjects("spaces")), nil, Fails, "the cluster's MutatingAdmissionPolicy spaces-identity.mxp-controller.serviceaccounts.applied is not as the config says", "apply them again"},
		{"of no release", AdmissionPolicy, irsa, setAdmissionPolicy, withAdmissionObjects(""), nil, Warns, "the cluster's MutatingAdmissionPolicy", "delete it, then upgrade"},
		{"not served", AdmissionPolicy, irsa, setAdmissionPolicy, withFailedList(notServedList(space.AdmissionPolicies)), nil, Fails, "the cluster does not serve mutatingadmissionpolicies.admissionregistration.k8s.io: it lacks Kubernetes 1.36", "upgrade the cluster to Kubernetes 1.36, or install Kyverno"},
		{"forbidden", AdmissionPolicy, irsa, setAdmissionPolicy, withFailedList(forbiddenList(space.AdmissionBindings, "")), nil, Unknown, "list mutatingadmissionpolicybindings", "ask a cluster administrator"},
		{"not asked for", AdmissionPolicy, irsa, nil, nil, nil, "", "", ""},
		{"of Kyverno", AdmissionPolicy, irsa, setKyverno, together(withKyvernoPolicy(kyvernoReady), withKyverno(kyvernoPolicy, 1)), nil, OK, "exists as the config says", ""},
		{"of Kyverno, with the server's defaults", AdmissionPolicy, irsa, setKyverno, together(withKyvernoPolicy(kyvernoReady, "  evaluation:", "  evaluation:\n    skipBackgroundRequests: true"), withKyverno(kyvernoPolicy, 1)), nil, OK, "exists", ""},
		{"of Kyverno, outside the cluster", AdmissionPolicy, irsa, setKyverno, together(withKyvernoPolicy(kyvernoReady), func(t *testing.T, o *space.Observed) {
			o.Kyverno.Webhooks = []space.KyvernoWebhook{decodeJSON[space.KyvernoWebhook](t, `{"clientConfig":{"url":"https://192.0.2.1:9443/mpol/`+kyvernoPolicy+`"}}`)}
		}), nil, OK, "exists as the config says", ""},
		{"of Kyverno, absent", AdmissionPolicy, irsa, setKyverno, withKyverno(kyvernoPolicy, 1), nil, Fails, "the cluster has no MutatingPolicy spaces-identity.mxp-controller.serviceaccounts", "upgrade the Spaces release"},
		{"of Kyverno, of another role", AdmissionPolicy, irsa, setKyverno, together(withKyvernoPolicy(kyvernoReady, "spaces-backup", "former"), withKyverno(kyvernoPolicy, 1)), nil, Fails, "the cluster's MutatingPolicy spaces-identity.mxp-controller.serviceaccounts is not as the config says", "upgrade"},
		{"of Kyverno, for existing objects too", AdmissionPolicy, irsa, setKyverno, together(withKyvernoPolicy(kyvernoReady, "mutateExisting:\n      enabled: false", "mutateExisting:\n      enabled: true"), withKyverno(kyvernoPolicy, 1)), nil, Fails, "the cluster's MutatingPolicy", "upgrade"},
		{"of Kyverno, for pod templates too", AdmissionPolicy, irsa, setKyverno, together(withKyvernoPolicy(kyvernoReady, "controllers: []", "controllers: [deployments]"), withKyverno(kyvernoPolicy, 1)), nil, Fails, "the cluster's MutatingPolicy", "upgrade"},
		{"of Kyverno, without Kyverno", AdmissionPolicy, irsa, setKyverno, withKyvernoPolicy(""), nil, Fails, "Kyverno does not run: it has written no status to the MutatingPolicy spaces-identity.mxp-controller.serviceaccounts", "start Kyverno"},
		{"of Kyverno, not ready", AdmissionPolicy, irsa, setKyverno, together(withKyvernoPolicy(kyvernoNotReady), withKyverno(kyvernoPolicy, 1)), nil, Fails, "Kyverno does not act on the MutatingPolicy spaces-identity.mxp-controller.serviceaccounts: WebhookConfigured: Policy is not configured in the webhook.", "start Kyverno's admission controller, or look at its log"},
		{"of Kyverno, whose webhook sends others", AdmissionPolicy, irsa, setKyverno, together(withKyvernoPolicy(kyvernoReady), withKyverno(kyvernoPolicy+".applied", 1)), nil, Fails, "Kyverno does not run: no webhook sends objects", "start Kyverno"},
		{"of Kyverno, without a pod", AdmissionPolicy, irsa, setKyverno, together(withKyvernoPolicy(kyvernoReady), withKyverno(kyvernoPolicy, 0)), nil, Fails, "Kyverno does not run: no pod of its admission controller is available", "start Kyverno"},
		{"of Kyverno, not served", AdmissionPolicy, irsa, setKyverno, withFailedList(notServedList(space.KyvernoPolicies)), nil, Fails, "the cluster does not serve mutatingpolicies.policies.kyverno.io: it lacks Kyverno 1.17", "install Kyverno 1.17 or later before the Spaces release"},
		{"of Kyverno, forbidden", AdmissionPolicy, irsa, setKyverno, withFailedList(forbiddenList(space.KyvernoPolicies, "")), nil, Unknown, "list mutatingpolicies", "ask a cluster administrator"},
		{"webhooks of Kyverno, forbidden", AdmissionPolicy, irsa, setKyverno, together(withKyvernoPolicy(kyvernoReady), withFailedList(forbiddenList(space.MutatingWebhooks, ""))), nil, Unknown, "list mutatingwebhookconfigurations", "ask a cluster administrator"},
		{"of Kyverno, with one of Kubernetes left", AdmissionPolicy, irsa, setKyverno, together(withKyvernoPolicy(kyvernoReady), withKyverno(kyvernoPolicy, 1), withAppliedObjects("spaces-backup", "former")), nil, Fails, "the cluster's MutatingAdmissionPolicy spaces-identity.mxp-controller.serviceaccounts.applied is left from another delivery.admissionPolicy", "delete it: `kubectl delete mutatingadmissionpolicies.admissionregistration.k8s.io"},
		{"of Kyverno, with the same of Kubernetes", AdmissionPolicy, irsa, setKyverno, together(withKyvernoPolicy(kyvernoReady), withKyverno(kyvernoPolicy, 1), withAppliedObjects()), nil, OK, "exists as the config says", ""},
		{"with one of Kyverno left", AdmissionPolicy, irsa, setAdmissionPolicy, together(withAdmissionObjects("spaces"), withKyvernoPolicy("", "spaces-backup", "former")), nil, Fails, "the cluster's MutatingPolicy spaces-identity.mxp-controller.serviceaccounts is left", "delete it"},

		{"some left", Mechanism, both, nil, podsOf(irsaPod, associatedPod), nil, Warns, "1 pods are left to migrate: 1 use EKS Pod Identity, 1 use IRSA, 0 use neither", "run `spaces-identity apply`"},
		{"none left", Mechanism, both, nil, podsOf(associatedPod), nil, Warns, "every pod has migrated: 1 use EKS Pod Identity", "set mode: pod-identity"},
		{"pods without any", Mechanism, both, nil, podsOf(barePod, associatedPod), nil, Warns, "1 pods are left to migrate: 1 use EKS Pod Identity, 0 use IRSA, 1 use neither", "run"},
		{"no pod", Mechanism, both, nil, nil, nil, Warns, "the component has no pods, which would show whether they migrate: 0 use", "run `spaces-identity apply`"},
		{"forbidden", Mechanism, both, nil, withFailedList(forbiddenList(space.Pods, "")), nil, Unknown, "list pods", "ask a cluster administrator"},
		{"irsa", Mechanism, irsa, nil, nil, nil, "", "", ""},

		{"none needs IRSA", SecretStores, pods, setSecrets, withSecretStore("other"), nil, OK, "1 SharedSecretStores", ""},
		{"one needs IRSA", SecretStores, pods, setSecrets, withSecretStore("external-secrets-controller"), nil, Fails, "a SharedSecretStore has auth.jwt.serviceAccountRef: external-secrets-controller", "remove spec.provider.aws.auth"},
		{"not served", SecretStores, pods, setSecrets, withFailedList(notServedList(space.SharedSecretStores)), nil, OK, "0 SharedSecretStores", ""},
		{"forbidden", SecretStores, pods, setSecrets, withFailedList(forbiddenList(space.SharedSecretStores, "")), nil, Unknown, "list sharedsecretstores", "ask a cluster administrator"},
		{"both", SecretStores, both, setSecrets, withSecretStore("external-secrets-controller"), nil, "", "", ""},

		{"right", ServiceAccount, irsa, nil, withAnnotations(roleAnnotation), nil, OK, "annotated", ""},
		{"absent", ServiceAccount, irsa, nil, nil, nil, Fails, "there is no service account mxp-controller", "check that the control plane is up"},
		{"missing", ServiceAccount, irsa, nil, withAnnotations(`"x":"y"`), nil, Fails, "the annotation eks.amazonaws.com/role-arn is missing", "upgrade the Spaces release"},
		{"missing, with the policy", ServiceAccount, irsa, setAdmissionPolicy, together(withAdmissionObjects("spaces"), withAnnotations(`"x":"y"`)), nil, Fails, "the annotation eks.amazonaws.com/role-arn is missing", "run `spaces-identity restart`"},
		{"missing, without the policy", ServiceAccount, irsa, setAdmissionPolicy, withAnnotations(`"x":"y"`), nil, Fails, "the annotation eks.amazonaws.com/role-arn is missing", "fix the admission policy first"},
		{"another audience", ServiceAccount, irsa, nil, withAnnotations(roleAnnotation + `,"eks.amazonaws.com/audience":"vault.example.com"`), nil, Fails, "the annotation eks.amazonaws.com/audience is vault.example.com, and AWS accepts only tokens for sts.amazonaws.com", "remove it"},
		{"the default audience", ServiceAccount, irsa, nil, withAnnotations(roleAnnotation + `,"eks.amazonaws.com/audience":"sts.amazonaws.com"`), nil, OK, "annotated", ""},
		{"misspelt", ServiceAccount, irsa, nil, withAnnotations(strings.Replace(roleAnnotation, "eks.amazonaws.com", "eks.amazon.aws.com", 1)), nil,
			Fails, "the annotation eks.amazonaws.com/role-arn is misspelt: eks.amazon.aws.com/role-arn", "remove the annotation eks.amazon.aws.com/role-arn"},
		{"as the upstream guide's text", ServiceAccount, irsa, nil, withAnnotations(strings.Replace(roleAnnotation, "amazonaws.com", "amazon.aws", 1)), nil,
			Fails, "the annotation eks.amazonaws.com/role-arn is misspelt: eks.amazon.aws/role-arn", "remove"},
		{"another role", ServiceAccount, irsa, nil, withAnnotations(strings.Replace(roleAnnotation, "spaces-backup", "other", 1)), nil,
			Fails, "the annotation eks.amazonaws.com/role-arn is arn:aws:iam::123456789012:role/other, not " + testRole, "upgrade"},
		{"pod identity", ServiceAccount, pods, nil, withAnnotations(`"x":"y"`), nil, OK, "annotated", ""},
		{"pod identity, annotation left", ServiceAccount, pods, nil, withAnnotations(roleAnnotation), nil, Warns, "the service account still has the annotation eks.amazonaws.com/role-arn: " + testRole, "remove it after"},
		{"forbidden", ServiceAccount, irsa, nil, withFailedList(forbiddenList(space.ServiceAccounts, hostNamespace)), nil, Unknown, "list serviceaccounts in " + hostNamespace, "ask a cluster administrator"},
		{"forbidden elsewhere", ServiceAccount, irsa, nil, withFailedList(forbiddenList(space.ServiceAccounts, "another")), nil, Fails, "there is no service account", "check"},

		{"deployment", Workload, irsa, nil, workload, nil, OK, "deployments.apps mxp-controller", ""},
		{"bare pod", Workload, irsa, nil, podsOf(barePod), nil, OK, "pod p, which no Deployment, StatefulSet or DaemonSet owns", ""},
		{"nothing", Workload, irsa, nil, nil, nil, Fails, "no workload and no pod runs as the service account mxp-controller", "check that the component is deployed"},
		{"forbidden", Workload, irsa, nil, withFailedList(forbiddenList(space.Deployments, "")), nil, Unknown, "list deployments.apps", "ask a cluster administrator"},

		{"right", Labels, irsa, setLabel, podsOf(irsaPod), nil, OK, "1 of 1 pods have the labels", ""},
		{"missing", Labels, irsa, setLabel, podsOf(irsaPod, barePod), nil, Fails, "the label team is missing", "run `spaces-identity restart`"},
		{"another", Labels, irsa, setLabel, podsOf(`{"metadata":{"name":"p","labels":{"team":"other"}}}`), nil, Fails, `the label team is "other", not "storage"`, "set this value in the pod template"},
		{"forbidden", Labels, irsa, setLabel, withFailedList(forbiddenList(space.Pods, "")), nil, Unknown, "list pods", "ask a cluster administrator"},

		{"irsa", Injected, irsa, nil, podsOf(irsaPod), nil, OK, "1 of 1 pods have the identity", ""},
		{"no pod", Injected, irsa, nil, nil, nil, Fails, "the component has no pods", "check why"},
		{"nothing", Injected, irsa, nil, podsOf(irsaPod, barePod), nil, Fails, "the pod was created before its service account was annotated, or the EKS webhook left it out", "run `spaces-identity restart`"},
		{"nothing, not annotated", Injected, irsa, nil, func(t *testing.T, o *space.Observed) {
			podsOf(barePod)(t, o)
			withAnnotations("")(t, o)
		}, nil, Fails, "the pod was created before its service account was annotated, or the EKS webhook left it out", "fix the service account first"},
		{"overridden", Injected, irsa, nil, podsOf(associatedPod), nil, Fails, "the pod has EKS Pod Identity credentials", "run `spaces-identity apply --prune`"},
		{"skipped", Injected, irsa, nil, podsOf(skippedPod), nil, Fails, "the pod's annotation eks.amazonaws.com/skip-containers", "remove the label or annotation"},
		{"pod identity", Injected, pods, nil, podsOf(barePod), nil, Fails, "the pod has no EKS Pod Identity credentials", "check the association"},
		{"confirmed by the label", Injected, pods, nil, podsOf(strings.Replace(associatedPod, `"name":"p"`, `"name":"p","labels":{"eks.amazonaws.com/pod-identity":"enabled"}`, 1)), nil, OK, "1 of 1 pods have the identity; the EKS webhook has labelled 1 of them", ""},
		{"both, associated", Injected, both, nil, podsOf(associatedPod), nil, OK, "", ""},
		{"forbidden", Injected, irsa, nil, withFailedList(forbiddenList(space.Pods, hostNamespace)), nil, Unknown, "list pods", "ask a cluster administrator"},

		{"another audience", Injected, irsa, nil, together(podsOf(strings.Replace(irsaPod, "sts.amazonaws.com", "vault.example.com", 1)), withAnnotations(roleAnnotation+`,"eks.amazonaws.com/audience":"vault.example.com"`)), nil,
			Fails, `the pod's token has the audience "vault.example.com", not "sts.amazonaws.com"`, "remove the annotation eks.amazonaws.com/audience"},
		{"another role", Injected, irsa, nil, podsOf(strings.Replace(irsaPod, "spaces-backup", "other", 1)), nil, Fails, "the pod has the credentials of another role, arn:aws:iam::123456789012:role/other", "run `spaces-identity restart`"},
		{"preset", Injected, irsa, nil, podsOf(strings.Replace(irsaPod, "AWS_ROLE_ARN", "X", 1)), nil, Fails, "the pod template sets one of", "remove the variables"},

		{"irsa", Credentials, irsa, nil, podsOf(irsaPod), nil, OK, "1 of 1 pods use the identity", ""},
		{"static keys", Credentials, irsa, nil, podsOf(strings.Replace(irsaPod, `"env":[`, `"env":[{"name":"AWS_ACCESS_KEY_ID","value":"x"},{"name":"AWS_SECRET_ACCESS_KEY","value":"x"},`, 1)), nil, Fails, "container main uses static keys", "remove the variables"},
		{"not injected", Credentials, irsa, nil, podsOf(barePod), nil, Fails, "container main uses the role of the node", "fix injected first"},
		{"a Secret", Credentials, irsa, nil, podsOf(strings.Replace(irsaPod, `"env":[`, `"envFrom":[{"secretRef":{"name":"env"}}],"env":[`, 1)), nil, Unknown, "container main has variables from Secret env", "run `kubectl describe secret env"},
		{"forbidden", Credentials, irsa, nil, withFailedList(forbiddenList(space.Pods, "")), nil, Unknown, "list pods", "ask a cluster administrator"},

		{"no policy", Network, irsa, nil, podsOf(irsaPod), nil, OK, "1 of 1 pods may reach AWS", ""},
		{"blocks AWS", Network, irsa, nil, together(podsOf(irsaPod), withNetworkPolicy(`{"policyTypes":["Egress"]}`)), nil, Fails, "network policies block STS and S3 (TCP port 443)", "allow the egress in one of the network policies: np"},
		{"blocks the agent", Network, pods, nil, together(podsOf(associatedPod), withNetworkPolicy(`{"egress":[{"ports":[{"port":443}]}]}`)), nil, Fails, "network policies block the EKS Pod Identity agent (169.254.170.23, TCP port 80)", "allow"},
		{"blocks AWS and the agent", Network, pods, nil, together(podsOf(associatedPod), withNetworkPolicy(`{"policyTypes":["Egress"]}`)), nil, Fails, "network policies block STS and S3 (TCP port 443)", "allow"},
		{"admits AWS and the agent", Network, pods, nil, together(podsOf(associatedPod), withNetworkPolicy(`{"egress":[{"ports":[{"port":443},{"port":80}]}]}`)), nil, OK, "1 of 1 pods may reach AWS, as far as Kubernetes' network policies say (1)", ""},
		{"irsa needs no agent", Network, irsa, nil, together(podsOf(irsaPod), withNetworkPolicy(`{"egress":[{"ports":[{"port":443}]}]}`)), nil, OK, "", ""},
		{"forbidden", Network, irsa, nil, withFailedList(forbiddenList(space.NetworkPolicies, "")), nil, Unknown, "list networkpolicies", "ask a cluster administrator"},

		{"ready", Ready, irsa, nil, podsOf(irsaPod), nil, OK, "1 of 1 pods run", ""},
		{"pending", Ready, irsa, nil, podsOf(barePod), nil, Fails, "the pod is Pending and not ready", "run `kubectl describe pod p -n ns`"},
		{"forbidden", Ready, irsa, nil, withFailedList(forbiddenList(space.Pods, "")), nil, Unknown, "list pods", "ask a cluster administrator"},

		{"right", BackupConfig, irsa, nil, withBackupConfig("team", "AWS", "spaces-backups", "InjectedIdentity", ""), nil, OK, "uses the identity; what its role may do was not read; nothing refers to it yet", ""},
		{"right and used", BackupConfig, irsa, nil, together(withBackupConfig("team", "AWS", "spaces-backups", "InjectedIdentity", ""), withBackup("Completed", "nightly")), nil, OK, "uses the identity", ""},
		{"a wrong one besides, not used", BackupConfig, irsa, nil, together(withConfigs, withBackup("Completed", "nightly"), withSchedule("nightly")), nil, OK, "uses the identity", ""},
		{"a wrong one besides, nothing used", BackupConfig, irsa, nil, withConfigs, nil, Warns, "nothing refers to a backup config yet, and one of them does not fit: SharedBackupConfig secret", "refer to SharedBackupConfig nightly"},
		{"a wrong one, used by a backup", BackupConfig, irsa, nil, together(withConfigs, withBackup("Completed", "secret")), nil, Fails, "credentials.source is Secret", "apply"},
		{"a wrong one, used by a schedule", BackupConfig, irsa, nil, together(withConfigs, withBackup("Completed", "nightly"), withSchedule("secret")), nil, Fails, "credentials.source is Secret", "apply"},
		{"one that does not exist", BackupConfig, irsa, nil, together(withConfigs, withSchedule("gone")), nil, Fails, "the SharedBackupConfig that is in use does not exist", "create"},
		{"only wrong ones", BackupConfig, irsa, nil, withBackupConfig("team", "AWS", "spaces-backups", "Secret", ""), nil, Fails, "credentials.source is Secret, not InjectedIdentity", "apply"},
		{"one of the group and one of the whole Space", BackupConfig, irsa, nil, together(withBackupConfig("", "AWS", "spaces-backups", "InjectedIdentity", ""), withBackupConfig("team", "AWS", "spaces-backups", "InjectedIdentity", "")), nil, OK, "uses the identity", ""},
		{"of the whole Space only", BackupConfig, irsa, nil, withBackupConfig("", "AWS", "spaces-backups", "InjectedIdentity", ""), nil, Warns, "there is only a SpaceBackupConfig", "apply"},
		{"none", BackupConfig, irsa, nil, nil, nil, Warns, "there is no SharedBackupConfig in namespace team", "apply the SharedBackupConfig"},
		{"of another group", BackupConfig, irsa, nil, withBackupConfig("other", "AWS", "spaces-backups", "InjectedIdentity", ""), nil, Warns, "there is no SharedBackupConfig", "apply"},
		{"a secret", BackupConfig, irsa, nil, withBackupConfig("team", "AWS", "spaces-backups", "Secret", ""), nil, Fails, "credentials.source is Secret", "apply"},
		{"other bucket", BackupConfig, irsa, nil, withBackupConfig("team", "AWS", "other", "InjectedIdentity", ""), nil, Fails, "the bucket is other", "apply"},
		{"other cloud", BackupConfig, irsa, nil, withBackupConfig("team", "GCP", "spaces-backups", "InjectedIdentity", ""), nil, Fails, "its provider is GCP, not AWS", "apply"},
		{"other prefix", BackupConfig, irsa, setPrefix, withBackupConfig("team", "AWS", "spaces-backups", "InjectedIdentity", `,"prefix":"production"`), nil, Fails, `the prefix is "production", but the role may use only what is below prod/`, "set the prefix"},
		{"no prefix", BackupConfig, irsa, setPrefix, withBackupConfig("team", "AWS", "spaces-backups", "InjectedIdentity", ""), nil, Fails, `the prefix is ""`, "set the prefix"},
		{"a prefix below", BackupConfig, irsa, setPrefix, withBackupConfig("team", "AWS", "spaces-backups", "InjectedIdentity", `,"prefix":"/prod/east/"`), nil, OK, "", ""},
		{"other region", BackupConfig, irsa, nil, withStore(`{"region":"eu-west-1"}`), nil, Fails, "config.region is eu-west-1, but the config of this program says that the bucket is in us-west-2", "apply"},
		{"other endpoint", BackupConfig, irsa, nil, withStore(`{"region":"us-west-2","endpoint":"s3.eu-west-1.amazonaws.com"}`), nil, Fails, "config.endpoint is s3.eu-west-1.amazonaws.com", "apply"},
		{"the config's endpoint", BackupConfig, irsa, setEndpoint, withStore(`{"region":"eu-west-1","endpoint":"s3.eu-west-1.amazonaws.com"}`), nil, OK, "", ""},
		{"an endpoint of one's own", BackupConfig, irsa, nil, withStore(`{"endpoint":"minio.example.com:9000"}`), nil, Warns, "config.endpoint is minio.example.com:9000, which is not a host of S3", "apply"},
		{"an endpoint of one's own in the config", BackupConfig, irsa, func(s *identity.Settings) { s.SharedBackupConfig.Endpoint = "minio.example.com:9000" }, withStore(`{"endpoint":"https://minio.example.com:9000"}`), nil, OK, "", ""},
		{"no endpoint", BackupConfig, irsa, nil, withBackupConfig("team", "AWS", "spaces-backups", "InjectedIdentity", `,"config":{"region":"us-west-2"}`), nil, Warns, "config.endpoint is not set", "apply"},
		{"an endpoint in the VPC", BackupConfig, irsa, nil, withStore(`{"endpoint":"bucket.vpce-1a2b3c4d-5e6f.s3.us-west-2.vpce.amazonaws.com:443"}`), nil, OK, "", ""},
		{"a FIPS endpoint", BackupConfig, irsa, nil, withStore(`{"endpoint":"s3-fips.us-west-2.amazonaws.com"}`), nil, OK, "", ""},
		{"a session token", BackupConfig, irsa, nil, withStore(`{"session_token":"x"}`), nil, Fails, "config.session_token is set, and", "apply"},
		{"a secret key", BackupConfig, irsa, nil, withStore(`{"secret_key":"x"}`), nil, Fails, "config.secret_key is set, and", "apply"},
		{"empty keys", BackupConfig, irsa, nil, withStore(`{"access_key":"","secret_key":"","session_token":""}`), nil, OK, "", ""},
		{"sdk auth that is off", BackupConfig, pods, nil, withStore(`{"aws_sdk_auth":false}`), nil, OK, "", ""},
		{"other dual-stack endpoint", BackupConfig, irsa, nil, withStore(`{"endpoint":"https://s3.dualstack.eu-west-1.amazonaws.com"}`), nil, Fails, "config.endpoint is https://s3.dualstack.eu-west-1.amazonaws.com, but", "apply"},
		{"right dual-stack endpoint", BackupConfig, irsa, nil, withStore(`{"endpoint":"http://s3.dualstack.us-west-2.amazonaws.com"}`), nil, OK, "", ""},
		{"other endpoint by HTTP", BackupConfig, irsa, nil, withStore(`{"endpoint":"http://s3.eu-west-1.amazonaws.com"}`), nil, Fails, "config.endpoint is http://s3.eu-west-1.amazonaws.com, but", "apply"},
		{"endpoint in China", BackupConfig, irsa, nil, withStore(`{"endpoint":"s3.cn-north-1.amazonaws.com.cn"}`), nil, Fails, "config.endpoint is s3.cn-north-1.amazonaws.com.cn, but", "apply"},
		{"endpoint of another service", BackupConfig, irsa, nil, withStore(`{"endpoint":"ec2.eu-west-1.amazonaws.com"}`), nil, Warns, "config.endpoint is ec2.eu-west-1.amazonaws.com, which is not", "apply"},
		{"endpoint without a region", BackupConfig, irsa, nil, withStore(`{"endpoint":"s3.amazonaws.com"}`), nil, OK, "", ""},
		{"S3 of somebody else", BackupConfig, irsa, nil, withStore(`{"endpoint":"s3.eu-west-1.example.com"}`), nil, Warns, "config.endpoint is s3.eu-west-1.example.com, which is not", "apply"},
		{"no bucket in the config", BackupConfig, irsa, func(s *identity.Settings) { s.Components[0].Bucket = "" }, withStore(`{"region":"eu-west-1"}`), nil, OK, "", ""},
		{"a schedule and a backup that fit", BackupConfig, irsa, nil, together(withConfigs, withSchedule("nightly")), nil, OK, "uses the identity", ""},
		{"static keys", BackupConfig, irsa, nil, withStore(`{"access_key":"AKIDSECRET","secret_key":"x"}`), nil, Fails, "config.access_key is set, and static keys come before the identity", "apply"},
		{"sdk auth", BackupConfig, pods, nil, withStore(`{"aws_sdk_auth":true}`), nil, Fails, "config.aws_sdk_auth is true", "apply"},
		{"sdk auth irsa", BackupConfig, irsa, nil, withStore(`{"aws_sdk_auth":true}`), nil, OK, "", ""},
		{"sdk auth as a string", BackupConfig, irsa, nil, withStore(`{"aws_sdk_auth":"true"}`), nil, Fails, `config.aws_sdk_auth is "true", which is not a boolean`, "apply"},
		{"forbidden", BackupConfig, irsa, nil, withFailedList(forbiddenList(space.SharedBackupConfigs, "")), nil, Unknown, "list sharedbackupconfigs", "ask a cluster administrator"},
		{"schedules forbidden", BackupConfig, irsa, nil, withFailedList(forbiddenList(space.BackupSchedules, "team")), nil, Unknown, "list backupschedules", "ask a cluster administrator"},
		{"schedules not served", BackupConfig, irsa, nil, withFailedList(notServedList(space.BackupSchedules)), nil, Warns, "there is no SharedBackupConfig", "apply"},
		{"no ControlPlane object", BackupConfig, irsa, nil, withoutObject, nil, Unknown, "no ControlPlane object", ""},
		{"of another component", BackupConfig, irsa, func(s *identity.Settings) { s.Components[0].Name = "vector" }, nil, nil, "", "", ""},

		{"completed", LatestBackup, irsa, nil, together(withConfigs, withBackup("Completed", "nightly")), nil, OK, "completed", ""},
		{"completed with a Secret", LatestBackup, irsa, nil, together(withConfigs, withBackup("Completed", "secret")), nil, Warns, "the backup is completed, but its SharedBackupConfig does not use the identity", "create a backup"},
		{"completed with what is gone", LatestBackup, irsa, nil, withBackup("Completed", "gone"), nil, Warns, "the backup is completed, but", "create a backup"},
		{"none", LatestBackup, irsa, nil, nil, nil, Warns, "there is no backup yet", "create a backup"},
		{"failed", LatestBackup, irsa, nil, withBackup("Failed", ""), nil, Fails, "the backup failed", "fix the other checks first, then create another backup; `kubectl describe backups.spaces.upbound.io first -n team`"},
		{"in progress", LatestBackup, irsa, nil, withBackup("InProgress", ""), nil, Warns, "the backup is InProgress", "wait"},
		{"no phase", LatestBackup, irsa, nil, withBackup("", ""), nil, Warns, "the backup is Pending", "wait"},
		{"forbidden", LatestBackup, irsa, nil, withFailedList(forbiddenList(space.Backups, "team")), nil, Unknown, "list backups", "ask a cluster administrator"},
		{"configs forbidden", LatestBackup, irsa, nil, withFailedList(forbiddenList(space.SharedBackupConfigs, "team")), nil, Unknown, "list sharedbackupconfigs", "ask a cluster administrator"},
		{"forbidden elsewhere", LatestBackup, irsa, nil, withFailedList(forbiddenList(space.Backups, "another")), nil, Warns, "there is no backup yet", "create"},
		{"no ControlPlane object", LatestBackup, irsa, nil, withoutObject, nil, Unknown, "no ControlPlane object", ""},
	}
}

func TestClusterChecksReportWhatTheyFind(t *testing.T) {
	for _, tt := range clusterCases() {
		t.Run(tt.check+"/"+tt.name, func(t *testing.T) { tt.run(t, accountState{}) })
	}
}

func (tt testCase) run(t *testing.T, a accountState) {
	t.Helper()
	o := emptyCluster()
	if tt.cluster != nil {
		tt.cluster(t, &o)
	}
	got := runChecks(o, a, nil, a.resolve(testState(t, tt.mode, tt.change))).find(tt.check)
	if got.State != tt.want || !strings.HasPrefix(got.Detail, tt.detail) || !strings.HasPrefix(got.Fix, tt.fix) {
		t.Errorf("got %+v\nwant %s %s, fix %s", got, tt.want, tt.detail, tt.fix)
	}
	if strings.Contains(got.Detail+got.Fix, "%!") {
		t.Errorf("a text has the wrong arguments: %+v", got)
	}
	if (got.State == Fails || got.State == Warns) && got.Fix == "" {
		t.Error("it does not say what to do first")
	}
}

func TestUnknownCheckHasTheHintOfItsError(t *testing.T) {
	if got := unknownCheck(forbiddenList(space.Pods, "")); got.Fix != "ask a cluster administrator for the ClusterRole in examples/rbac" {
		t.Errorf("%+v", got)
	}
	if got := unknownCheck(errors.New("x")); got.Fix != "" {
		t.Errorf("%+v", got)
	}
}

func TestCoversIgnoresOnlyDefaultsAndEmptyValues(t *testing.T) {
	const want = `{"failurePolicy":"Ignore","matchConstraints":{"resourceRules":[{"resources":["pods"]}]}}`
	for live, covered := range map[string]bool{
		want: true,
		`{"failurePolicy":"Ignore","variables":[],"matchConstraints":{"matchPolicy":"Equivalent","namespaceSelector":{},"resourceRules":[{"resources":["pods"],"scope":"*"}]}}`: true,
		`{"failurePolicy":"Fail","matchConstraints":{"resourceRules":[{"resources":["pods"]}]}}`:                                                                                false,
		`{"matchConstraints":{"resourceRules":[{"resources":["pods"]}]}}`:                                                                                                       false,
		`{"failurePolicy":"Ignore","matchConstraints":{"resourceRules":[{"resources":["pods","secrets"]}]}}`:                                                                    false,
		`{"failurePolicy":"Ignore","matchConstraints":{"resourceRules":[{"resources":["pods"],"scope":"Cluster"}]}}`:                                                            false,
		`{"failurePolicy":"Ignore","matchConstraints":{"objectSelector":{"matchLabels":{"a":"b"}},"resourceRules":[{"resources":["pods"]}]}}`:                                   false,
		`{"failurePolicy":"Ignore","matchConstraints":{"resourceRules":[]}}`:                                                                                                    false,
		`{"failurePolicy":"Ignore","more":5,"matchConstraints":{"resourceRules":[{"resources":["pods"]}]}}`:                                                                     false,
		`{"failurePolicy":"Ignore","matchConditions":null,"paramKind":"","matchConstraints":{"resourceRules":[{"resources":["pods"]}]}}`:                                        true,
		`{"failurePolicy":"Ignore","other":"x","matchConstraints":{"resourceRules":[{"resources":["pods"]}]}}`:                                                                  false,
		`{"failurePolicy":"Ignore","other":["x"],"matchConstraints":{"resourceRules":[{"resources":["pods"]}]}}`:                                                                false,
		`{"failurePolicy":"Ignore","other":false,"matchConstraints":{"resourceRules":[{"resources":["pods"]}]}}`:                                                                false,
		`{"failurePolicy":"Ignore"}`: false, `[]`: false,
	} {
		if got := covers(decodeJSON[any](t, want), decodeJSON[any](t, live)); got != covered {
			t.Errorf("%s: %t", live, got)
		}
	}
}
