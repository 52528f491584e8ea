package space

import (
	"context"
	"path"
	"slices"
	"strings"
)

// Kyverno is what the cluster has of Kyverno, which evaluates the policies of its kind.
type Kyverno struct {
	Webhooks    []KyvernoWebhook
	Controllers []Workload // that answer the webhooks
}

// KyvernoWebhook is a webhook by which the API server sends objects to Kyverno.
type KyvernoWebhook struct {
	Client struct {
		URL     string `json:"url"` // if Kyverno runs outside the cluster
		Service struct {
			Namespace string `json:"namespace"`
			Path      string `json:"path"`
		} `json:"service"`
	} `json:"clientConfig"`
}

// Sends reports whether the webhook sends objects to a policy. Its path ends with the
// names of its policies.
//
// Source: Kyverno 1.19, pkg/controllers/webhook (buildWebhookRules).
func (w KyvernoWebhook) Sends(policy string) bool {
	return slices.Contains(strings.Split(path.Join(w.Client.Service.Path, w.Client.URL), "/"), policy)
}

// Sends reports whether the API server sends objects to a policy.
func (k Kyverno) Sends(policy string) bool {
	return slices.ContainsFunc(k.Webhooks, func(w KyvernoWebhook) bool { return w.Sends(policy) })
}

// Down reports whether Kyverno's controller is in the cluster, and none of its pods is
// available.
func (k Kyverno) Down() bool {
	available := func(w Workload) bool { return w.Status.Available > 0 }
	return len(k.Controllers) > 0 && !slices.ContainsFunc(k.Controllers, available)
}

// The labels of Kyverno's webhooks, and of the controller that answers them.
//
// Source: Kyverno 1.19, api/kyverno/constants.go and the Helm chart.
const (
	kyvernoWebhooks   = "webhook.kyverno.io/managed-by=kyverno"
	kyvernoController = "app.kubernetes.io/component=admission-controller"
)

// readKyverno reads Kyverno's webhooks, then its controller in the namespaces to which
// they lead.
func (o *spaceObserver) readKyverno(ctx context.Context) error {
	if !o.wanted.Kyverno {
		return nil
	}
	type configuration struct {
		Webhooks []KyvernoWebhook `json:"webhooks"`
	}
	err := List(ctx, o.client, MutatingWebhooks, Query{Labels: kyvernoWebhooks}, func(c configuration) {
		o.Kyverno.Webhooks = append(o.Kyverno.Webhooks, c.Webhooks...)
	})
	if err := o.recordUnread(err); err != nil {
		return err
	}
	var namespaces []string
	for _, w := range o.Kyverno.Webhooks {
		if n := w.Client.Service.Namespace; n != "" && !slices.Contains(namespaces, n) {
			namespaces = append(namespaces, n)
		}
	}
	for _, namespace := range namespaces {
		err := List(ctx, o.client, Deployments, Query{Namespace: namespace, Labels: kyvernoController}, func(w Workload) {
			o.Kyverno.Controllers = append(o.Kyverno.Controllers, w)
		})
		if err := o.recordUnread(err); err != nil {
			return err
		}
	}
	return nil
}
