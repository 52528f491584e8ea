package verify

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	eksaccount "spaces-identity.dev/internal/account"
	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/space"
	"spaces-identity.dev/internal/test/awstest"
)

// liveServer returns a server with what the state asks for, and its account.
func liveServer(t *testing.T, s desired.State) (*awstest.Server, AWS) {
	t.Helper()
	server := awstest.New(t)
	trust, err := s.TrustPolicy(s.Components[0])
	if err != nil {
		t.Fatal(err)
	}
	policy, err := s.Permissions(s.Components[0])
	if err != nil {
		t.Fatal(err)
	}
	server.Change(func(state *awstest.State) {
		state.Roles["spaces-backup"] = awstest.Role{Path: "/", Trust: string(trust.JSON()), Inline: map[string]string{policy.Name: string(policy.Document.JSON())}}
		state.Providers["arn:aws:iam::123456789012:oidc-provider/"+testIssuer] = []string{identity.Audience}
		state.Clusters["prod"] = awstest.Cluster{Issuer: "https://" + testIssuer, Version: "1.36"}
		state.Buckets = map[string]map[string]string{"spaces-backups": {}}
	})
	a, err := eksaccount.Connect(t.Context(), eksaccount.Options{Region: awstest.Region})
	if err != nil {
		t.Fatal(err)
	}
	return server, OfAccount(a)
}

func TestLiveAccountReadsEveryPolicyOfARole(t *testing.T) {
	s := testState(t, identity.IRSA)
	server, aws := liveServer(t, s)
	const managed = "arn:aws:iam::123456789012:policy/extra"
	server.Change(func(state *awstest.State) {
		role := state.Roles["spaces-backup"]
		role.Attached = []string{managed}
		state.Roles["spaces-backup"] = role
		state.Managed[managed] = `{"Version":"2012-10-17","Statement":[{"Sid":"Extra","Effect":"Deny","Action":"s3:*","Resource":"*"}]}`
	})
	role, err := aws.Role(t.Context(), s.Components[0].Role)
	if err != nil {
		t.Fatal(err)
	}
	var sids []string
	for _, doc := range append([]iam.Document{role.Trust}, role.Permissions...) {
		sids = append(sids, doc.Statement[0].Sid)
	}
	if diff := cmp.Diff([]string{"SpacesIdentityIRSAMatch", "SpacesIdentityList", "Extra"}, sids); diff != "" || role.ARN != testRole || role.Boundary != nil || !role.LastUsed.IsZero() {
		t.Errorf("%s, boundary %v, used %s (-want +got):\n%s", role.ARN, role.Boundary, role.LastUsed, diff)
	}
	const boundary = "arn:aws:iam::123456789012:policy/boundary"
	server.Change(func(state *awstest.State) {
		role := state.Roles["spaces-backup"]
		role.Boundary, role.LastUsed = boundary, "2026-11-22T00:00:00Z"
		state.Roles["spaces-backup"] = role
		state.Managed[boundary] = `{"Version":"2012-10-17","Statement":[{"Sid":"Limit","Effect":"Allow","Action":"s3:*","Resource":"*"}]}`
	})
	role, err = aws.Role(t.Context(), s.Components[0].Role)
	if err != nil || role.Boundary == nil || role.Boundary.Statement[0].Sid != "Limit" || len(role.Permissions) != 2 || role.LastUsed.Year() != 2026 {
		t.Errorf("with a boundary: %+v, error %v", role, err)
	}
	gone := identity.RoleARN{Partition: "aws", Account: "123456789012", Name: "gone"}
	if _, err := aws.Role(t.Context(), gone); !errors.Is(err, ErrAbsent) {
		t.Errorf("a role that does not exist: %v", err)
	}
	if _, err := aws.OIDCProvider(t.Context(), "arn:aws:iam::123456789012:oidc-provider/oidc.eks.us-west-2.amazonaws.com/id/GONE"); !errors.Is(err, ErrAbsent) {
		t.Errorf("a provider that does not exist: %v", err)
	}
	server.Change(func(state *awstest.State) { state.Managed[managed] = "{}" })
	if _, err := aws.Role(t.Context(), s.Components[0].Role); err == nil || errors.Is(err, ErrAbsent) {
		t.Errorf("a policy that cannot be read: %v", err)
	}
}

func TestLiveAccountReadsTheClusterAndItsAssociations(t *testing.T) {
	server, aws := liveServer(t, testState(t, identity.IRSA))
	cluster := identity.Cluster{Name: "prod", Region: awstest.Region}
	server.Change(func(state *awstest.State) {
		state.Associations = []awstest.Association{
			{ID: "a-1", Cluster: "prod", Namespace: hostNamespace, ServiceAccount: "mxp-controller", RoleARN: testRole},
			{ID: "a-2", Cluster: "prod", Namespace: "elsewhere", ServiceAccount: "mxp-controller", RoleARN: testRole}}
	})
	found, err := aws.Cluster(t.Context(), cluster, true)
	if diff := cmp.Diff(Cluster{Issuer: "https://" + testIssuer}, found); diff != "" || err != nil {
		t.Errorf("error %v (-want +got):\n%s", err, diff)
	}
	for _, c := range server.Calls() {
		if c.Operation == "DescribeAddon" {
			server.Forget()
		}
	}
	if len(server.Calls()) > 0 {
		t.Error("the agent was not looked up")
	}
	if _, err := aws.Cluster(t.Context(), identity.Cluster{Name: "gone", Region: awstest.Region}, false); !errors.Is(err, ErrAbsent) {
		t.Errorf("a cluster that does not exist: %v", err)
	}
	all, err := aws.Associations(t.Context(), cluster, func(at space.Key) bool { return at == testAccount })
	if err != nil || len(all) != 1 || all[testAccount].RoleARN != testRole {
		t.Errorf("associations %v, error %v", all, err)
	}
	server.Disturb(func(h *awstest.Hooks) {
		h.Policies = map[string][]string{"AKIDTEST": {`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"eks:List*","Resource":"*"}]}`}}
	})
	if _, err := aws.Associations(t.Context(), cluster, func(space.Key) bool { return true }); !eksaccount.IsRefused(err) {
		t.Errorf("associations that may not be described: %v", err)
	}
	if found, err := aws.Cluster(t.Context(), cluster, true); !eksaccount.IsRefused(err) || found.Issuer != "" {
		t.Errorf("a cluster that may not be described: %v %v", found, err)
	}
}

func TestSelectionReadsOnlyWhatTheComponentsNeed(t *testing.T) {
	for name, tt := range map[string]struct {
		mode             identity.Mode
		change           func(*identity.Settings)
		backups, secrets bool
		objects          int
	}{
		"backups":          {identity.IRSA, nil, true, false, 0},
		"admission policy": {identity.IRSA, setAdmissionPolicy, true, false, 3},
		"Kyverno":          {identity.IRSA, setKyverno, true, false, 3},
		"secrets":          {identity.PodIdentity, setSecrets, false, true, 0},
		"secrets, irsa":    {identity.IRSA, setSecrets, false, false, 0},
	} {
		got := selection(testState(t, tt.mode, tt.change))
		if got.Backups != tt.backups || got.SecretStores != tt.secrets || len(got.Objects) != tt.objects || !got.Chain {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// fakeTokens returns a token of the server for each pod.
type fakeTokens struct{ audience *string }

func (f fakeTokens) Token(_ context.Context, _ space.Pod, audience string) (string, error) {
	*f.audience = audience
	subject := desired.TokenSubject(hostNamespace, "mxp-controller")
	return awstest.Token("https://"+testIssuer, audience, subject, time.Now().Add(time.Hour)), nil
}

// TestProveExchangesTheTokenOfEachPod has a control plane with a pod, one without, and one
// that is being deleted.
func TestProveExchangesTheTokenOfEachPod(t *testing.T) {
	s := testState(t, identity.IRSA)
	server, _ := liveServer(t, s)
	prover, err := eksaccount.NewProver(t.Context(), eksaccount.Options{Region: awstest.Region})
	if err != nil {
		t.Fatal(err)
	}
	o := emptyCluster(func(o *space.Observed) {
		podsOf(irsaPod)(t, o)
		o.ControlPlanes = append(o.ControlPlanes, space.ControlPlane{HostNamespace: "empty"}, space.ControlPlane{HostNamespace: "dying", Deleting: true})
	})
	audience := ""
	x := &Exchanger{Tokens: fakeTokens{&audience}, AWS: prover, Write: true}
	proofs := prove(t.Context(), x, o, s)
	got := proofs[testAccount]
	if got.err != nil || !strings.HasSuffix(got.caller, "assumed-role/spaces-backup/spaces-identity-verify") || !got.wrote || got.bucket.Prefix != "team/ctp" {
		t.Errorf("%+v", got)
	}
	if empty := proofs[space.Key{Namespace: "empty", Name: "mxp-controller"}]; !errors.Is(empty.err, errNoPod) || len(proofs) != 2 {
		t.Errorf("%d proofs; without a pod: %+v", len(proofs), empty)
	}
	if audience != identity.Audience {
		t.Errorf("the token has the audience %q", audience)
	}
	server.Change(func(state *awstest.State) { state.Buckets = nil })
	if got := prove(t.Context(), x, o, s)[testAccount]; got.err == nil || got.wrote || got.bucket.Name != "spaces-backups" {
		t.Errorf("without the bucket: %+v", got)
	}
	x.Write = false
	server.Change(func(state *awstest.State) { state.Providers = nil })
	if got := prove(t.Context(), x, o, s)[testAccount]; got.err == nil || got.caller != "" || got.bucket.Name != "" {
		t.Errorf("without the provider: %+v", got)
	}
	podsOf(barePod)(t, &o)
	o.Pods[testAccount] = o.Pods[testAccount][1:]
	if got := prove(t.Context(), x, o, s)[testAccount]; got.err == nil || !strings.Contains(got.err.Error(), "no service account token") {
		t.Errorf("a pod without the identity: %+v", got)
	}
	if prove(t.Context(), nil, o, s) != nil {
		t.Error("nobody asked for a proof")
	}
}
