package awstest

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"sync"
	"testing"
)

// The account of the server, and the partition and region of its clusters.
const (
	AccountID = "123456789012"
	Partition = "aws"
	Region    = "us-west-2"
)

// Fate is what happens to a call.
type Fate int

// The fates. FailAfter and DropAfter fail a call after it has taken effect.
const (
	Pass       Fate = iota
	FailBefore      // the server returns an error that the SDK does not retry
	FailAfter
	DropBefore // the connection breaks, and the SDK retries
	DropAfter
	Throttle
	Unavailable // the server returns HTTP status 503, and the SDK retries
	Conflict    // somebody else changes the same thing; passes if the operation has no such error
)

// Call is one request.
type Call struct {
	Number    int    // from 1
	Service   string // iam, sts, eks or s3
	Operation string // such as GetRole
	Resource  string // ARN, or * if the operation has none
	Write     bool
	Caller    string // access key ID
}

// Action returns the action of the call in a policy, such as iam:GetRole.
func (c Call) Action() string { return c.Service + ":" + c.Operation }

// Hooks let a test change what happens.
type Hooks struct {
	// Fate decides what happens to a call. If it is nil, all calls pass. It is called
	// in the order of the calls, while the server is locked.
	Fate func(Call) Fate
	// AfterWrite is called after a write took effect, while the server is locked.
	AfterWrite func(Call, *State)
	// BeforeWrite is called before a write. The server is not locked, so a test can
	// let somebody else write first.
	BeforeWrite func(Call)
	// AfterCall is called after a call has been answered. The server is not locked.
	AfterCall func(Call)
	// Lag is the number of reads after a write that still return the state from
	// before. It counts for each role or provider.
	Lag int
	// Policies limits what an access key may do. A key without an entry may do
	// everything.
	Policies map[string][]string
	// Denied returns why an action is denied that policies allow, as AWS says it: "with
	// an explicit deny in a service control policy". Empty means that it is allowed.
	Denied func(action string) (because string)
}

// Server is one AWS account.
type Server struct {
	t     testing.TB
	mu    sync.Mutex
	hooks Hooks
	state State
	calls []Call
	asked []string // actions that limited access keys asked for
	web   *httptest.Server
}

// memoryHost is the host name of a server without a network.
const memoryHost = "aws.example"

// New starts a server for one test. It sets environment variables so that the SDK calls
// the server.
func New(t testing.TB) *Server {
	t.Helper()
	s := &Server{t: t, state: newState()}
	s.web = httptest.NewServer(s)
	t.Cleanup(s.web.Close)
	s.setEnvironment(t, s.web.URL)
	return s
}

// NewInMemory returns a server without a network. Clients must use it as their
// [http.RoundTripper]. It works in a synctest bubble, in which a read from a network would
// stop the time.
func NewInMemory(t testing.TB) *Server {
	t.Helper()
	s := &Server{t: t, state: newState()}
	s.setEnvironment(t, "http://"+memoryHost)
	return s
}

func (s *Server) setEnvironment(t testing.TB, url string) {
	t.Helper()
	for name, value := range Environment(url, "AKIDTEST") {
		t.Setenv(name, value)
	}
}

// Environment returns the environment variables with which a program calls the server
// with an access key.
func (s *Server) Environment(accessKey string) map[string]string {
	return Environment(s.web.URL, accessKey)
}

// Environment returns the environment variables with which a program calls AWS at a URL.
// They hide the user's own AWS settings.
func Environment(url, accessKey string) map[string]string {
	return map[string]string{
		"AWS_ENDPOINT_URL": url, "AWS_ACCESS_KEY_ID": accessKey, "AWS_SECRET_ACCESS_KEY": "secret",
		"AWS_REGION": Region, "AWS_EC2_METADATA_DISABLED": "true", "AWS_PROFILE": "", "AWS_SESSION_TOKEN": "",
		"AWS_CA_BUNDLE": "", "AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
	}
}

// Calls returns the calls so far.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// Disturb changes the hooks for later calls.
func (s *Server) Disturb(change func(*Hooks)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.hooks)
}

// current returns the hooks.
func (s *Server) current() Hooks {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hooks
}

// Forget forgets the calls so far.
func (s *Server) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls, s.asked = nil, nil
}

// Change changes the state without a call, as another program would.
func (s *Server) Change(change func(*State)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.state)
}

// State returns a copy of the account's state.
func (s *Server) State() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.clone()
}

// ServeHTTP answers a request, or breaks the connection.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer := s.serve(r)
	if answer == nil {
		panic(http.ErrAbortHandler)
	}
	maps.Copy(w.Header(), answer.Header())
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes()) // an error means that the client has disconnected
}

// RoundTrip answers a request without a network.
func (s *Server) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	answer := s.serve(r)
	_ = r.Body.Close() // it was read
	if answer == nil {
		return nil, io.EOF
	}
	if err := r.Context().Err(); err != nil { // the answer is lost
		return nil, err
	}
	return answer.Result(), nil
}

// serve answers one request. It returns nil if the connection must break instead. The test
// fails if AWS would not answer so.
func (s *Server) serve(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	op, call, fail := s.decode(r)
	if fail != nil {
		fail.write(w, call.Service)
		return w
	}
	if before := s.current().BeforeWrite; before != nil && call.Write {
		before(call)
	}
	answer, fate := s.perform(op, &call)
	if after := s.current().AfterCall; after != nil {
		defer after(call)
	}
	if fate == DropBefore || fate == DropAfter {
		return nil
	}
	answer.write(w, call.Service)
	for _, problem := range checkAnswer(call, w) {
		s.t.Errorf("awstest answers %s unlike AWS: %s", call.Action(), problem)
	}
	if r.Method == http.MethodHead {
		w.Body.Reset()
	}
	return w
}

func (s *Server) perform(op apiOperation, call *Call) (apiResponse, Fate) {
	s.mu.Lock()
	defer s.mu.Unlock()
	call.Number = len(s.calls) + 1
	s.calls = append(s.calls, *call)
	fate := Pass
	if s.hooks.Fate != nil {
		fate = s.hooks.Fate(*call)
	}
	switch fate {
	case DropBefore:
		return nil, fate
	case FailBefore:
		return broken(*call), fate
	case Throttle:
		return throttled(*call), fate
	case Unavailable:
		return unavailable(*call), fate
	case Conflict:
		if status := models[call.Service].Operations[call.Operation].Errors["ConcurrentModification"]; status != 0 {
			return &apiError{status, "ConcurrentModification", "The request conflicts with another one. Please try again."}, fate
		}
	}
	if denied := s.authorize(op, *call); denied != nil {
		return denied, Pass
	}
	s.state.caller = call.Caller
	result := op.run(&s.state, s.hooks.Lag)
	if _, failed := result.(*apiError); !failed && call.Write && s.hooks.AfterWrite != nil {
		s.hooks.AfterWrite(*call, &s.state)
	}
	if fate == FailAfter {
		return broken(*call), fate
	}
	return result, fate
}

// credential is the scope of a signature: key, date, region, service.
//
// Source: IAM User Guide, "AWS Signature Version 4 for API requests".
var credential = regexp.MustCompile(`^AWS4-HMAC-SHA256 Credential=([^/]+)/[0-9]{8}/([^/]+)/(iam|sts|eks|eks-auth|s3)/aws4_request,`)

func (s *Server) decode(r *http.Request) (apiOperation, Call, *apiError) {
	if r.Body == nil {
		r.Body = http.NoBody // as a server gets it
	}
	scope := credential.FindStringSubmatch(r.Header.Get("Authorization"))
	if scope == nil && r.Method == http.MethodPost && r.ParseForm() == nil && r.PostForm.Get("Action") == "AssumeRoleWithWebIdentity" {
		scope = []string{"", "", Region, "sts"} // the only call without a signature
	}
	if scope == nil {
		return apiOperation{}, Call{Service: "iam"}, &apiError{403, "MissingAuthenticationToken", "Request is missing Authentication Token"}
	}
	call := Call{Service: scope[3], Caller: scope[1]}
	var op apiOperation
	var fail *apiError
	switch call.Service {
	case "eks":
		op, fail = decodeREST(r, scope[2])
	case "eks-auth":
		op, fail = decodeEKSAuth(r)
	case "s3":
		op, fail = decodeS3(r)
	default:
		op, fail = decodeQuery(r, call.Service)
	}
	call.Operation, call.Resource, call.Write = op.name, op.resource, op.write
	return op, call, fail
}

// apiOperation is a decoded call: its name, its resource and what it does.
type apiOperation struct {
	name     string
	action   string // empty if it is named like the operation
	resource string
	context  map[string]string // condition keys
	write    bool
	also     []requiredPermission // that AWS requires in addition
	run      func(*State, int) apiResponse
}

// requiredPermission is an action on a resource.
type requiredPermission struct{ action, resource string }
