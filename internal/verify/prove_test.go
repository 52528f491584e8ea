package verify

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	eksaccount "spaces-identity.dev/internal/account"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/space"
)

func TestProofReportsWhatTheExchangeGave(t *testing.T) {
	const session = "arn:aws:sts::123456789012:assumed-role/spaces-backup/spaces-identity-verify"
	bucket := eksaccount.Bucket{Name: "spaces-backups", Prefix: "prod/team/ctp"}
	rejected := func(call, code string) error { return &eksaccount.RejectedError{Call: call, Code: code, Text: "no"} }
	target := func(s *identity.Settings) {
		s.Components[0].PodIdentity.TargetRole = identity.RoleARN{Partition: "aws", Account: "999999999999", Name: "vault"}
	}
	for name, tt := range map[string]struct {
		mode   identity.Mode
		change func(*identity.Settings)
		proof  proofState
		want   State
		says   string
	}{
		"read":             {identity.IRSA, nil, proofState{caller: session, bucket: bucket}, OK, "a token of the pod gives " + session + ", which can list s3://spaces-backups/prod/team/ctp"},
		"written":          {identity.IRSA, nil, proofState{caller: session, bucket: bucket, wrote: true}, OK, "put and delete spaces-identity-proof"},
		"no bucket":        {identity.IRSA, nil, proofState{caller: session}, OK, session},
		"another role":     {identity.IRSA, nil, proofState{caller: strings.Replace(session, "spaces-backup", "spaces-backup2", 1)}, Fails, "not the role " + testRole},
		"another account":  {identity.IRSA, nil, proofState{caller: strings.Replace(session, "123456789012", "1", 1)}, Fails, "not the role"},
		"a target role":    {identity.PodIdentity, target, proofState{caller: "arn:aws:sts::999999999999:assumed-role/vault/x"}, OK, "assumed-role/vault"},
		"not the target":   {identity.PodIdentity, target, proofState{caller: session}, Fails, "not the role arn:aws:iam::999999999999:role/vault"},
		"rejected":         {identity.IRSA, nil, proofState{err: rejected("sts:AssumeRoleWithWebIdentity", "AccessDenied")}, Fails, "AWS rejects sts:AssumeRoleWithWebIdentity: AccessDenied: no"},
		"bucket rejected":  {identity.IRSA, nil, proofState{caller: session, err: rejected("s3:ListObjectsV2", "AccessDenied")}, Fails, "AWS rejects s3:ListObjectsV2"},
		"bucket absent":    {identity.IRSA, nil, proofState{caller: session, err: rejected("s3:ListObjectsV2", "NoSuchBucket")}, Fails, "the bucket that the backups use does not exist"},
		"head of none":     {identity.IRSA, nil, proofState{caller: session, err: rejected("s3:HeadBucket", "404 Not Found")}, Fails, "the bucket that the backups use does not exist"},
		"may not exchange": {identity.PodIdentity, nil, proofState{err: rejected("eks-auth:AssumeRoleForPodIdentity", "AccessDeniedException")}, Unknown, "either the credentials of verify may not call it"},
		"no association":   {identity.PodIdentity, nil, proofState{err: rejected("eks-auth:AssumeRoleForPodIdentity", "ResourceNotFoundException")}, Fails, "ResourceNotFoundException"},
		"no token":         {identity.IRSA, nil, proofState{err: forbiddenList(space.ServiceAccounts, "")}, Unknown, "forbidden"},
		"no network":       {identity.IRSA, nil, proofState{err: errors.New("cannot reach STS")}, Unknown, "cannot reach STS"},
		"no pod":           {identity.IRSA, nil, proofState{err: errNoPod}, Unknown, "there is no pod whose token could be exchanged"},
	} {
		t.Run(name, func(t *testing.T) {
			got := runChecks(emptyCluster(), accountState{}, map[space.Key]proofState{testAccount: tt.proof}, testState(t, tt.mode, tt.change)).find(Proof)
			if got.State != tt.want || !strings.Contains(got.Detail, tt.says) || strings.Contains(got.Detail, "%!") {
				t.Errorf("got %+v\nwant %s, %s", got, tt.want, tt.says)
			}
		})
	}
	if got := runChecks(emptyCluster(), accountState{}, nil, testState(t, identity.IRSA)).find(Proof); got.State != "" {
		t.Errorf("nobody asked for a proof: %+v", got)
	}
}

func TestBucketInUseIsThatOfTheBackupConfig(t *testing.T) {
	other := withBackupConfig("team", "AWS", "other", "InjectedIdentity", `,"prefix":"/dev/","config":{"region":"eu-west-1","endpoint":"s3.eu-west-1.amazonaws.com"}`)
	for name, tt := range map[string]struct {
		change  func(*identity.Settings)
		cluster func(*testing.T, *space.Observed)
		want    eksaccount.Bucket
	}{
		"of the config":         {setPrefix, nil, eksaccount.Bucket{Name: "spaces-backups", Region: "us-west-2", Endpoint: "s3.us-west-2.amazonaws.com", Prefix: "prod/team/ctp"}},
		"of the backup":         {nil, together(other, withBackup("Failed", "nightly")), eksaccount.Bucket{Name: "other", Region: "eu-west-1", Endpoint: "s3.eu-west-1.amazonaws.com", Prefix: "dev/team/ctp"}},
		"of one that is unused": {nil, other, eksaccount.Bucket{Name: "spaces-backups", Region: "us-west-2", Endpoint: "s3.us-west-2.amazonaws.com", Prefix: "team/ctp"}},
		"of no known place":     {func(s *identity.Settings) { s.Components[0].Bucket = "" }, nil, eksaccount.Bucket{Prefix: "team/ctp"}},
	} {
		t.Run(name, func(t *testing.T) {
			o := emptyCluster()
			if tt.cluster != nil {
				tt.cluster(t, &o)
			}
			s := testState(t, identity.IRSA, tt.change)
			f := &checkInput{observed: &o, backups: indexBackups(o), state: s, component: s.Components[0], plane: testPlane}
			got, known := f.bucketInUse()
			if diff := cmp.Diff(tt.want, got); diff != "" || known != (got.Name != "") {
				t.Errorf("known %t (-want +got):\n%s", known, diff)
			}
		})
	}
}

// Without session tags the trust policy has conditions that only AWS can evaluate. An exchange
// of a pod's token shows that they are met.
func TestProofDecidesWhatTheTrustPolicyLeavesOpen(t *testing.T) {
	const session = "arn:aws:sts::123456789012:assumed-role/spaces-backup/eks-prod"
	proved := proofState{pod: "p", caller: session}
	for name, tt := range map[string]struct {
		mode  identity.Mode
		pod   string
		proof *proofState
		want  State
	}{
		"no proof":                     {identity.PodIdentity, associatedPod, nil, Unknown},
		"proved":                       {identity.PodIdentity, associatedPod, &proved, OK},
		"rejected":                     {identity.PodIdentity, associatedPod, &proofState{pod: "p", err: &eksaccount.RejectedError{Call: "eks-auth:AssumeRoleForPodIdentity", Code: "ResourceNotFoundException"}}, Unknown},
		"another role":                 {identity.PodIdentity, associatedPod, &proofState{pod: "p", caller: strings.Replace(session, "backup", "other", 1)}, Unknown},
		"both, proved by Pod Identity": {identity.Both, associatedPod, &proved, OK},
		"both, proved by IRSA":         {identity.Both, irsaPod, &proved, Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			s := testState(t, tt.mode, func(s *identity.Settings) { s.Components[0].PodIdentity.DisableSessionTags = true })
			trust, err := s.TrustPolicy(s.Components[0])
			if err != nil {
				t.Fatal(err)
			}
			observed := emptyCluster()
			podsOf(tt.pod)(t, &observed)
			f := &checkInput{observed: &observed, backups: indexBackups(observed), state: s, component: s.Components[0], plane: observed.ControlPlanes[0], name: testAccount.Name}
			if tt.proof != nil {
				f.proofs = map[space.Key]proofState{testAccount: *tt.proof}
			}
			if got := checkTrust(f, Role{Trust: trust}); got.State != tt.want {
				t.Errorf("got %+v, want %s", got, tt.want)
			}
		})
	}
}
