package reconcile_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	awseks "github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"spaces-identity.dev/internal/account"
	"spaces-identity.dev/internal/iam"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/test/awstest"
)

// The tests of this file use only the AWS API. So they run against this project's own
// server and against an emulator that others maintain.

func TestOnOwnServer(t *testing.T) {
	runSuite(t, func(t *testing.T, test func(*testing.T)) {
		synctest.Test(t, func(t *testing.T) {
			testAccount(t)
			test(t)
		})
	})
	inBubble(t, "an audience is added to a provider", func(t *testing.T) {
		testAccount(t)
		audienceAdded(t)
	})
}

// TestOnEmulator runs under `make e2e-aws`. The emulator has IAM, STS and DescribeCluster.
// It lacks EKS Pod Identity and AddClientIDToOpenIDConnectProvider.
func TestOnEmulator(t *testing.T) {
	program := os.Getenv("SPACES_IDENTITY_MOTO")
	if program == "" {
		t.Skip("needs the emulator: run make e2e-aws")
	}
	empty := startEmulator(t, program)
	runSuite(t, func(t *testing.T, test func(*testing.T)) {
		empty()
		test(t)
	})
	t.Run("the cluster's issuer", func(t *testing.T) {
		empty()
		describeCluster(t)
	})
	t.Run("a token is exchanged", func(t *testing.T) {
		empty()
		tokenExchanged(t)
	})
}

// runSuite runs tests that must succeed with any server. The function in runs a test in an
// empty account.
func runSuite(t *testing.T, in func(t *testing.T, test func(*testing.T))) {
	for name, test := range map[string]func(*testing.T){
		"from nothing, then nothing":  fromNothing,
		"a foreign statement stays":   foreignStays,
		"policies are adopted and go": policiesAdopted,
		"subjects go when pruned":     prunedSubjects,
	} {
		t.Run(name, func(t *testing.T) { in(t, test) })
	}
}

// issuerOnly returns a config of mode irsa that names only the issuer of the cluster.
func issuerOnly(namespaces ...string) identity.Spec {
	s := testSpec(identity.IRSA, namespaces...)
	s.Cluster.Name, s.Cluster.Region = "", ""
	return s
}

func connectAccount(t *testing.T) *account.Account {
	t.Helper()
	a, err := account.Connect(t.Context(), account.Options{Region: awstest.Region, HTTPClient: httpClient})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// liveTrust reads the role's trust policy.
func liveTrust(t *testing.T) iam.Document {
	t.Helper()
	role, ok, err := connectAccount(t).Role(t.Context(), issuerOnly().Components[0].Role)
	if err != nil || !ok {
		t.Fatalf("the role is there: %t, error %v", ok, err)
	}
	doc, err := iam.Parse([]byte(role.TrustPolicy))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func fromNothing(t *testing.T) {
	s := issuerOnly(testNamespaces(2)...)
	p := mustApply(t, s)
	equal(t, "changes", 3, p.Changes())
	equal(t, "statements", []iam.Statement{irsaStatement(t, s.ControlPlanes.Namespaces...)}, liveTrust(t).Statement)
	equal(t, "differs afterwards", false, mustApply(t, s).Differs())
}

func foreignStays(t *testing.T) {
	s := issuerOnly(testNamespaces(1)...)
	shared := iam.Document{Version: iam.PolicyVersion, Statement: []iam.Statement{foreignStatement}}
	if err := connectAccount(t).CreateRole(t.Context(), account.NewRole{ARN: s.Components[0].Role, TrustPolicy: string(shared.JSON())}); err != nil {
		t.Fatal(err)
	}
	mustApply(t, s)
	equal(t, "statements", []iam.Statement{foreignStatement, irsaStatement(t, s.ControlPlanes.Namespaces...)}, liveTrust(t).Statement)
	mustApply(t, s, adopting)
	equal(t, "differs afterwards", false, mustApply(t, s).Differs())
}

func prunedSubjects(t *testing.T) {
	all := testNamespaces(3)
	mustApply(t, issuerOnly(all...))
	equal(t, "changes without pruning", 0, mustApply(t, issuerOnly(all[1:]...)).Changes())
	mustApply(t, issuerOnly(all[1:]...), pruning)
	equal(t, "statements", []iam.Statement{irsaStatement(t, all[1:]...)}, liveTrust(t).Statement)
}

func policiesAdopted(t *testing.T) {
	s := issuerOnly(testNamespaces(1)...)
	arn := s.Components[0].Role
	inline := func() []string {
		names, err := connectAccount(t).InlinePolicies(t.Context(), arn)
		if err != nil {
			t.Fatal(err)
		}
		return slices.Sorted(slices.Values(names))
	}
	mustApply(t, s)
	for _, name := range []string{"backup", "spaces-identity-mxp-controller", "team"} {
		if err := connectAccount(t).SetInlinePolicy(t.Context(), arn, name, permissionsDocument(t, "spaces-backups")); err != nil {
			t.Fatal(err)
		}
	}
	mustApply(t, s, adopting)
	equal(t, "after adoption", []string{"SpacesIdentity-mxp-controller", "team"}, inline())
	s.Components[0].Bucket = ""
	mustApply(t, s)
	equal(t, "without pruning", []string{"SpacesIdentity-mxp-controller", "team"}, inline())
	mustApply(t, s, pruning)
	equal(t, "after pruning", []string{"team"}, inline())
}

func audienceAdded(t *testing.T) {
	s := issuerOnly(testNamespaces(1)...)
	arn := s.Cluster.OIDC.ARN(s.Components[0].Role)
	if err := connectAccount(t).CreateProvider(t.Context(), arn, "https://"+issuerHost, "somebody-else", nil); err != nil {
		t.Fatal(err)
	}
	mustApply(t, s)
	audiences, _, err := connectAccount(t).ProviderAudiences(t.Context(), arn)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "audiences", []string{"somebody-else", identity.Audience}, audiences)
}

// describeCluster creates a cluster and reads it as the program does.
func describeCluster(t *testing.T) {
	cfg, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	made, err := awseks.NewFromConfig(cfg).CreateCluster(t.Context(), &awseks.CreateClusterInput{Name: aws.String(clusterName),
		RoleArn: aws.String("arn:aws:iam::123456789012:role/eks"), ResourcesVpcConfig: &types.VpcConfigRequest{SubnetIds: []string{"subnet-1", "subnet-2"}}})
	if err != nil {
		t.Fatal(err)
	}
	got, ok, err := connectAccount(t).Region(awstest.Region).Cluster(t.Context(), clusterName)
	if err != nil || !ok {
		t.Fatalf("the cluster is there: %t, error %v", ok, err)
	}
	equal(t, "cluster", account.Cluster{ARN: aws.ToString(made.Cluster.Arn), Issuer: aws.ToString(made.Cluster.Identity.Oidc.Issuer),
		Version: aws.ToString(made.Cluster.Version)}, got)
}

// tokenExchanged judges the form of the calls of STS and S3 only: the emulator gives
// credentials for any token.
func tokenExchanged(t *testing.T) {
	role := mustApply(t, issuerOnly(testNamespaces(1)...)).Roles[0].ARN
	prover, err := account.NewProver(t.Context(), account.Options{Region: awstest.Region})
	if err != nil {
		t.Fatal(err)
	}
	session, err := prover.AssumeWithToken(t.Context(), role, awstest.Token("https://"+issuerHost, identity.Audience, "x", time.Now().Add(time.Hour)))
	if err != nil {
		t.Fatal(err)
	}
	caller, err := session.Caller(t.Context())
	if err != nil || !strings.Contains(caller, "assumed-role/") {
		t.Errorf("caller %q, error %v", caller, err)
	}
	bucket := account.Bucket{Name: "spaces-backups", Region: awstest.Region, Prefix: "prod/a b"}
	if err := session.Read(t.Context(), bucket); err == nil || !strings.Contains(err.Error(), "NoSuchBucket") {
		t.Errorf("a bucket that does not exist: %v", err)
	}
	createBucket(t, bucket.Name)
	for _, prefix := range []string{"", bucket.Prefix} {
		bucket.Prefix = prefix
		if err := errors.Join(session.Read(t.Context(), bucket), session.Write(t.Context(), bucket)); err != nil {
			t.Errorf("prefix %q: %v", prefix, err)
		}
	}
}

// createBucket creates a bucket in the emulator, which does not check signatures.
func createBucket(t *testing.T, name string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, os.Getenv("AWS_ENDPOINT_URL")+"/"+name,
		strings.NewReader(`<CreateBucketConfiguration><LocationConstraint>`+awstest.Region+`</LocationConstraint></CreateBucketConfiguration>`))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIDTEST/20260101/"+awstest.Region+"/s3/aws4_request, SignedHeaders=host, Signature=x")
	answer, err := http.DefaultClient.Do(request)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("create bucket: %v %v", answer, err)
	}
	_ = answer.Body.Close() // nothing was read from it
}

// startEmulator starts the emulator and returns a function that empties it.
func startEmulator(t *testing.T, program string) func() {
	t.Helper()
	url := "http://127.0.0.1:" + strconv.Itoa(freePort(t))
	cmd := exec.Command(program, "-H", "127.0.0.1", "-p", url[strings.LastIndexByte(url, ':')+1:])
	output, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // if this fails, it has ended
		_ = cmd.Wait()         // it was killed
	})
	ready := make(chan bool)
	go listen(output, ready)
	<-ready
	for name, value := range awstest.Environment(url, "AKIDTEST") {
		t.Setenv(name, value)
	}
	return func() {
		answer, err := http.Post(url+"/moto-api/reset", "", nil)
		if err != nil || answer.StatusCode != http.StatusOK {
			t.Fatalf("the emulator cannot be emptied: %v %v", answer, err)
		}
		_ = answer.Body.Close() // nothing was read from it
	}
}

// listen closes ready when the emulator accepts calls. It reads the whole log, because the
// emulator blocks if nobody does.
func listen(output io.Reader, ready chan bool) {
	var once sync.Once
	defer once.Do(func() { close(ready) }) // it ended: the calls will fail
	for lines := bufio.NewScanner(output); lines.Scan(); {
		if strings.Contains(lines.Text(), "Press CTRL+C") {
			once.Do(func() { close(ready) })
		}
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }() // it held the port until here
	return listener.Addr().(*net.TCPAddr).Port
}
