package space

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// Target says which cluster to connect to.
type Target struct {
	Kubeconfig string              // a path; if empty, KUBECONFIG, then ~/.kube/config, then the pod's own cluster
	Context    string              // if empty, HELM_KUBECONTEXT, then the kubeconfig's current context
	Timeout    time.Duration       // for one call; 0 means one minute
	Env        func(string) string // reads an environment variable, such as those that Helm sets
}

// Rate limits of the client: requests per second, and requests at once. kubectl has
// similar limits. The API server has its own.
const (
	queriesPerSecond = 50
	burstSize        = 100
)

// Connect reads the kubeconfig and returns a client. It does not call the API server. The
// error names the wrong file or context.
func Connect(target Target) (*Client, error) {
	config, err := target.config().ClientConfig()
	if err != nil {
		return nil, explainConfig(err, target)
	}
	config.QPS, config.Burst = queriesPerSecond, burstSize
	config.UserAgent = "spaces-identity"
	config.WarningHandler = rest.NoWarnings{}
	client, err := newClient(config, cmp.Or(target.Timeout, time.Minute))
	if err == nil {
		client.context, _, err = target.config().Namespace()
	}
	return client, err
}

// Namespace returns the namespace of the kubeconfig's context, by default default.
func (c *Client) Namespace() string { return c.context }

// config follows kubectl's order of precedence. Instead of flags it uses the environment
// variables that Helm sets for its plugins.
func (t Target) config() clientcmd.ClientConfig {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = t.Kubeconfig
	rules.WarnIfAllMissing = false
	if list := t.Env("KUBECONFIG"); list != "" {
		rules.Precedence = filepath.SplitList(list)
	}
	return clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{
		CurrentContext: cmp.Or(t.Context, t.Env("HELM_KUBECONTEXT")),
		AuthInfo: clientcmdapi.AuthInfo{
			Token:             t.Env("HELM_KUBETOKEN"),
			Impersonate:       t.Env("HELM_KUBEASUSER"),
			ImpersonateGroups: splitList(t.Env("HELM_KUBEASGROUPS")),
		},
		ClusterInfo: clientcmdapi.Cluster{
			Server:                t.Env("HELM_KUBEAPISERVER"),
			CertificateAuthority:  t.Env("HELM_KUBECAFILE"),
			TLSServerName:         t.Env("HELM_KUBETLS_SERVER_NAME"),
			InsecureSkipTLSVerify: t.Env("HELM_KUBEINSECURE_SKIP_TLS_VERIFY") == "true",
		},
	})
}

func splitList(list string) []string {
	if list == "" {
		return nil
	}
	return strings.Split(list, ",")
}

func explainConfig(err error, t Target) error {
	name := cmp.Or(t.Context, t.Env("HELM_KUBECONTEXT"))
	switch {
	case clientcmd.IsContextNotFound(err) && name == "":
		return fmt.Errorf("the current context of the kubeconfig does not exist: %w", err)
	case clientcmd.IsContextNotFound(err), name != "" && strings.Contains(err.Error(), fmt.Sprintf("context %q does not exist", name)):
		return fmt.Errorf("the kubeconfig has no context %q: %w", name, err)
	case clientcmd.IsEmptyConfig(err):
		return errors.New("found no kubeconfig, so there is no cluster to connect to")
	}
	return fmt.Errorf("cannot read the kubeconfig: %w", err)
}
