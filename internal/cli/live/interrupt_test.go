package live_test

import (
	"bytes"
	"context"
	"net"
	"os"
	"strings"
	"testing"

	"spaces-identity.dev/internal/cli"
	"spaces-identity.dev/internal/cli/live"
	"spaces-identity.dev/internal/exit"
	"spaces-identity.dev/internal/interrupt"
)

// TestInterruptedRequests lets the user press Ctrl-C while a server does not answer. The
// error of the request, and its hint about networks or credentials, would mislead.
func TestInterruptedRequests(t *testing.T) {
	for line, hint := range map[string]string{
		"plan":                     "",
		"apply --approve":          "hint: run it again to do what is left\n",
		"init --match uuid":        "",
		"discover":                 "",
		"verify":                   "",
		"verify --cluster-only":    "",
		"restart":                  "hint: run it again to do what is left\n",
		"verify --wait 1h -o json": "",
	} {
		t.Run(line, func(t *testing.T) {
			t.Chdir(t.TempDir())
			silent, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = silent.Close() }()
			ctx, end := context.WithCancelCause(t.Context())
			go func() {
				if c, err := silent.Accept(); err == nil {
					end(interrupt.ErrByUser)
					_, _ = c.Read(make([]byte, 1)) // never answers
				}
			}()
			server := "http://" + silent.Addr().String()
			kubeconfig := "apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts: [{name: a, context: {cluster: a, user: a}}]\n" +
				"users: [{name: a, user: {token: x}}]\nclusters: [{name: a, cluster: {server: '" + server + "'}}]\n"
			if err := os.WriteFile("kubeconfig", []byte(kubeconfig), 0o600); err != nil {
				t.Fatal(err)
			}
			for name, value := range map[string]string{"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_REGION": "us-west-2",
				"AWS_ENDPOINT_URL": server, "KUBECONFIG": "kubeconfig"} {
				t.Setenv(name, value)
			}
			var out, errs bytes.Buffer
			env := cli.Env{In: strings.NewReader(""), Out: &out, Err: &errs, Getenv: os.Getenv, Terminal: func(any) bool { return false }, Live: live.Run}
			args := append(strings.Fields(line), "--role-arn", "arn:aws:iam::123456789012:role/r", "--cluster", "c", "--region", "us-west-2",
				"--oidc-provider", "oidc.eks.us-west-2.amazonaws.com/id/A", "--match", "uuid")
			if status := cli.Run(ctx, env, args); status != exit.Interrupted {
				t.Errorf("exit status %d", status)
			}
			if got, want := errs.String(), "error: interrupted\n"+hint; got != want || out.Len() > 0 {
				t.Errorf("got %q and the output %q, want %q", got, out.String(), want)
			}
		})
	}
}
