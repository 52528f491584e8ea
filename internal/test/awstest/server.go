package awstest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"sync"
	"testing"
)

// The account that the server is, and the partition and region of its clusters.
const (
	AccountID = "123456789012"
	Partition = "aws"
	Region    = "us-west-2"
)

// Fate is what becomes of a call.
type Fate int

// The fates. FailAfter and DropAfter happen when the call has taken effect.
const (
	Pass       Fate = iota
	FailBefore      // an error that the SDK does not try again
	FailAfter
	DropBefore // the connection breaks, and the SDK tries again
	DropAfter
	Throttle
)

// Call is one request.
type Call struct {
	Number    int    // from 1
	Service   string // iam, sts or eks
	Operation string // such as GetRole
	Resource  string // ARN, or * if the operation has none
	Write     bool
	Caller    string // access key ID
}

// Action is the call as a policy names it.
func (c Call) Action() string { return c.Service + ":" + c.Operation }

// Hooks are what a test lets happen.
type Hooks struct {
	// Fate decides what becomes of a call; nil lets all pass. It is called with
	// the server locked, in the order of the calls.
	Fate func(Call) Fate
	// AfterWrite is called with the server locked when a write took effect.
	AfterWrite func(Call, *State)
	// BeforeWrite is called unlocked before a write: a test can let somebody
	// else be quicker there.
	BeforeWrite func(Call)
	// AfterCall is called unlocked when a call has been answered.
	AfterCall func(Call)
	// Lag is the number of reads of a thing, after a write to it, that still
	// show what was there before.
	Lag int
	// Policies limits what an access key may do; a key without an entry may do
	// everything.
	Policies map[string][]string
}

// Server is one AWS account.
type Server struct {
	mu    sync.Mutex
	hooks Hooks
	state State
	calls []Call
	asked []string // actions that limited access keys asked for
	web   *httptest.Server
}

// New starts a server for the time of the test, and points the SDK's default
// chain at it.
func New(t testing.TB) *Server {
	t.Helper()
	s := &Server{state: newState()}
	s.web = httptest.NewServer(s)
	t.Cleanup(s.web.Close)
	s.setEnvironment(t, s.web.URL)
	return s
}

// NewInMemory returns an account without a network, for clients that have the Server
// as their [http.RoundTripper]. It works in a bubble of testing/synctest, where a read
// from a network would keep time from passing.
func NewInMemory(t testing.TB) *Server {
	t.Helper()
	s := &Server{state: newState()}
	s.setEnvironment(t, "http://aws.example")
	return s
}

func (s *Server) setEnvironment(t testing.TB, url string) {
	t.Helper()
	for name, value := range Environment(url, "AKIDTEST") {
		t.Setenv(name, value)
	}
}

// Environment are the variables with which a program finds the server and acts
// as an access key.
func (s *Server) Environment(accessKey string) map[string]string {
	return Environment(s.web.URL, accessKey)
}

// Environment are the variables with which a program finds AWS at a URL, and
// nothing of the user's own.
func Environment(url, accessKey string) map[string]string {
	return map[string]string{
		"AWS_ENDPOINT_URL": url, "AWS_ACCESS_KEY_ID": accessKey, "AWS_SECRET_ACCESS_KEY": "secret",
		"AWS_REGION": Region, "AWS_EC2_METADATA_DISABLED": "true", "AWS_PROFILE": "", "AWS_SESSION_TOKEN": "",
		"AWS_CA_BUNDLE": "", "AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
	}
}

// Calls are the calls so far.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// Disturb changes the hooks, for the calls that come from now on.
func (s *Server) Disturb(change func(*Hooks)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.hooks)
}

// current are the hooks as they are.
func (s *Server) current() Hooks {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hooks
}

// Forget starts counting calls again.
func (s *Server) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls, s.asked = nil, nil
}

// Change changes the state behind the API's back, as another program would.
func (s *Server) Change(change func(*State)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.state)
}

// State is a copy of what the account holds.
func (s *Server) State() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.clone()
}

// ServeHTTP answers a request, or breaks the connection.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if dropped := s.serve(w, r); dropped {
		panic(http.ErrAbortHandler)
	}
}

// RoundTrip answers a request without a network.
func (s *Server) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	recorded := httptest.NewRecorder()
	dropped := s.serve(recorded, r)
	if r.Body != nil {
		_ = r.Body.Close() // it was read
	}
	if dropped {
		return nil, io.EOF
	}
	if err := r.Context().Err(); err != nil { // the answer is lost
		return nil, err
	}
	return recorded.Result(), nil
}

// serve answers one request, unless its fate is a broken connection.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) (dropped bool) {
	op, call, fail := s.decode(r)
	if fail != nil {
		fail.write(w, call.Service)
		return false
	}
	if before := s.current().BeforeWrite; before != nil && call.Write {
		before(call)
	}
	answer, fate := s.perform(op, &call)
	if after := s.current().AfterCall; after != nil {
		defer after(call)
	}
	if fate == DropBefore || fate == DropAfter {
		return true
	}
	answer.write(w, call.Service)
	return false
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
	}
	if denied := s.authorize(op, *call); denied != nil {
		return denied, Pass
	}
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
var credential = regexp.MustCompile(`^AWS4-HMAC-SHA256 Credential=([^/]+)/[0-9]{8}/([^/]+)/(iam|sts|eks)/aws4_request,`)

func (s *Server) decode(r *http.Request) (apiOperation, Call, *apiError) {
	scope := credential.FindStringSubmatch(r.Header.Get("Authorization"))
	if scope == nil {
		return apiOperation{}, Call{Service: "iam"}, &apiError{403, "MissingAuthenticationToken", "Request is missing Authentication Token"}
	}
	call := Call{Service: scope[3], Caller: scope[1]}
	var op apiOperation
	var fail *apiError
	if call.Service == "eks" {
		op, fail = decodeREST(r, scope[2])
	} else {
		op, fail = decodeQuery(r, call.Service)
	}
	call.Operation, call.Resource, call.Write = op.name, op.resource, op.write
	return op, call, fail
}

// apiOperation is a decoded call: what it is called, what it is on, what it does.
type apiOperation struct {
	name     string
	resource string
	write    bool
	also     []requiredPermission // that AWS asks for besides the operation's own
	run      func(*State, int) apiResponse
}

// requiredPermission is an action on a resource.
type requiredPermission struct{ action, resource string }
