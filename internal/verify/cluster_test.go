package verify

import (
	"errors"
	"strings"
	"testing"

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
	irsaPod        = `{"metadata":{"name":"p","labels":{"team":"storage"}},"spec":{"volumes":[{"name":"aws-iam-token"}],"containers":[{"name":"main",
		"env":[{"name":"AWS_ROLE_ARN","value":"` + testRole + `"},{"name":"AWS_WEB_IDENTITY_TOKEN_FILE","value":"/token"}]}]},
		"status":{"phase":"Running","conditions":[{"type":"Ready","status":"True"}]}}`
	associatedPod = `{"metadata":{"name":"p"},"spec":{"volumes":[{"name":"eks-pod-identity-token"}],"containers":[{"name":"main",
		"env":[{"name":"AWS_CONTAINER_CREDENTIALS_FULL_URI","value":"http://169.254.170.23"},{"name":"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE","value":"/token"}]}]}}`
	barePod    = `{"metadata":{"name":"p","namespace":"ns"},"spec":{"containers":[{"name":"main"}]},"status":{"phase":"Pending"}}`
	skippedPod = `{"metadata":{"name":"p","annotations":{"eks.amazonaws.com/skip-containers":"main"}},"spec":{"initContainers":[{"name":"init",
		"env":[{"name":"AWS_ROLE_ARN","value":"` + testRole + `"},{"name":"AWS_WEB_IDENTITY_TOKEN_FILE","value":"/token"}]}],"containers":[{"name":"main"}]}}`
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
	return func(_ *testing.T, o *space.Observed) { o.Unread = append(o.Unread, e) }
}

// withBackupConfig adds a backup config to a namespace.
func withBackupConfig(namespace, provider, bucket, source, more string) func(*testing.T, *space.Observed) {
	return func(t *testing.T, o *space.Observed) {
		o.BackupConfigs[namespace] = []space.BackupConfig{decodeJSON[space.BackupConfig](t, `{"metadata":{"name":"nightly"},"spec":{"objectStorage":
			{"provider":"`+provider+`","bucket":"`+bucket+`","credentials":{"source":"`+source+`"}`+more+`}}}`)}
	}
}

func withBackup(phase string) func(*testing.T, *space.Observed) {
	return func(t *testing.T, o *space.Observed) {
		o.Backups[space.Key{Namespace: "team", Name: "ctp"}] = decodeJSON[space.Backup](t, `{"metadata":{"name":"first","namespace":"team"},"status":{"phase":"`+phase+`"}}`)
	}
}

// withoutObject replaces the control plane by one without a ControlPlane object.
func withoutObject(_ *testing.T, o *space.Observed) {
	o.ControlPlanes = []space.ControlPlane{{HostNamespace: hostNamespace}}
}

// withAdmissionObjects adds admission policies and bindings of these names.
func withAdmissionObjects(names ...string) func(*testing.T, *space.Observed) {
	return func(_ *testing.T, o *space.Observed) {
		for _, name := range names {
			o.Names[space.AdmissionPolicies][name], o.Names[space.AdmissionBindings][name] = true, true
		}
	}
}

func setAdmissionPolicy(s *identity.Settings) { s.AdmissionPolicy = identity.NativeAdmissionPolicy }

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
	sdkAuth := `,"config":{"aws_sdk_auth":true}`
	return []testCase{
		{"exists", AdmissionPolicy, irsa, setAdmissionPolicy, withAdmissionObjects("spaces-identity.mxp-controller.serviceaccounts"), nil, OK, "exists", ""},
		{"applied", AdmissionPolicy, irsa, setAdmissionPolicy, withAdmissionObjects("spaces-identity.mxp-controller.serviceaccounts.applied"), nil, OK, "exists", ""},
		{"absent", AdmissionPolicy, irsa, setAdmissionPolicy, withAdmissionObjects("another"), nil, Fails, "the cluster has no MutatingAdmissionPolicy ", "upgrade the Spaces release"},
		{"not served", AdmissionPolicy, irsa, setAdmissionPolicy, withFailedList(notServedList(space.AdmissionPolicies)), nil, Fails, "the cluster does not serve MutatingAdmissionPolicy", "upgrade the cluster"},
		{"forbidden", AdmissionPolicy, irsa, setAdmissionPolicy, withFailedList(forbiddenList(space.AdmissionBindings, "")), nil, Unknown, "list mutatingadmissionpolicybindings", "ask a cluster administrator"},
		{"not asked for", AdmissionPolicy, irsa, nil, nil, nil, "", "", ""},

		{"right", ServiceAccount, irsa, nil, withAnnotations(roleAnnotation), nil, OK, "annotated", ""},
		{"absent", ServiceAccount, irsa, nil, nil, nil, Fails, "there is no service account mxp-controller", "check that the control plane is up"},
		{"missing", ServiceAccount, irsa, nil, withAnnotations(`"x":"y"`), nil, Fails, "the annotation eks.amazonaws.com/role-arn is missing", "upgrade the Spaces release"},
		{"missing, with the policy", ServiceAccount, irsa, setAdmissionPolicy, withAnnotations(`"x":"y"`), nil, Fails, "the annotation eks.amazonaws.com/role-arn is missing", "run `spaces-identity restart`"},
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
		{"bare pod", Workload, irsa, nil, podsOf(barePod), nil, OK, "pod p, which no workload owns", ""},
		{"nothing", Workload, irsa, nil, nil, nil, Fails, "no workload and no pod runs as the service account mxp-controller", "check that the component is deployed"},
		{"forbidden", Workload, irsa, nil, withFailedList(forbiddenList(space.Deployments, "")), nil, Unknown, "list deployments.apps", "ask a cluster administrator"},

		{"right", Labels, irsa, setLabel, podsOf(irsaPod), nil, OK, "1 of 1 pods have the labels", ""},
		{"missing", Labels, irsa, setLabel, podsOf(irsaPod, barePod), nil, Fails, "the label team is missing on pod p", "run `spaces-identity restart`"},
		{"another", Labels, irsa, setLabel, podsOf(`{"metadata":{"name":"p","labels":{"team":"other"}}}`), nil, Fails, `the label team is "other" on pod p, not "storage"`, "set this value in the pod template"},
		{"forbidden", Labels, irsa, setLabel, withFailedList(forbiddenList(space.Pods, "")), nil, Unknown, "list pods", "ask a cluster administrator"},

		{"irsa", Injected, irsa, nil, podsOf(irsaPod), nil, OK, "1 of 1 pods have the identity", ""},
		{"no pod", Injected, irsa, nil, nil, nil, Fails, "the component has no pods", "check why"},
		{"nothing", Injected, irsa, nil, podsOf(irsaPod, barePod), nil, Fails, "pod p: the EKS webhook injected no credentials", "run `spaces-identity restart`"},
		{"nothing, not annotated", Injected, irsa, nil, func(t *testing.T, o *space.Observed) {
			podsOf(barePod)(t, o)
			withAnnotations("")(t, o)
		}, nil, Fails, "pod p: the EKS webhook injected no credentials", "fix the service account first"},
		{"overridden", Injected, irsa, nil, podsOf(associatedPod), nil, Fails, "pod p: an association overrides the annotation", "delete the association"},
		{"skipped", Injected, irsa, nil, podsOf(skippedPod), nil, Fails, "pod p: the pod's annotation", "remove the annotation eks.amazonaws.com/skip-containers"},
		{"pod identity", Injected, pods, nil, podsOf(barePod), nil, Fails, "pod p: the pod has no EKS Pod Identity credentials", "check the association"},
		{"both, associated", Injected, both, nil, podsOf(associatedPod), nil, OK, "", ""},
		{"forbidden", Injected, irsa, nil, withFailedList(forbiddenList(space.Pods, hostNamespace)), nil, Unknown, "list pods", "ask a cluster administrator"},

		{"ready", Ready, irsa, nil, podsOf(irsaPod), nil, OK, "1 of 1 pods run", ""},
		{"pending", Ready, irsa, nil, podsOf(barePod), nil, Fails, "pod p is Pending and not ready", "run `kubectl describe pod p -n ns`"},
		{"forbidden", Ready, irsa, nil, withFailedList(forbiddenList(space.Pods, "")), nil, Unknown, "list pods", "ask a cluster administrator"},

		{"right", BackupConfig, irsa, nil, withBackupConfig("team", "AWS", "spaces-backups", "InjectedIdentity", ""), nil, OK, "nightly", ""},
		{"of the whole Space", BackupConfig, irsa, nil, withBackupConfig("", "AWS", "spaces-backups", "InjectedIdentity", ""), nil, OK, "nightly", ""},
		{"none", BackupConfig, irsa, nil, nil, nil, Warns, "no SharedBackupConfig in namespace team", "apply the SharedBackupConfig"},
		{"of another group", BackupConfig, irsa, nil, withBackupConfig("other", "AWS", "spaces-backups", "InjectedIdentity", ""), nil, Warns, "no SharedBackupConfig", "apply"},
		{"a secret", BackupConfig, irsa, nil, withBackupConfig("team", "AWS", "spaces-backups", "Secret", ""), nil, Fails, "nightly: credentials.source is Secret", "apply"},
		{"other bucket", BackupConfig, irsa, nil, withBackupConfig("team", "AWS", "other", "InjectedIdentity", ""), nil, Fails, "nightly: the bucket is other", "apply"},
		{"other cloud", BackupConfig, irsa, nil, withBackupConfig("team", "GCP", "spaces-backups", "InjectedIdentity", ""), nil, Fails, "nightly: its provider is GCP, not AWS", "apply"},
		{"sdk auth", BackupConfig, pods, nil, withBackupConfig("team", "AWS", "spaces-backups", "InjectedIdentity", sdkAuth), nil, Fails, "nightly: config.aws_sdk_auth is true", "apply"},
		{"sdk auth irsa", BackupConfig, irsa, nil, withBackupConfig("team", "AWS", "spaces-backups", "InjectedIdentity", sdkAuth), nil, OK, "nightly", ""},
		{"forbidden", BackupConfig, irsa, nil, withFailedList(forbiddenList(space.SharedBackupConfigs, "")), nil, Unknown, "list sharedbackupconfigs", "ask a cluster administrator"},
		{"no ControlPlane object", BackupConfig, irsa, nil, withoutObject, nil, Unknown, "no ControlPlane object", ""},
		{"of another component", BackupConfig, irsa, func(s *identity.Settings) { s.Components[0].Name = "vector" }, nil, nil, "", "", ""},

		{"completed", LatestBackup, irsa, nil, withBackup("Completed"), nil, OK, "backup first is completed", ""},
		{"none", LatestBackup, irsa, nil, nil, nil, Warns, "there is no backup yet", "create a backup"},
		{"failed", LatestBackup, irsa, nil, withBackup("Failed"), nil, Fails, "backup first failed", "fix the other checks first, then create another backup; `kubectl describe backups.spaces.upbound.io first -n team`"},
		{"in progress", LatestBackup, irsa, nil, withBackup("InProgress"), nil, Warns, "backup first is InProgress", "wait"},
		{"no phase", LatestBackup, irsa, nil, withBackup(""), nil, Warns, "backup first is Pending", "wait"},
		{"forbidden", LatestBackup, irsa, nil, withFailedList(forbiddenList(space.Backups, "team")), nil, Unknown, "list backups", "ask a cluster administrator"},
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
	got := runChecks(o, a, testState(t, tt.mode, tt.change)).find(tt.check)
	if got.State != tt.want || !strings.HasPrefix(got.Detail, tt.detail) || !strings.HasPrefix(got.Fix, tt.fix) {
		t.Errorf("got %+v\nwant %s %s, fix %s", got, tt.want, tt.detail, tt.fix)
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
