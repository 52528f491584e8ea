package rewrite

import (
	"testing"

	"spaces-identity.dev/internal/manifest"
)

func TestMatchesFollowsKubernetes(t *testing.T) {
	labels := map[string]string{"app": "mxp", "tier": "control"}
	for selector, want := range map[string]bool{
		`{app: mxp}`:          true,
		`{app: other}`:        false,
		`{app: mxp, zone: a}`: false,
		`{}`:                  true,
		`{matchLabels: {}}`:   true,
		`{matchLabels: {app: mxp, tier: control}}`:                                                      true,
		`{matchLabels: {app: mxp, tier: data}}`:                                                         false,
		`{matchExpressions: [{key: app, operator: In, values: [other, mxp]}]}`:                          true,
		`{matchExpressions: [{key: app, operator: In, values: [other]}]}`:                               false,
		`{matchExpressions: [{key: zone, operator: In, values: [a]}]}`:                                  false,
		`{matchExpressions: [{key: app, operator: NotIn, values: [other]}]}`:                            true,
		`{matchExpressions: [{key: app, operator: NotIn, values: [mxp]}]}`:                              false,
		`{matchExpressions: [{key: zone, operator: NotIn, values: [a]}]}`:                               true,
		`{matchExpressions: [{key: app, operator: Exists}]}`:                                            true,
		`{matchExpressions: [{key: zone, operator: Exists}]}`:                                           false,
		`{matchExpressions: [{key: app, operator: DoesNotExist}]}`:                                      false,
		`{matchExpressions: [{key: zone, operator: DoesNotExist}]}`:                                     true,
		`{matchLabels: {app: mxp}, matchExpressions: [{key: zone, operator: Exists}]}`:                  false,
		`{matchExpressions: [{key: app, operator: Exists}, {key: tier, operator: In, values: [data]}]}`: false,
	} {
		t.Run(selector, func(t *testing.T) {
			root, err := manifest.Parse([]byte(selector))
			if err != nil {
				t.Fatal(err)
			}
			if got := (podSelector{node: root}).matches(labels); got != want {
				t.Errorf("matches is %t, want %t", got, want)
			}
		})
	}
}
