package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/space"
)

// fakeAWS returns its fields and counts the calls.
type fakeAWS struct {
	id           string // of the account
	role         readResult[Role]
	target       readResult[Role] // of the association, named vault
	audiences    readResult[[]string]
	cluster      readResult[Cluster]
	associations readResult[map[space.Key]desired.Association]
	calls        *int
}

func (f fakeAWS) AccountID() string { return f.id }

func (f fakeAWS) TrustPolicyQuota(context.Context) (int, error) {
	return identity.DefaultTrustPolicyQuota, nil
}

func (f fakeAWS) Role(_ context.Context, arn identity.RoleARN) (Role, error) {
	*f.calls++
	if arn.Name == "vault" {
		return f.target.value, f.target.err
	}
	return f.role.value, f.role.err
}

func (f fakeAWS) OIDCProvider(context.Context, string) ([]string, error) {
	*f.calls++
	return f.audiences.value, f.audiences.err
}

func (f fakeAWS) Cluster(context.Context, identity.Cluster, bool) (Cluster, error) {
	*f.calls++
	return f.cluster.value, f.cluster.err
}

func (f fakeAWS) Associations(context.Context, identity.Cluster, func(space.Key) bool) (map[space.Key]desired.Association, error) {
	*f.calls++
	return f.associations.value, f.associations.err
}

// grantedAccount returns an account that has everything a state asks for.
func grantedAccount(t *testing.T, s desired.State) fakeAWS {
	t.Helper()
	trust, err := s.TrustPolicy(s.Components[0])
	if err != nil {
		t.Fatal(err)
	}
	managed := desired.Association{RoleARN: testRole, TargetRoleARN: s.Components[0].PodIdentity.TargetRole.String(), Tags: s.Tags(),
		DisableSessionTags: s.Components[0].PodIdentity.DisableSessionTags, Policy: s.SessionPolicy(s.Components[0], hostNamespace)}
	f := fakeAWS{id: "123456789012", calls: new(int), audiences: readResult[[]string]{value: []string{identity.Audience}},
		cluster:      readResult[Cluster]{value: Cluster{Issuer: "https://" + testIssuer, Agent: "ACTIVE"}},
		associations: readResult[map[space.Key]desired.Association]{value: map[space.Key]desired.Association{testAccount: managed}}}
	f.role.value.ARN, f.role.value.Trust = testRole, trust
	if s.Components[0].HasPermissions() {
		policy, err := s.Permissions(s.Components[0])
		if err != nil {
			t.Fatal(err)
		}
		f.role.value.Permissions = []iam.Document{policy.Document}
	}
	f.target.value.ARN, f.target.value.Permissions = "arn:aws:iam::123456789012:role/vault", f.role.value.Permissions
	f.target.value.Trust = iam.Document{Version: iam.PolicyVersion, Statement: []iam.Statement{allowsAssume(nil)}}
	return f
}

// allowsAssume returns the statement of a target role's trust policy for the role.
func allowsAssume(condition iam.Condition) iam.Statement {
	return iam.Statement{Effect: iam.Allow, Principal: iam.Principal{AWS: iam.Values{testRole}}, Action: iam.Values{"sts:AssumeRole", "sts:TagSession"}, Condition: condition}
}

// changeAssociation returns a change of the association.
func changeAssociation(change func(*desired.Association)) func(*fakeAWS) {
	return func(f *fakeAWS) {
		a := f.associations.value[testAccount]
		change(&a)
		f.associations.value[testAccount] = a
	}
}

// addPolicy returns a change that adds a permissions policy of one statement.
func addPolicy(s iam.Statement) func(*fakeAWS) {
	return func(f *fakeAWS) {
		f.role.value.Permissions = append(f.role.value.Permissions, iam.Document{Version: iam.PolicyVersion, Statement: []iam.Statement{s}})
	}
}

// onlyPolicy returns a change that replaces all permissions policies by one statement.
func onlyPolicy(s iam.Statement) func(*fakeAWS) {
	return func(f *fakeAWS) {
		f.role.value.Permissions = nil
		addPolicy(s)(f)
	}
}

func accountCases() []testCase {
	const irsa, pods, both = identity.IRSA, identity.PodIdentity, identity.Both
	absent := fmt.Errorf("role spaces-backup: %w", ErrAbsent)
	denied := errors.New("AccessDenied: iam:GetRole")
	noRole := func(f *fakeAWS) { f.role.err = absent }
	unreadRole := func(f *fakeAWS) { f.role.err = denied }
	unreadTarget := func(f *fakeAWS) { f.target.err = denied }
	const limitARN = "arn:aws:iam::123456789012:policy/limit"
	limits := func(s *identity.Settings) {
		policy := identity.PolicyARN{Partition: "aws", Account: "123456789012", Name: "limit"}
		s.Components[0].PermissionsBoundary, s.Components[0].MaxSessionDuration, s.Components[0].ManagedPolicies = policy, 7200, []identity.PolicyARN{policy}
	}
	prefix := func(s *identity.Settings) { s.Components[0].Prefix = "team" }
	elsewhere := func(f *fakeAWS) {
		f.role.value.Trust.Statement[0].Principal.Federated = iam.Values{"arn:aws:iam::123456789012:oidc-provider/other"}
	}
	noIssuer := func(s *identity.Settings) {
		s.Cluster.OIDC = identity.OIDCProvider{}
	}
	noCluster := func(f *fakeAWS) { f.cluster = readResult[Cluster]{err: denied} }
	anotherIssuer := func(_ *testing.T, o *space.Observed) { o.Issuer = "https://oidc.eks.eu-west-1.amazonaws.com/id/OTHER" }
	boundary := func(s iam.Statement) func(*fakeAWS) {
		return func(f *fakeAWS) {
			f.role.value.Boundary = &iam.Document{Version: iam.PolicyVersion, Statement: []iam.Statement{s}}
		}
	}
	source := func(f *fakeAWS) {
		f.role.value.Trust.Statement[0].Condition["ArnLike"] = map[string]iam.Values{"aws:SourceArn": {"arn:aws:eks:*"}}
	}
	all := iam.Statement{Effect: iam.Allow, Action: iam.Values{"S3:*"}, Resource: iam.Values{"*"}}
	secure, endpoint := all, all
	secure.Condition = iam.Condition{"Bool": {"aws:SecureTransport": {"true"}}}
	endpoint.Condition = iam.Condition{"StringEquals": {"aws:SourceVpce": {"vpce-1"}}}
	noPut := iam.Statement{Effect: iam.Deny, Action: iam.Values{"s3:PutObject"}, Resource: iam.Values{"arn:aws:s3:::spaces-backups/*"}}
	part, noPart := all, noPut
	part.Resource = iam.Values{"arn:aws:s3:::spaces-backups", "arn:aws:s3:::spaces-backups/team/*"}
	noPart.Resource = iam.Values{"arn:aws:s3:::spaces-backups/team/*"}
	key := func(s *identity.Settings) {
		s.Components[0].KMSKey = identity.KMSKeyARN{Partition: "aws", Region: "us-west-2", Account: "123456789012", ID: "1234abcd-12ab-34cd-56ef-1234567890ab"}
	}
	target := func(s *identity.Settings) {
		s.Components[0].PodIdentity.TargetRole = identity.RoleARN{Partition: "aws", Account: "999999999999", Name: "vault"}
	}
	targetHere := func(s *identity.Settings) {
		s.Components[0].PodIdentity.TargetRole = identity.RoleARN{Partition: "aws", Account: "123456789012", Name: "vault"}
	}
	externalID := func(asked, has string) func(*fakeAWS) {
		return func(f *fakeAWS) {
			f.target.value.Trust.Statement = []iam.Statement{allowsAssume(iam.Condition{"StringLike": {"sts:ExternalId": {asked}}})}
			changeAssociation(func(a *desired.Association) { a.ExternalID = has })(f)
		}
	}
	return slices.Concat(storedCases(), scopeCases(), []testCase{
		{"exists", RoleExists, irsa, nil, nil, nil, OK, testRole + "; IAM has not recorded a use", ""},
		{"used", RoleExists, irsa, nil, nil, func(f *fakeAWS) { f.role.value.LastUsed = time.Unix(0, 0) }, OK, testRole + ", last used 1970-01-01 00:00:00 UTC", ""},
		{"with another path", RoleExists, irsa, nil, nil, func(f *fakeAWS) { f.role.value.ARN = strings.Replace(testRole, "role/", "role/teams/", 1) }, Fails, "the role of this name is arn:aws:iam::123456789012:role/teams/spaces-backup, not " + testRole, "correct roleARN"},
		{"in another account", RoleExists, irsa, nil, nil, func(f *fakeAWS) { f.id = "999999999999" }, Unknown, "the role is in account 123456789012, and the credentials are of account 999999999999, so it was not read", "use credentials of account 123456789012"},
		{"absent", RoleExists, irsa, nil, nil, noRole, Fails, "the role " + testRole + " does not exist", "run `spaces-identity apply`"},
		{"denied", RoleExists, irsa, nil, nil, unreadRole, Unknown, "AccessDenied", ""},

		{"limits that no config asks for", LimitsCheck, irsa, nil, nil, func(f *fakeAWS) { f.role.value.Limits.Boundary = limitARN }, "", "", ""},
		{"every limit", LimitsCheck, irsa, limits, nil, func(f *fakeAWS) { f.role.value.Limits = Limits{limitARN, 7200, []string{"x", limitARN}} }, OK, "as the config says", ""},
		{"no boundary", LimitsCheck, irsa, limits, nil, nil, Fails, "the role has no permissions boundary, and the config asks for " + limitARN, "run"},
		{"another boundary", LimitsCheck, irsa, limits, nil, func(f *fakeAWS) { f.role.value.Limits.Boundary = "other" }, Fails, "the permissions boundary of the role is other", "run"},
		{"another duration", LimitsCheck, irsa, limits, nil, func(f *fakeAWS) { f.role.value.Limits = Limits{limitARN, 3600, nil} }, Fails, "the maximum session duration of the role is 3600 seconds, not 7200", "run"},
		{"limits of a role that is absent", LimitsCheck, irsa, limits, nil, noRole, Unknown, "the role could not be read", ""},
		{"a policy is not attached", LimitsCheck, irsa, limits, nil, func(f *fakeAWS) { f.role.value.Limits = Limits{limitARN, 7200, nil} }, Fails, "the managed policy " + limitARN + " is not attached to the role", "run"},
		{"own policy", Permissions, irsa, nil, nil, nil, OK, "the role's policies allow everything that the component needs", ""},
		{"own policy with a prefix", Permissions, irsa, prefix, nil, nil, OK, "", ""},
		{"own policy with a key", Permissions, irsa, key, nil, nil, OK, "", ""},
		{"own policy with a target role", Permissions, pods, targetHere, nil, nil, OK, "", ""},
		{"only for the target role", Permissions, pods, targetHere, nil, onlyPolicy(iam.Statement{Effect: iam.Allow, Action: iam.Values{"sts:*"}, Resource: iam.Values{"*"}}), OK, "", ""},
		{"only for the target role, both", Permissions, both, targetHere, nil, onlyPolicy(iam.Statement{Effect: iam.Allow, Action: iam.Values{"sts:*"}, Resource: iam.Values{"*"}}), Fails, "the role's policies do not allow s3:ListBucket", "run"},
		{"the target role has none", Permissions, pods, targetHere, nil, func(f *fakeAWS) { f.target.value.Permissions = nil }, Fails, "the target role's policies do not allow s3:ListBucket on arn:aws:s3:::spaces-backups", "attach"},
		{"the target role's boundary", Permissions, pods, targetHere, nil, func(f *fakeAWS) { f.target.value.Boundary = &iam.Document{} }, Fails, "the target role's permissions boundary does not allow s3:ListBucket", "change the permissions boundary"},
		{"the target role elsewhere", Permissions, pods, target, nil, nil, Unknown, "the target role, whose credentials the pods get, could not be read", "fix target-role first"},
		{"the target role is left out", Permissions, pods, target, nil, onlyPolicy(all), Fails, "the role's policies do not allow sts:AssumeRole on arn:aws:iam::999999999999:role/vault", "run"},
		{"none", Permissions, irsa, nil, nil, func(f *fakeAWS) { f.role.value.Permissions = nil }, Fails,
			"the role's policies do not allow s3:ListBucket on arn:aws:s3:::spaces-backups: no statement allows it", "run `spaces-identity apply`, or attach"},
		{"a wider policy", Permissions, irsa, nil, nil, onlyPolicy(all), OK, "", ""},
		{"a deny", Permissions, irsa, nil, nil, addPolicy(noPut), Fails, "the role's policies do not allow s3:PutObject on arn:aws:s3:::spaces-backups/*", "ask the owner of statement 3, which has no Sid, to change it"},
		{"a deny of some objects", Permissions, irsa, nil, nil, addPolicy(noPart), Fails, "the role's policies do not allow s3:PutObject on arn:aws:s3:::spaces-backups/*", "ask the owner of statement 3"},
		{"a policy for some objects", Permissions, irsa, nil, nil, onlyPolicy(part), Fails, "the role's policies do not allow s3:GetObject on arn:aws:s3:::spaces-backups/*", "run"},
		{"a condition that holds", Permissions, irsa, nil, nil, onlyPolicy(secure), OK, "", ""},
		{"a condition that cannot be evaluated", Permissions, irsa, nil, nil, onlyPolicy(endpoint), Warns, "the role's policies do allow s3:ListBucket on arn:aws:s3:::spaces-backups only under conditions", "check that the conditions hold"},
		{"a boundary that allows", Permissions, irsa, nil, nil, boundary(all), OK, "", ""},
		{"a boundary for less", Permissions, irsa, nil, nil, boundary(iam.Statement{Effect: iam.Allow, Action: iam.Values{"s3:Get*", "s3:List*"}, Resource: iam.Values{"*"}}), Fails,
			"the role's permissions boundary does not allow s3:PutObject", "change the permissions boundary"},
		{"too few actions", Permissions, irsa, nil, nil, onlyPolicy(iam.Statement{Effect: iam.Allow, Action: iam.Values{"s3:Get*", "s3:List*"}, Resource: iam.Values{"*"}}), Fails,
			"the role's policies do not allow s3:PutObject on arn:aws:s3:::spaces-backups/*", "run"},
		{"another bucket", Permissions, irsa, nil, nil, onlyPolicy(iam.Statement{Effect: iam.Allow, Action: iam.Values{"s3:*"}, Resource: iam.Values{"arn:aws:s3:::other", "arn:aws:s3:::other/*"}}), Fails,
			"the role's policies do not allow s3:ListBucket", "run"},
		{"in another account", Permissions, irsa, nil, nil, func(f *fakeAWS) { f.id = "999999999999" }, Unknown, "the role could not be read", ""},
		{"the role is absent", Permissions, irsa, nil, nil, noRole, Unknown, "the role could not be read", ""},
		{"no bucket", Permissions, irsa, func(s *identity.Settings) { s.Components[0].Bucket = "" }, nil, unreadRole, "", "", ""},

		{"exists", OIDCProvider, irsa, nil, nil, nil, OK, "arn:aws:iam::123456789012:oidc-provider/" + testIssuer, ""},
		{"absent", OIDCProvider, irsa, nil, nil, func(f *fakeAWS) { f.audiences.err = absent }, Fails, "the account has no OIDC provider", "run `spaces-identity apply`"},
		{"another audience", OIDCProvider, irsa, nil, nil, func(f *fakeAWS) { f.audiences.value = []string{"kubernetes"} }, Fails, "the OIDC provider arn:", "run"},
		{"denied", OIDCProvider, irsa, nil, nil, func(f *fakeAWS) { f.audiences.err = denied }, Unknown, "AccessDenied", ""},
		{"pod identity", OIDCProvider, pods, nil, nil, nil, "", "", ""},
		{"issuer of EKS", OIDCProvider, irsa, noIssuer, nil, nil, OK, "arn:aws:iam::123456789012:oidc-provider/" + testIssuer, ""},
		{"issuer not known", OIDCProvider, irsa, noIssuer, nil, func(f *fakeAWS) { f.cluster.err = denied; f.cluster.value = Cluster{} }, Unknown, "the config names no OIDC provider", "set cluster.oidcProvider"},
		{"in another account", OIDCProvider, irsa, nil, nil, func(f *fakeAWS) { f.id = "999999999999" }, Unknown, "the role is in account 123456789012", "use credentials"},

		{"the same everywhere", Issuer, irsa, nil, nil, nil, OK, testIssuer, ""},
		{"of EKS, pod identity", Issuer, pods, noIssuer, nil, nil, OK, testIssuer, ""},
		{"another than the config's", Issuer, irsa, nil, anotherIssuer, noCluster, Fails, "the issuer of the cluster's tokens is oidc.eks.eu-west-1.amazonaws.com/id/OTHER, but the config names " + testIssuer, "check that the kubeconfig's context"},
		{"another than that of EKS", Issuer, pods, noIssuer, anotherIssuer, nil, Fails, "the issuer of the cluster's tokens is oidc.eks.eu-west-1.amazonaws.com/id/OTHER, but that of EKS cluster prod is " + testIssuer, "check that the kubeconfig's context"},
		{"of no EKS cluster", Issuer, irsa, nil, func(_ *testing.T, o *space.Observed) { o.Issuer = "kubernetes/serviceaccount" }, nil, Fails, "the issuer of the cluster's tokens is kubernetes/serviceaccount", "check"},
		{"forbidden", Issuer, irsa, nil, func(_ *testing.T, o *space.Observed) { o.IssuerError = denied }, nil, Unknown, "AccessDenied", ""},
		{"nothing to compare with", Issuer, irsa, noIssuer, nil, noCluster, Unknown, "the issuer of the cluster's tokens is " + testIssuer + ", and there is nothing", "set cluster.oidcProvider"},

		{"active", Agent, pods, nil, nil, nil, OK, "the add-on eks-pod-identity-agent is ACTIVE", ""},
		{"auto mode", Agent, both, nil, nil, func(f *fakeAWS) { f.cluster.value = Cluster{AutoMode: true} }, OK, "part of EKS Auto Mode", ""},
		{"absent", Agent, pods, nil, nil, func(f *fakeAWS) { f.cluster.value.Agent = "" }, Fails, "the cluster does not have the add-on", "run `spaces-identity apply`"},
		{"degraded", Agent, pods, nil, nil, func(f *fakeAWS) { f.cluster.value.Agent = "DEGRADED" }, Fails, "the add-on eks-pod-identity-agent is DEGRADED", "run `aws eks describe-addon"},
		{"young", Agent, pods, nil, nil, func(f *fakeAWS) { f.cluster.value.Agent = "CREATING" }, Warns, "the add-on eks-pod-identity-agent is CREATING", "wait"},
		{"being updated", Agent, pods, nil, nil, func(f *fakeAWS) { f.cluster.value.Agent = "UPDATING" }, Warns, "the add-on eks-pod-identity-agent is UPDATING", "wait"},
		{"no such cluster", Agent, pods, nil, nil, func(f *fakeAWS) { f.cluster.err = absent }, Fails, "the account has no EKS cluster prod", "correct"},
		{"denied", Agent, pods, nil, nil, func(f *fakeAWS) { f.cluster.err = denied }, Unknown, "AccessDenied", ""},
		{"irsa", Agent, irsa, nil, nil, func(f *fakeAWS) { f.cluster.err = denied }, "", "", ""},

		{"irsa", Trust, irsa, nil, nil, nil, OK, "the live trust policy admits the service account", ""},
		{"pod identity", Trust, pods, nil, nil, nil, OK, "the live trust policy admits the service account", ""},
		{"both", Trust, both, nil, nil, nil, OK, "", ""},
		{"both, but one is missing", Trust, both, nil, nil, elsewhere, Fails, "the live trust policy does not admit the service account for irsa", "run"},
		{"another cluster", Trust, irsa, nil, nil, elsewhere, Fails, "the live trust policy does not admit the service account: no statement allows it",
			"run `spaces-identity apply`; `spaces-identity explain " + hostNamespace + " mxp-controller --component mxp-controller --live`"},
		{"a foreign deny", Trust, irsa, nil, nil, func(f *fakeAWS) {
			f.role.value.Trust.Statement = append(f.role.value.Trust.Statement, iam.Statement{Sid: "NoBackups", Effect: iam.Deny, Principal: iam.Principal{Everyone: true}, Action: iam.Values{"sts:*"}})
		}, Fails, "the live trust policy does not admit the service account", "ask the owner of statement 2 (NoBackups) to change it"},
		{"a condition on the source", Trust, pods, nil, nil, source, Unknown, "the live trust policy could not be evaluated: ", "run `spaces-identity verify --prove`"},
		{"the role is absent", Trust, irsa, nil, nil, noRole, Unknown, "the role could not be read", ""},

		{"gives the role", Association, both, nil, nil, nil, OK, "gives the role", ""},
		{"absent", Association, pods, nil, nil, func(f *fakeAWS) { f.associations.value = nil }, Fails, "there is no Pod Identity association for mxp-controller", "run"},
		{"another role", Association, pods, nil, nil, changeAssociation(func(a *desired.Association) { a.RoleARN += "-old" }), Fails, "the association gives the role " + testRole + "-old", "run `spaces-identity apply`"},
		{"a foreign one", Association, pods, nil, nil, changeAssociation(func(a *desired.Association) { a.RoleARN, a.Tags = "x", nil }), Fails, "the association gives the role x", "ask its owner"},
		{"another target", Association, pods, target, nil, changeAssociation(func(a *desired.Association) { a.TargetRoleARN, a.DisableSessionTags = "", true }), Fails, "the association differs from the config in targetRoleArn, disableSessionTags", "run"},
		{"denied", Association, pods, nil, nil, func(f *fakeAWS) { f.associations.err = denied }, Unknown, "AccessDenied", ""},
		{"irsa", Association, irsa, nil, nil, nil, "", "", ""},

		{"without an external ID", TargetRole, pods, targetHere, nil, nil, OK, "arn:aws:iam::123456789012:role/vault", ""},
		{"with its external ID", TargetRole, pods, targetHere, nil, externalID("abc", "abc"), OK, "", ""},
		{"with another external ID", TargetRole, pods, targetHere, nil, externalID("abc", "xyz"), Fails, `the trust policy of the target role asks for the external ID abc, and that of the association is "xyz"`, "set sts:ExternalId"},
		{"with any external ID", TargetRole, pods, targetHere, nil, externalID("*", "xyz"), OK, "", ""},
		{"with one of two statements", TargetRole, pods, targetHere, nil, func(f *fakeAWS) {
			externalID("abc", "xyz")(f)
			open := iam.Statement{Effect: iam.Allow, Action: iam.Values{"sts:AssumeRole"}}
			open.Principal, open.Action = iam.Principal{AWS: iam.Values{"123456789012"}}, iam.Values{"sts:*"}
			f.target.value.Trust.Statement = append(f.target.value.Trust.Statement, open)
		}, OK, "", ""},
		{"with one of two external IDs", TargetRole, pods, targetHere, nil, func(f *fakeAWS) {
			externalID("abc", "xyz")(f)
			f.target.value.Trust.Statement = append(f.target.value.Trust.Statement, allowsAssume(iam.Condition{"StringLike": {"STS:externalid": {"x*"}}}))
		}, OK, "", ""},
		{"denied without an external ID, and allowed for another action", TargetRole, pods, targetHere, nil, func(f *fakeAWS) {
			externalID("abc", "xyz")(f)
			f.target.value.Trust.Statement = append(f.target.value.Trust.Statement, iam.Statement{Effect: iam.Deny, Action: iam.Values{"sts:AssumeRole"}},
				iam.Statement{Effect: iam.Allow, Action: iam.Values{"sts:TagSession"}})
		}, Fails, `the trust policy of the target role asks for the external ID abc, and that of the association is "xyz"`, "set sts:ExternalId"},
		{"for the account", TargetRole, pods, targetHere, nil, func(f *fakeAWS) {
			f.target.value.Trust.Statement[0].Principal.AWS = iam.Values{"arn:aws:iam::123456789012:root"}
		}, OK, "arn:aws:iam::123456789012:role/vault admits " + testRole, ""},
		{"for another role", TargetRole, pods, targetHere, nil, func(f *fakeAWS) { f.target.value.Trust.Statement[0].Principal.AWS = iam.Values{testRole + "2"} }, Fails,
			"the trust policy of the target role does not allow sts:AssumeRole by " + testRole + ": no statement allows it", "allow it in the trust policy"},
		{"without session tags", TargetRole, pods, targetHere, nil, func(f *fakeAWS) { f.target.value.Trust.Statement[0].Action = iam.Values{"sts:AssumeRole"} }, Fails,
			"the trust policy of the target role does not allow sts:TagSession", "allow it"},
		{"session tags disabled", TargetRole, pods, func(s *identity.Settings) { targetHere(s); s.Components[0].PodIdentity.DisableSessionTags = true }, nil,
			func(f *fakeAWS) { f.target.value.Trust.Statement[0].Action = iam.Values{"sts:AssumeRole"} }, OK, "", ""},
		{"a session of the role", TargetRole, pods, targetHere, nil, func(f *fakeAWS) {
			f.target.value.Trust.Statement[0].Principal.AWS = iam.Values{"arn:aws:sts::123456789012:assumed-role/spaces-backup/x"}
		}, Unknown, "the trust policy of the target role could not be evaluated for sts:AssumeRole", "run `spaces-identity verify --prove`"},
		{"denied", TargetRole, pods, targetHere, nil, unreadTarget, Unknown, "AccessDenied", ""},
		{"associations denied", TargetRole, pods, targetHere, nil, func(f *fakeAWS) { f.associations.err = denied }, Unknown, "the external ID of the association could not be read", "fix association first"},
		{"absent", TargetRole, pods, targetHere, nil, func(f *fakeAWS) { f.target.err = absent }, Fails, "the target role arn:aws:iam::123456789012:role/vault does not exist", "create the target role"},
		{"in another account", TargetRole, pods, target, nil, nil, Unknown, "the role is in account 999999999999", "use credentials of account 999999999999"},
		{"no association", TargetRole, pods, targetHere, nil, func(f *fakeAWS) { f.associations.value = nil }, Unknown, "the external ID of the association could not be read", "fix association first"},
		{"no target", TargetRole, pods, nil, nil, nil, "", "", ""},

		{"right, by the account", BackupConfig, irsa, prefix, withBackupConfig("team", "AWS", "spaces-backups", "InjectedIdentity", `,"prefix":"team/x/"`), nil, OK, "uses the identity", ""},
		{"the role is absent", BackupConfig, irsa, nil, withBackupConfig("team", "AWS", "spaces-backups", "InjectedIdentity", ""), noRole, OK, "uses the identity; what its role may do was not read", ""},
		{"right, by the target role", BackupConfig, pods, targetHere, withBackupConfig("team", "AWS", "spaces-backups", "InjectedIdentity", ""), nil, OK, "uses the identity, whose role may use the bucket", ""},
		{"the target role may not use it", BackupConfig, pods, targetHere, withBackupConfig("team", "AWS", "spaces-backups", "InjectedIdentity", ""), func(f *fakeAWS) { f.target.value.Permissions = nil }, Fails, "the target role's policies do not allow s3:ListBucket", "attach"},
		{"a prefix that the role may not use", BackupConfig, irsa, nil, withBackupConfig("team", "AWS", "spaces-backups", "InjectedIdentity", `,"prefix":"other"`), onlyPolicy(part), Fails,
			"the role's policies do not allow s3:GetObject on arn:aws:s3:::spaces-backups/other/team/ctp/*", "run"},
	})
}

func TestAccountChecksReportWhatTheyFind(t *testing.T) {
	for _, tt := range accountCases() {
		t.Run(tt.check+"/"+tt.name, func(t *testing.T) {
			s := testState(t, tt.mode, tt.change)
			granted := s
			if s.Clusters[0].OIDC.IsZero() {
				granted = testState(t, tt.mode)
			}
			aws := grantedAccount(t, granted)
			if tt.aws != nil {
				tt.aws(&aws)
			}
			o := emptyCluster()
			tt.run(t, readAccount(t.Context(), Access{AWS: aws}, s, o))
		})
	}
}

func TestAccountIsReadOnceForAllControlPlanes(t *testing.T) {
	s := testState(t, identity.Both, func(s *identity.Settings) {
		s.Components = append(s.Components, identity.Component{Name: "vector", Mode: identity.Both, Role: s.Components[0].Role})
	})
	aws := grantedAccount(t, s)
	aws.role.err = errors.New("throttled")
	o := emptyCluster(func(o *space.Observed) {
		for i := range 100 {
			o.ControlPlanes = append(o.ControlPlanes, space.ControlPlane{HostNamespace: fmt.Sprintf("plane-%d", i)})
		}
	})
	result := runChecks(o, readAccount(t.Context(), Access{AWS: aws}, s, o), nil, s)
	if *aws.calls != 4 || len(result.Rows) != 202 {
		t.Errorf("%d calls for a role, a provider, a cluster and its associations; %d rows", *aws.calls, len(result.Rows))
	}
	if got := result.find(RoleExists); got.State != Unknown || got.Detail != "throttled" {
		t.Errorf("the role: %+v", got)
	}
}

// accountChecks are the names of the checks that need the account, as users know them.
var accountChecks = []string{"oidc-provider", "role", "role-limits", "permissions", "agent", "trust-policy", "association", "target-role"}

func TestChecksOfTheAccountAreLeftOutByName(t *testing.T) {
	s := testState(t, identity.Both)
	result := runChecks(emptyCluster(), readAccount(t.Context(), Access{LeftOut: "left out"}, s, emptyCluster()), nil, s)
	for _, name := range accountChecks {
		if got := result.find(name); got.State != "" {
			t.Errorf("%+v", got)
		}
	}
	if diff := cmp.Diff([]LeftOut{{accountChecks, "left out"}}, result.LeftOut); diff != "" {
		t.Errorf("what was left out (-want +got):\n%s", diff)
	}
}

func TestChecksOfTheAccountAreUnknownWithoutCredentials(t *testing.T) {
	s := testState(t, identity.Both, func(s *identity.Settings) {
		s.Components[0].PodIdentity.TargetRole = identity.RoleARN{Partition: "aws", Account: "123456789012", Name: "vault"}
		s.Components[0].MaxSessionDuration = 7200
	})
	result := runChecks(emptyCluster(), readAccount(t.Context(), Access{Err: errors.New("found no credentials")}, s, emptyCluster()), nil, s)
	for _, name := range accountChecks {
		if got := result.find(name); got.State != Unknown || got.Detail != "found no credentials" {
			t.Errorf("%+v", got)
		}
	}
	if len(result.LeftOut) > 0 || result.Complete() {
		t.Errorf("left out %v, complete %t", result.LeftOut, result.Complete())
	}
}
