package e2e

import (
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"k8s.io/client-go/rest"

	"spaces-identity.dev/internal/test/kubetest"
)

// proxy forwards calls of the program to the API server and counts them. A test can let it
// answer instead of the server.
type proxy struct {
	*httptest.Server
	mu     sync.Mutex
	calls  map[string]int                                   // by method and path, without the query
	tamper func(call int, r *http.Request) http.HandlerFunc // returns nil to forward a call; call is its number, from 1
	total  int
}

func newProxy(t testing.TB, c *kubetest.Cluster) *proxy {
	t.Helper()
	target, err := url.Parse(c.URL)
	if err != nil {
		t.Fatal(err)
	}
	config := c.Config("")
	transport, err := rest.TransportFor(config)
	if err != nil {
		t.Fatal(err)
	}
	through := &httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	p := &proxy{calls: map[string]int{}}
	p.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if answer := p.count(r); answer != nil {
			answer(w, r)
			return
		}
		through.ServeHTTP(w, r)
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *proxy) count(r *http.Request) http.HandlerFunc {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls[r.Method+" "+r.URL.Path]++
	p.total++
	if p.tamper == nil {
		return nil
	}
	return p.tamper(p.total, r)
}

// reset forgets the calls and sets tamper.
func (p *proxy) reset(tamper func(call int, r *http.Request) http.HandlerFunc) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls, p.total, p.tamper = map[string]int{}, 0, tamper
}

func (p *proxy) program(t testing.TB, token string) program {
	t.Helper()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.Certificate().Raw})
	return withKubeconfig(kubetest.WriteKubeconfig(t, p.URL, ca, token))
}

// writes returns the number of calls that are not reads.
func (p *proxy) writes() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for call, times := range p.calls {
		if !strings.HasPrefix(call, "GET ") {
			n += times
		}
	}
	return n
}

// failWith returns a handler that fails with a status code and a reason.
func failWith(code int, reason string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		_, _ = fmt.Fprintf(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","message":"injected by the test","reason":%q,"code":%d}`, reason, code)
	}
}

// dropConnection closes the connection without an answer.
func dropConnection(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
