package account_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"spaces-identity.dev/internal/account"
	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/test/awstest"
)

// network is a network for tests.
type network func(*http.Request) (*http.Response, error)

func (n network) RoundTrip(r *http.Request) (*http.Response, error) { return n(r) }

func (n network) client() *http.Client { return &http.Client{Transport: n, Timeout: 20 * time.Second} }

// fails returns a network in which every request fails.
func fails(err error) network {
	return func(*http.Request) (*http.Response, error) { return nil, err }
}

// answers returns a network in which every request gets an error of IAM or STS.
func answers(status int, code, message string) network {
	return page(status, "<ErrorResponse><Error><Code>"+code+"</Code><Message>"+message+"</Message></Error></ErrorResponse>")
}

// page returns a network in which every request gets a body.
func page(status int, body string) network {
	return func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: status, Request: r, Header: http.Header{"Content-Type": {"text/xml"}}, Body: io.NopCloser(strings.NewReader(body))}, nil
	}
}

// setEnvironment hides the AWS settings of the user.
func setEnvironment(t *testing.T, url string) {
	t.Helper()
	for name, value := range awstest.Environment(url, "AKIDTEST") {
		t.Setenv(name, value)
	}
}

type hinter interface{ Hint() string }

func hintOf(err error) string {
	var h hinter
	if errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}

// connectCase is how Connect fails in a network.
type connectCase struct {
	name    string
	network network
	message string // beginning of the error
	hint    string // beginning of the hint
	reports int    // least number of lines for the user
	seconds int    // most seconds
}

func (c connectCase) run(t *testing.T) {
	t.Helper()
	start, reports := time.Now(), 0
	_, err := account.Connect(t.Context(), account.Options{Region: "us-west-2", HTTPClient: c.network.client(),
		Report: func(text string) {
			reports++
			if !strings.HasSuffix(text, "; trying again") {
				t.Errorf("report %q", text)
			}
		}})
	if err == nil || !strings.HasPrefix(err.Error(), c.message) || !strings.HasPrefix(hintOf(err), c.hint) {
		t.Errorf("error %v\nhint %q\nwant %q, hint %q", err, hintOf(err), c.message, c.hint)
	}
	if took := int(time.Since(start).Seconds()); took > c.seconds || reports < c.reports {
		t.Errorf("it took %d seconds with %d reports, want at most %d seconds and at least %d reports", took, reports, c.seconds, c.reports)
	}
}

func TestConnectSaysWhyItFails(t *testing.T) {
	dial := func(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }
	const sts = "cannot reach STS at https://sts.us-west-2.amazonaws.com: "
	const user = "User: arn:aws:sts::123456789012:assumed-role/ci/run is not authorized to perform: sts:GetCallerIdentity with an explicit deny in a "
	for _, c := range []connectCase{
		{"the connection is refused", fails(dial(syscall.ECONNREFUSED)), sts + "dial tcp: connection refused", "check the network, HTTPS_PROXY and AWS_ENDPOINT_URL", 1, 3},
		{"there is no route", fails(dial(syscall.ENETUNREACH)), sts + "dial tcp: network is unreachable", "check the network", 1, 3},
		{"the host is not known", fails(dial(&net.DNSError{Err: "no such host", Name: "sts.us-nowhere-2.amazonaws.com", IsNotFound: true})),
			sts + "dial tcp: lookup sts.us-nowhere-2.amazonaws.com: no such host", "check the region", 0, 3},
		{"the name server does not answer", fails(dial(&net.DNSError{Err: "i/o timeout", Name: "sts.us-west-2.amazonaws.com", IsTimeout: true})), sts, "check the network", 1, 3},
		{"the proxy refuses", fails(&net.OpError{Op: "proxyconnect", Net: "tcp", Err: dial(syscall.ECONNREFUSED)}), sts + "proxyconnect", "check HTTPS_PROXY", 1, 3},
		{"the proxy wants a password", fails(errors.New("Proxy Authentication Required")), sts + "Proxy Authentication Required", "check the network, HTTPS_PROXY", 1, 3},
		{"the certificate is not trusted", fails(&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}), sts + "tls: failed to verify", "check AWS_CA_BUNDLE", 1, 3},
		{"the connection breaks", fails(io.EOF), sts + "EOF", "check the network", 1, 3},
		{"the server hangs", func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}, sts + "no answer within 20s", "check the network", 1, 45},
		{"a page of something else", page(200, "<html>log in</html>"), sts + "the answer with HTTP status 200 is not one of AWS", "check the network, HTTPS_PROXY and AWS_ENDPOINT_URL", 0, 3},
		{"an empty answer", page(200, "{}"), "the answer to sts:GetCallerIdentity has no account and no ARN, so it is not from AWS", "check AWS_ENDPOINT_URL", 0, 3},
		{"an answer for nobody", page(200, "<GetCallerIdentityResponse><GetCallerIdentityResult/></GetCallerIdentityResponse>"), "the answer to sts:GetCallerIdentity has no account", "check AWS_ENDPOINT_URL", 0, 3},
		{"no page", page(404, ""), sts + "the answer with HTTP status 404 is not one of AWS", "check the network", 0, 3},
		{"a proxy forbids", page(403, "no"), sts + "the answer with HTTP status 403 is not one of AWS", "check the network", 0, 3},
		{"a proxy fails", page(503, "<html>"), sts + "the answer with HTTP status 503 is not one of AWS", "check the network", 1, 3},
		{"the service fails", answers(503, "ServiceUnavailable", "later"), "sts:GetCallerIdentity: ServiceUnavailable: later", "", 3, 220},
		{"the service throttles", answers(400, "Throttling", "Rate exceeded"), "sts:GetCallerIdentity: Throttling: Rate exceeded", "AWS limits the calls", 3, 220},
		{"the credentials are rejected", answers(403, "InvalidClientTokenId", "invalid"), "AWS rejects the credentials of the environment: ", "log in", 0, 0},
		{"the session has expired", answers(403, "ExpiredToken", "expired"), "AWS rejects the credentials of the environment: ", "log in", 0, 0},
		{"the region is disabled", answers(403, "RegionDisabledException", "not activated"), "sts:GetCallerIdentity: RegionDisabledException", "", 0, 0},
		{"an SCP denies", answers(403, "AccessDenied", user+"service control policy"),
			"AWS does not allow arn:aws:sts::123456789012:assumed-role/ci/run to call sts:GetCallerIdentity: ", "a service control policy of the AWS organization", 0, 0},
		{"a VPC endpoint denies", answers(403, "AccessDenied", user+"VPC endpoint policy"), "AWS does not allow", "the policy of the VPC endpoint", 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			setEnvironment(t, "")
			synctest.Test(t, c.run)
		})
	}
}

func TestConnectSucceedsAfterThrottling(t *testing.T) {
	server := awstest.NewInMemory(t)
	server.Disturb(func(h *awstest.Hooks) {
		h.Fate = func(c awstest.Call) awstest.Fate {
			return map[bool]awstest.Fate{true: awstest.Throttle, false: awstest.Pass}[c.Number < 6]
		}
	})
	synctest.Test(t, func(t *testing.T) {
		var reports []string
		connected, err := account.Connect(t.Context(), account.Options{HTTPClient: &http.Client{Transport: server},
			Report: func(text string) { reports = append(reports, text) }})
		if err != nil || connected.Caller.Account != awstest.AccountID || connected.Caller.Partition != awstest.Partition {
			t.Fatalf("connected %v, error %v", connected, err)
		}
		if len(reports) == 0 || reports[0] != "STS answers Throttling: Rate exceeded; trying again" {
			t.Errorf("reports %q", reports)
		}
	})
}

// A plan waits while IAM throttles, and says so.
func TestThrottledCallsOfIAMAreReported(t *testing.T) {
	server := awstest.NewInMemory(t)
	server.Disturb(func(h *awstest.Hooks) {
		h.Fate = func(c awstest.Call) awstest.Fate {
			return map[bool]awstest.Fate{true: awstest.Throttle, false: awstest.Pass}[c.Service == "iam"]
		}
	})
	synctest.Test(t, func(t *testing.T) {
		reports := 0
		connected, err := account.Connect(t.Context(), account.Options{HTTPClient: &http.Client{Transport: server}, Report: func(string) { reports++ }})
		if err != nil {
			t.Fatal(err)
		}
		_, err = connected.TrustPolicyQuota(t.Context())
		if err == nil || err.Error() != "iam:GetAccountSummary on account 123456789012: Throttling: Rate exceeded" || !strings.HasPrefix(hintOf(err), "AWS limits the calls") {
			t.Errorf("error %v, hint %q", err, hintOf(err))
		}
		if reports < 5 || reports > 11 {
			t.Errorf("%d reports", reports)
		}
		reports = 0
		role, err := identity.ParseRoleARN("arn:aws:iam::123456789012:role/backup")
		if err != nil {
			t.Fatal(err)
		}
		if err := connected.SetTrustPolicy(t.Context(), role, "{}"); !account.IsTransient(err) || reports != 1 {
			t.Errorf("error %v, %d reports", err, reports)
		}
	})
}

// writeConfig writes a shared config file.
func writeConfig(t *testing.T, text string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_CONFIG_FILE", path)
}

func TestConnectSaysWhichCredentialsFail(t *testing.T) {
	const chained = "[profile ci]\nrole_arn = arn:aws:iam::123456789012:role/ci\ncredential_source = Environment\n"
	const sso = "[profile ci]\nsso_session = s\nsso_account_id = 123456789012\nsso_role_name = r\n" +
		"[sso-session s]\nsso_region = us-west-2\nsso_start_url = https://example.awsapps.com/start\n"
	refused := fails(&net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED})
	for name, c := range map[string]struct {
		config  string
		network network
		message string
		hint    string
	}{
		"the process fails":          {"[profile ci]\ncredential_process = /bin/false\n", refused, "found no working AWS credentials with profile ci: process provider error", "log in"},
		"the profile does not exist": {"", refused, "found no working AWS credentials with profile ci: failed to get shared config profile, ci", "log in"},
		"the SSO session is missing": {sso, refused, "found no working AWS credentials with profile ci: ", "log in"},
		"STS cannot be reached":      {chained, refused, "cannot reach STS at https://sts.us-west-2.amazonaws.com: dial tcp: connection refused", "check the network"},
		"an SCP denies the role": {chained, answers(403, "AccessDenied", "User: arn:aws:iam::123456789012:user/a is not authorized to perform: sts:AssumeRole with an explicit deny in a service control policy"),
			"AWS does not allow arn:aws:iam::123456789012:user/a to call sts:AssumeRole: AccessDenied", "a service control policy"},
		"the trust policy denies the role": {chained, answers(403, "AccessDenied", "User: arn:aws:iam::123456789012:user/a is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::123456789012:role/ci"),
			"AWS does not allow arn:aws:iam::123456789012:user/a to call sts:AssumeRole", "the trust policy of the role"},
		"the source is rejected": {chained, answers(403, "InvalidClientTokenId", "invalid"), "AWS rejects the credentials of profile ci", "log in"},
	} {
		t.Run(name, func(t *testing.T) {
			setEnvironment(t, "")
			writeConfig(t, c.config)
			t.Setenv("HOME", t.TempDir())
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				_, err := account.Connect(t.Context(), account.Options{Profile: "ci", Region: "us-west-2", HTTPClient: c.network.client()})
				if err == nil || !strings.HasPrefix(err.Error(), c.message) || !strings.HasPrefix(hintOf(err), c.hint) {
					t.Errorf("error %v\nhint %q\nwant %q, hint %q", err, hintOf(err), c.message, c.hint)
				}
				if took := time.Since(start); took > 10*time.Second {
					t.Errorf("it took %s", took)
				}
			})
		})
	}
}

// Nothing answers at the address of the instance's metadata.
func TestConnectWithoutCredentialsFailsInSeconds(t *testing.T) {
	setEnvironment(t, "")
	for name, value := range map[string]string{"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_EC2_METADATA_DISABLED": "false", "HOME": t.TempDir()} {
		t.Setenv(name, value)
	}
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		_, err := account.Connect(t.Context(), account.Options{HTTPClient: fails(&net.OpError{Op: "dial", Net: "tcp", Err: syscall.EHOSTUNREACH}).client()})
		if err == nil || err.Error() != "found no working AWS credentials with the default profile: there are none in the environment, in the shared files or from the instance" {
			t.Errorf("error %v", err)
		}
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

// A service that has answered is called longer than one that never did.
func TestRetriesEndEarlierIfAServiceNeverAnswered(t *testing.T) {
	for name, c := range map[string]struct {
		answersFirst     bool
		shortest, latest time.Duration
	}{
		"it never answered": {false, time.Second, 4 * time.Second},
		"it has answered":   {true, time.Minute, 4 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			server := awstest.NewInMemory(t)
			server.Change(func(s *awstest.State) { s.Clusters["prod"] = awstest.Cluster{Version: "1.36"} })
			synctest.Test(t, func(t *testing.T) {
				down := !c.answersFirst
				net := network(func(r *http.Request) (*http.Response, error) {
					if down && strings.Contains(r.Header.Get("Authorization"), "/eks/") {
						return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
					}
					return server.RoundTrip(r)
				})
				reports := 0
				connected, err := account.Connect(t.Context(), account.Options{HTTPClient: net.client(), Report: func(string) { reports++ }})
				if err != nil {
					t.Fatal(err)
				}
				if c.answersFirst {
					if _, _, err := connected.Region(awstest.Region).Cluster(t.Context(), "prod"); err != nil {
						t.Fatal(err)
					}
				}
				down = true
				start := time.Now()
				_, _, err = connected.Region(awstest.Region).Cluster(t.Context(), "prod")
				const want = "eks:DescribeCluster on arn:aws:eks:us-west-2:123456789012:cluster/prod: cannot reach EKS at http://aws.example: "
				if err == nil || !strings.HasPrefix(err.Error(), want) {
					t.Errorf("error %v", err)
				}
				if took := time.Since(start); took < c.shortest || took > c.latest || reports == 0 {
					t.Errorf("it took %s with %d reports", took, reports)
				}
			})
		})
	}
}

// The SDK warns if an instance has only the first version of the metadata service.
func TestSDKWritesNothingToStderr(t *testing.T) {
	setEnvironment(t, "")
	for name, value := range map[string]string{"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_EC2_METADATA_DISABLED": "false", "HOME": t.TempDir()} {
		t.Setenv(name, value)
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	before := os.Stderr
	os.Stderr = writer
	_, err = account.Connect(t.Context(), account.Options{HTTPClient: answers(404, "NotFound", "no").client()})
	os.Stderr = before
	if closing := writer.Close(); err == nil || closing != nil {
		t.Fatalf("error %v, %v", err, closing)
	}
	var written bytes.Buffer
	if _, err := written.ReadFrom(reader); err != nil || written.Len() > 0 {
		t.Errorf("stderr: %s, error %v", &written, err)
	}
}

// A command that fails ends its other calls, some of them while they read the answer.
func TestInterruptedAnswersAreNotStrange(t *testing.T) {
	for _, cause := range []error{context.Canceled, io.ErrUnexpectedEOF, &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}} {
		setEnvironment(t, "")
		synctest.Test(t, func(t *testing.T) {
			breaks := network(func(r *http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: http.StatusOK, Request: r, Header: http.Header{}, Body: io.NopCloser(iotest.ErrReader(cause))}, nil
			})
			_, err := account.Connect(t.Context(), account.Options{Region: "us-west-2", HTTPClient: breaks.client(), Report: func(text string) {
				if strings.Contains(text, "not one of AWS") {
					t.Errorf("%v: report %q", cause, text)
				}
			}})
			if err == nil || strings.Contains(err.Error(), "not one of AWS") {
				t.Errorf("%v: %v", cause, err)
			}
		})
	}
}
