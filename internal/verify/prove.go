package verify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	eksaccount "spaces-identity.dev/internal/account"
	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/injection"
	"spaces-identity.dev/internal/space"
)

// Exchanger exchanges the tokens of pods for credentials and uses these.
type Exchanger struct {
	Tokens interface {
		Token(ctx context.Context, p space.Pod, audience string) (string, error)
	}
	AWS   *eksaccount.Prover
	Write bool // whether to put and delete an object
}

// proofState is what the exchange gave for a component in a control plane.
type proofState struct {
	pod    string            // whose token was exchanged
	caller string            // ARN of the session; empty if there is none
	bucket eksaccount.Bucket // what was read; without a name if nothing was
	wrote  bool
	err    error // of the first step that failed
}

// exchangesAtOnce is how many pods are proved at the same time.
const exchangesAtOnce = 10

// prove exchanges a token of one pod of each component in each control plane. It keeps no
// token and no key.
func prove(ctx context.Context, x *Exchanger, o space.Observed, s desired.State) map[space.Key]proofState {
	if x == nil {
		return nil
	}
	all := map[space.Key]proofState{}
	var mu sync.Mutex
	var running errgroup.Group
	running.SetLimit(exchangesAtOnce)
	backups := indexBackups(o)
	for _, site := range injection.Sites(o, s) {
		f := &checkInput{observed: &o, backups: backups, state: s, component: site.Component, plane: site.Plane, name: site.Account}
		running.Go(func() error {
			proof := x.prove(ctx, f)
			mu.Lock()
			defer mu.Unlock()
			all[f.at()] = proof
			return nil // the proof has the error
		})
	}
	_ = running.Wait()
	return all
}

var (
	errNoPod   = identity.WithHint("fix workload first", "there is no pod whose token could be exchanged")
	errNoToken = identity.WithHint("fix injected first", "the pod has no service account token for AWS")
)

// hasToken reports whether a pod runs and has a token for AWS.
func hasToken(p space.Pod) bool {
	_, has := injection.AudienceOf(p)
	return has && p.Ready()
}

func (x *Exchanger) prove(ctx context.Context, f *checkInput) (proof proofState) {
	pods := f.observed.Pods[f.at()]
	if len(pods) == 0 {
		return proofState{err: errNoPod}
	}
	pod := pods[max(0, slices.IndexFunc(pods, hasToken))]
	proof.pod = pod.Meta.Name
	session, err := x.exchange(ctx, f, pod)
	if err == nil {
		proof.caller, err = session.Caller(ctx)
	}
	bucket, named := f.bucketInUse()
	if err == nil && named {
		proof.bucket = bucket
		err = session.Read(ctx, bucket)
	}
	if err == nil && named && x.Write {
		proof.wrote = true
		err = session.Write(ctx, bucket)
	}
	proof.err = err
	return proof
}

// exchange does what the SDK in the pod does, with the audience that the pod's token has.
func (x *Exchanger) exchange(ctx context.Context, f *checkInput, p space.Pod) (*eksaccount.Session, error) {
	mechanism := injection.Mechanism(p)
	audience, ok := injection.AudienceOf(p)
	if !ok {
		return nil, errNoToken
	}
	token, err := x.Tokens.Token(ctx, p, audience)
	switch {
	case err != nil:
		return nil, err
	case mechanism == injection.PodIdentity:
		return x.AWS.AssumeForPod(ctx, f.state.Clusters[0].Name, token)
	}
	return x.AWS.AssumeWithToken(ctx, injection.RoleOf(p), token)
}

// bucketInUse returns where backups of the control plane are: what the backup config in use
// says, or else the config.
func (f *checkInput) bucketInUse() (eksaccount.Bucket, bool) {
	want, err := f.state.BackupConfig(f.component)
	bucket := eksaccount.Bucket{Name: want.Bucket, Prefix: want.Prefix, Region: want.Region, Endpoint: want.Endpoint}
	if !f.component.MakesBackups() {
		return bucket, err == nil
	}
	for _, used := range f.usedConfigs() {
		if config := f.backupConfig(used.name); config != nil {
			storage := config.Spec.ObjectStorage
			bucket.Name, bucket.Prefix = storage.Bucket, strings.Trim(storage.Prefix, "/")
			bucket.Region, bucket.Endpoint = text(storage.Config, "region", bucket.Region), text(storage.Config, "endpoint", bucket.Endpoint)
		}
	}
	bucket.Prefix = strings.Trim(desired.BackupPrefix(bucket.Prefix, f.planeName()), "/")
	return bucket, bucket.Name != "" && bucket.Endpoint != "" && bucket.Region != ""
}

func text(config map[string]any, key, otherwise string) string {
	value, _ := config[key].(string)
	return cmp.Or(value, otherwise)
}

// hasProved reports whether the exchange of a pod that uses the mechanism gave the role. That
// shows what the live trust policy decides, also if a condition of it cannot be evaluated.
func (f *checkInput) hasProved(mechanism identity.Mode) bool {
	proof, exchanged := f.proofs[f.at()]
	uses := map[identity.Mode]injection.Source{identity.IRSA: injection.WebIdentity, identity.PodIdentity: injection.PodIdentity}
	return exchanged && f.judgeProof(proof).State == OK && slices.ContainsFunc(f.observed.Pods[f.at()], func(p space.Pod) bool {
		return p.Meta.Name == proof.pod && injection.Mechanism(p) == uses[mechanism]
	})
}

// checkProof judges the exchange, if the user asked for it.
func checkProof(f *checkInput) Check {
	if f.proofs == nil {
		return Check{}
	}
	proof := f.proofs[f.at()]
	found := f.judgeProof(proof)
	if proof.pod != "" {
		found = found.about("pod", proof.pod)
	}
	return found
}

func (f *checkInput) judgeProof(proof proofState) Check {
	want := f.component.Role
	if f.component.HasTarget() {
		want = f.component.PodIdentity.TargetRole
	}
	rejection, refused := errors.AsType[*eksaccount.RejectedError](proof.err)
	switch {
	case refused && rejection.Call == "eks-auth:AssumeRoleForPodIdentity" && strings.HasPrefix(rejection.Code, "AccessDenied"):
		return unknownf("give your own credentials eks-auth:AssumeRoleForPodIdentity on the cluster, or fix trust-policy and association if they fail",
			"%v; either the credentials of verify may not call it, or the role does not admit the association", proof.err)
	case refused && (rejection.Code == "NoSuchBucket" || rejection.Call == "s3:HeadBucket" && strings.HasPrefix(rejection.Code, "404")):
		return failedCheck("create the bucket, or correct its name in the backup config and in the config of this program",
			"%s gets the role, but the bucket that the backups use does not exist: %v", proof.caller, proof.err)
	case refused:
		return failedCheck("fix the first other check that fails; if none does, look for bucket policies, service control policies and session policies, which are not read", "%v", proof.err)
	case proof.err != nil:
		return unknownCheck(proof.err)
	case !strings.Contains(proof.caller, ":"+want.Account+":assumed-role/"+want.BaseName()+"/"):
		return failedCheck("correct the annotation or the association", "the exchange gives %s, not the role %s", proof.caller, want)
	}
	return okCheck("%s", proof.describe())
}

func (p proofState) describe() string {
	did := "a token of the pod gives " + p.caller
	if p.bucket.Name == "" {
		did += "; no bucket was read, because neither a backup config nor the config names it with its region"
	} else {
		did += fmt.Sprintf(", which can list s3://%s/%s", p.bucket.Name, p.bucket.Prefix)
	}
	if p.wrote {
		did += fmt.Sprintf(", and put and delete %s there", eksaccount.ProofObject)
	}
	return did
}
