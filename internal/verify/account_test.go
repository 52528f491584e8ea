package verify

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/space"
)

// fakeAWS returns its fields and counts the calls.
type fakeAWS struct {
	role         readResult[Role]
	audiences    readResult[[]string]
	associations readResult[[]AssociationOf]
	calls        *int
}

func (f fakeAWS) Role(context.Context, identity.RoleARN) (Role, error) {
	*f.calls++
	return f.role.value, f.role.err
}

func (f fakeAWS) OIDCProvider(context.Context, string) ([]string, error) {
	*f.calls++
	return f.audiences.value, f.audiences.err
}

func (f fakeAWS) Associations(context.Context, identity.Cluster) ([]AssociationOf, error) {
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
	f := fakeAWS{calls: new(int), audiences: readResult[[]string]{value: []string{identity.Audience}},
		associations: readResult[[]AssociationOf]{value: []AssociationOf{{hostNamespace, "mxp-controller", testRole}}}}
	f.role.value.Trust = trust
	if s.Components[0].HasPermissions() {
		policy, err := s.Permissions(s.Components[0])
		if err != nil {
			t.Fatal(err)
		}
		f.role.value.Permissions = []iam.Document{policy.Document}
	}
	return f
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
	prefix := func(s *identity.Settings) { s.Components[0].Prefix = "team" }
	elsewhere := func(f *fakeAWS) {
		f.role.value.Trust.Statement[0].Principal.Federated = iam.Values{"arn:aws:iam::123456789012:oidc-provider/other"}
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
	return []testCase{
		{"exists", RoleExists, irsa, nil, nil, nil, OK, testRole, ""},
		{"absent", RoleExists, irsa, nil, nil, noRole, Fails, "the role " + testRole + " does not exist", "run `spaces-identity apply`"},
		{"denied", RoleExists, irsa, nil, nil, unreadRole, Unknown, "AccessDenied", ""},

		{"own policy", Permissions, irsa, nil, nil, nil, OK, "the role's policies allow everything that the component needs", ""},
		{"own policy with a prefix", Permissions, irsa, prefix, nil, nil, OK, "", ""},
		{"own policy with a key", Permissions, irsa, key, nil, nil, OK, "", ""},
		{"own policy with a target role", Permissions, pods, target, nil, nil, OK, "", ""},
		{"the target role is left out", Permissions, pods, target, nil, onlyPolicy(all), Fails, "the role's policies do not allow sts:AssumeRole on arn:aws:iam::999999999999:role/vault", "run"},
		{"none", Permissions, irsa, nil, nil, func(f *fakeAWS) { f.role.value.Permissions = nil }, Fails,
			"the role's policies do not allow s3:ListBucket on arn:aws:s3:::spaces-backups: no statement allows it", "run `spaces-identity apply`, or attach"},
		{"a wider policy", Permissions, irsa, nil, nil, onlyPolicy(all), OK, "", ""},
		{"a deny", Permissions, irsa, nil, nil, addPolicy(noPut), Fails, "the role's policies do not allow s3:PutObject on arn:aws:s3:::spaces-backups/*", "run"},
		{"a deny of some objects", Permissions, irsa, nil, nil, addPolicy(noPart), Fails, "the role's policies do not allow s3:PutObject on arn:aws:s3:::spaces-backups/*", "run"},
		{"a policy for some objects", Permissions, irsa, nil, nil, onlyPolicy(part), Fails, "the role's policies do not allow s3:GetObject on arn:aws:s3:::spaces-backups/*", "run"},
		{"a condition that holds", Permissions, irsa, nil, nil, onlyPolicy(secure), OK, "", ""},
		{"a condition that cannot be evaluated", Permissions, irsa, nil, nil, onlyPolicy(endpoint), Warns, "the role's policies allow s3:ListBucket on arn:aws:s3:::spaces-backups only under conditions", "check that the conditions hold"},
		{"the role is absent", Permissions, irsa, nil, nil, noRole, Unknown, "the role could not be read", ""},
		{"no bucket", Permissions, irsa, func(s *identity.Settings) { s.Components[0].Bucket = "" }, nil, unreadRole, "", "", ""},

		{"exists", OIDCProvider, irsa, nil, nil, nil, OK, "arn:aws:iam::123456789012:oidc-provider/" + testIssuer, ""},
		{"absent", OIDCProvider, irsa, nil, nil, func(f *fakeAWS) { f.audiences.err = absent }, Fails, "the account has no OIDC provider", "run `spaces-identity apply`"},
		{"another audience", OIDCProvider, irsa, nil, nil, func(f *fakeAWS) { f.audiences.value = []string{"kubernetes"} }, Fails, "the OIDC provider arn:", "run"},
		{"denied", OIDCProvider, irsa, nil, nil, func(f *fakeAWS) { f.audiences.err = denied }, Unknown, "AccessDenied", ""},
		{"pod identity", OIDCProvider, pods, nil, nil, nil, "", "", ""},
		{"issuer not known", OIDCProvider, irsa, func(s *identity.Settings) { s.Components[0].Mode, s.Cluster.OIDC = pods, identity.OIDCProvider{} }, nil, nil, "", "", ""},

		{"irsa", Trust, irsa, nil, nil, nil, OK, "the live trust policy admits the service account", ""},
		{"pod identity", Trust, pods, nil, nil, nil, OK, "the live trust policy admits the service account", ""},
		{"another cluster", Trust, irsa, nil, nil, elsewhere, Fails, "the live trust policy does not admit the service account: no statement allows it",
			"run `spaces-identity apply`; `spaces-identity explain " + hostNamespace + " mxp-controller`"},
		{"a condition on the source", Trust, pods, nil, nil, source, Unknown, "the live trust policy has conditions", ""},
		{"the role is absent", Trust, irsa, nil, nil, noRole, Unknown, "the role could not be read", ""},

		{"gives the role", Association, both, nil, nil, nil, OK, "gives the role", ""},
		{"role not listed", Association, pods, nil, nil, func(f *fakeAWS) { f.associations.value[0].RoleARN = "" }, OK, "exists", ""},
		{"absent", Association, pods, nil, nil, func(f *fakeAWS) { f.associations.value = nil }, Fails, "there is no Pod Identity association for mxp-controller in " + hostNamespace, "run"},
		{"another role", Association, pods, nil, nil, func(f *fakeAWS) { f.associations.value[0].RoleARN += "-old" }, Fails, "the association gives the role " + testRole + "-old", "run"},
		{"denied", Association, pods, nil, nil, func(f *fakeAWS) { f.associations.err = denied }, Unknown, "AccessDenied", ""},
		{"irsa", Association, irsa, nil, nil, nil, "", "", ""},
	}
}

func TestAccountChecksReportWhatTheyFind(t *testing.T) {
	for _, tt := range accountCases() {
		t.Run(tt.check+"/"+tt.name, func(t *testing.T) {
			s := testState(t, tt.mode, tt.change)
			aws := grantedAccount(t, s)
			if tt.aws != nil {
				tt.aws(&aws)
			}
			tt.run(t, readAccount(t.Context(), aws, s))
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
	result := runChecks(o, readAccount(t.Context(), aws, s), s)
	if *aws.calls != 3 || len(result.Rows) != 202 {
		t.Errorf("%d calls for a role, a provider and a cluster; %d rows", *aws.calls, len(result.Rows))
	}
	if diff := cmp.Diff([]string{"AWS: throttled"}, result.Problems); diff != "" {
		t.Errorf("the problems differ (-want +got):\n%s", diff)
	}
}

func TestAccountChecksDoNotApplyWithoutAnAccount(t *testing.T) {
	s := testState(t, identity.Both)
	result := runChecks(emptyCluster(), readAccount(t.Context(), nil, s), s)
	for _, name := range []string{RoleExists, Permissions, OIDCProvider, Trust, Association} {
		if got := result.find(name); got.State != "" {
			t.Errorf("%+v", got)
		}
	}
}
