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
	Kubeconfig string              // a file; if empty, what KUBECONFIG lists, then ~/.kube/config, then the pod's own cluster
	Context    string              // if empty, HELM_KUBECONTEXT, then the kubeconfig's current one
	Timeout    time.Duration       // for one call; 0 for a minute
	Env        func(string) string // the environment, from which Helm's settings come
}

// Rate limits of the client, in requests per second and at once: those of kubectl in
// their order of magnitude. The API server has limits of its own.
const (
	queriesPerSecond = 50
	burstSize        = 100
)

// Connect reads the kubeconfig. It does not call the API server. The error names the
// file or the context that is wrong.
func Connect(target Target) (*Client, error) {
	config, err := target.config().ClientConfig()
	if err != nil {
		return nil, explainConfig(err, target)
	}
	config.QPS, config.Burst = queriesPerSecond, burstSize
	config.UserAgent = "spaces-identity"
	config.WarningHandler = rest.NoWarnings{}
	return newClient(config, cmp.Or(target.Timeout, time.Minute))
}

// config follows kubectl's order of precedence, with the settings that Helm passes to
// its plugins instead of flags.
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
	case clientcmd.IsContextNotFound(err), name != "" && strings.Contains(err.Error(), fmt.Sprintf("context %q does not exist", name)):
		return fmt.Errorf("the kubeconfig has no context %q: %w", name, err)
	case clientcmd.IsEmptyConfig(err):
		return errors.New("found no kubeconfig, so there is no cluster to connect to")
	}
	return fmt.Errorf("cannot read the kubeconfig: %w", err)
}
