package space

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/rest"
)

// cannedServer is an API server that returns prepared responses in order. It repeats the
// last one.
type cannedServer struct {
	left     []cannedAnswer
	requests []string
}

type cannedAnswer struct {
	code int
	body string
}

// RoundTrip returns the next response.
func (a *cannedServer) RoundTrip(r *http.Request) (*http.Response, error) {
	a.requests = append(a.requests, r.Method+" "+r.URL.Path)
	next := a.left[0]
	if len(a.left) > 1 {
		a.left = a.left[1:]
	}
	switch {
	case next.code == 0:
		return nil, io.EOF
	case next.body == "":
		next.body = fmt.Sprintf(`{"kind":"Status","apiVersion":"v1","status":"Failure","message":"answer %d","code":%d}`, next.code, next.code)
	}
	return &http.Response{StatusCode: next.code, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(next.body)), Request: r}, nil
}

// runAgainst runs a call in a synctest bubble and returns how long it took.
func runAgainst(t *testing.T, a *cannedServer, call func(context.Context, *Client) error) (took time.Duration, err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		client, failure := newClient(&rest.Config{Host: "https://server", Transport: a, QPS: -1}, time.Minute)
		if failure != nil {
			t.Fatal(failure)
		}
		began := time.Now()
		err = call(t.Context(), client)
		took = time.Since(began)
	})
	return took, err
}

const emptyList = `{"items":[]}`

func listPods(ctx context.Context, c *Client) error {
	return List(ctx, c, Pods, Query{}, func(Pod) {})
}

func touchAccount(ctx context.Context, c *Client) error {
	_, err := c.Touch(ctx, "a", "b")
	return err
}

func TestReadsAreRepeated(t *testing.T) {
	for name, tt := range map[string]struct {
		answers  []cannedAnswer
		requests int
		took     time.Duration
		says     string // of the error
	}{
		"at once":                {[]cannedAnswer{{200, emptyList}}, 1, 0, ""},
		"an error at first":      {[]cannedAnswer{{500, ""}, {503, ""}, {200, emptyList}}, 3, 2 * time.Second, ""},
		"too many at first":      {[]cannedAnswer{{429, ""}, {200, emptyList}}, 2, time.Second, ""},
		"a dropped connection":   {[]cannedAnswer{{0, ""}, {200, emptyList}}, 2, time.Second, ""},
		"errors for ever":        {[]cannedAnswer{{500, ""}}, 4, 3 * time.Second, "list pods: answer 500"},
		"overloaded for ever":    {[]cannedAnswer{{429, ""}}, 4, 3 * time.Second, "list pods: the API server is overloaded (429)"},
		"dropped for ever":       {[]cannedAnswer{{0, ""}}, 4, 3 * time.Second, "list pods: cannot reach the API server https://server"},
		"forbidden":              {[]cannedAnswer{{403, ""}}, 1, 0, `list pods: forbidden: it needs the RBAC rule {apiGroups: [""], resources: [pods], verbs: [list]}`},
		"not an answer":          {[]cannedAnswer{{200, "x"}}, 1, 0, "list pods: invalid character"},
		"an expired page":        {[]cannedAnswer{{200, `{"metadata":{"continue":"x"}}`}, {410, `{"kind":"Status","status":"Failure","reason":"Expired","code":410}`}, {200, emptyList}}, 3, 0, ""},
		"a page that expires on": {[]cannedAnswer{{410, `{"kind":"Status","status":"Failure","reason":"Expired","message":"too old","code":410}`}}, 2, 0, "list pods: too old"},
	} {
		t.Run(name, func(t *testing.T) {
			a := &cannedServer{left: tt.answers}
			took, err := runAgainst(t, a, listPods)
			if len(a.requests) != tt.requests || took != tt.took {
				t.Errorf("%d requests in %s, want %d in %s", len(a.requests), took, tt.requests, tt.took)
			}
			if (err == nil) != (tt.says == "") || err != nil && !strings.HasPrefix(err.Error(), tt.says) {
				t.Errorf("error %v, want %q", err, tt.says)
			}
		})
	}
}

func TestPatchesAreRepeatedOnlyAfterAConflict(t *testing.T) {
	for name, tt := range map[string]struct {
		answers  []cannedAnswer
		requests int
		fails    bool
	}{
		"at once":           {[]cannedAnswer{{200, "{}"}}, 1, false},
		"a conflict":        {[]cannedAnswer{{409, `{"kind":"Status","status":"Failure","reason":"Conflict","code":409}`}, {200, "{}"}}, 2, false},
		"an error":          {[]cannedAnswer{{500, ""}, {200, "{}"}}, 1, true}, // the server may have applied it
		"a lost connection": {[]cannedAnswer{{0, ""}, {200, "{}"}}, 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			a := &cannedServer{left: tt.answers}
			if _, err := runAgainst(t, a, touchAccount); len(a.requests) != tt.requests || (err != nil) != tt.fails {
				t.Errorf("%d requests, error %v", len(a.requests), err)
			}
		})
	}
}

// byPath is an API server that has a response for each path. Other paths are forbidden.
type byPath map[string]string

// RoundTrip returns the response for the path.
func (b byPath) RoundTrip(r *http.Request) (*http.Response, error) {
	one := &cannedServer{left: []cannedAnswer{{http.StatusForbidden, `{"kind":"Status","status":"Failure","reason":"Forbidden","code":403}`}}}
	if body, ok := b[r.URL.Path]; ok {
		one.left[0] = cannedAnswer{http.StatusOK, body}
	}
	return one.RoundTrip(r)
}

func TestObserveReadsEachNamespaceIfItMayNotReadAll(t *testing.T) {
	client, err := newClient(&rest.Config{Host: "https://server", Transport: byPath{
		"/api/v1/namespaces/a/serviceaccounts":     `{"items":[{"metadata":{"name":"vector","namespace":"a"}}]}`,
		"/api/v1/namespaces/a/pods":                `{"items":[{"metadata":{"name":"p","namespace":"a"}},{"metadata":{"name":"old","namespace":"a"},"status":{"phase":"Failed"}}]}`,
		"/apis/apps/v1/namespaces/a/deployments":   `{"items":[{"metadata":{"name":"vector","namespace":"a"},"spec":{"template":{"spec":{"serviceAccountName":"vector"}}}}]}`,
		"/apis/apps/v1/namespaces/a/statefulsets":  emptyList,
		"/apis/spaces.upbound.io/v1alpha1/backups": emptyList,
	}, QPS: -1}, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	wanted := Selection{ServiceAccounts: []string{"vector"}, Backups: true, Objects: []Resource{AdmissionPolicies},
		Scope: Scope{Namespaces: []string{"a", "b"}, Admits: func(string) bool { return false }}}
	o, err := Observe(t.Context(), client, wanted)
	if err != nil {
		t.Fatal(err)
	}
	at := Key{"a", "vector"}
	if o.ServiceAccounts[at].Meta.Name != "vector" || len(o.Pods[at]) != 1 || len(o.Workloads[at]) != 1 {
		t.Errorf("%+v", o)
	}
	var unread []string
	for _, e := range o.Unread.All {
		unread = append(unread, e.object())
	}
	want := []string{"serviceaccounts in b", "pods in b", "deployments.apps in b", "statefulsets.apps in b",
		"sharedbackupconfigs.spaces.upbound.io", "spacebackupconfigs.admin.spaces.upbound.io",
		"backupschedules.spaces.upbound.io", "sharedbackupschedules.spaces.upbound.io", "mutatingadmissionpolicies.admissionregistration.k8s.io"}
	if diff := cmp.Diff(want, unread); diff != "" {
		t.Errorf("what could not be read differs (-want +got):\n%s", diff)
	}
	if o.Failure("a", Pods) != nil || o.Failure("b", Deployments, Pods) == nil || o.Failure("a", AdmissionPolicies) == nil {
		t.Error("a failure is not found by its namespace")
	}
	wanted.Namespaces = nil
	if _, err := Observe(t.Context(), client, wanted); err == nil {
		t.Error("without any source and any name it is no error")
	} else if problem, ok := errors.AsType[*Error](err); !ok || problem.Hint() == "" {
		t.Errorf("the error has no hint: %v", err)
	}
}

func TestIssuerIsReadFromTheDiscoveryDocument(t *testing.T) {
	const url = "https://oidc.eks.us-west-2.amazonaws.com/id/EXAMPLE"
	for name, tt := range map[string]struct {
		answer       cannedAnswer
		issuer, says string
	}{
		"answered":  {cannedAnswer{200, `{"issuer":"` + url + `","jwks_uri":"x"}`}, url, ""},
		"no issuer": {cannedAnswer{200, "{}"}, "", "the answer has no issuer"},
		"forbidden": {cannedAnswer{403, ""}, "", "{nonResourceURLs: [/.well-known/openid-configuration], verbs: [get]}"},
	} {
		t.Run(name, func(t *testing.T) {
			issuer := ""
			_, err := runAgainst(t, &cannedServer{left: []cannedAnswer{tt.answer}}, func(ctx context.Context, c *Client) (err error) {
				issuer, err = c.Issuer(ctx)
				return err
			})
			if issuer != tt.issuer || (err == nil) != (tt.says == "") || err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("issuer %q, error %v", issuer, err)
			}
		})
	}
}
