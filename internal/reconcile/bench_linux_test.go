package reconcile_test

import (
	"fmt"
	"testing"

	"spaces-identity.dev/internal/account"
	"spaces-identity.dev/internal/reconcile"
	"spaces-identity.dev/internal/test/awstest"
	"spaces-identity.dev/internal/test/costtest"
)

// BenchmarkPlan plans for control planes whose associations exist. It measures the calls, the
// seconds that the rate of calls takes, and what a process costs that makes the plan.
func BenchmarkPlan(b *testing.B) {
	callRate = 1e9
	b.Cleanup(func() { callRate = 0 })
	for _, planes := range []int{100, 1000, 2000, 5000} {
		for name, how := range map[string]func(*reconcile.Reconciler){"all": func(*reconcile.Reconciler) {}, "skip-unchanged": skipping} {
			b.Run(fmt.Sprintf("%s/%d", name, planes), func(b *testing.B) {
				if costtest.InChild() {
					costtest.Report(b, func() {
						if p := mustPlan(b, largeSpec(planes), how); p.Differs() || p.UpToDate != planes {
							b.Fatalf("%d associations are up to date", p.UpToDate)
						}
					})
					return
				}
				server := prepareAccount(b, awstest.New(b))
				mustApply(b, largeSpec(planes))
				server.Forget()
				var cost costtest.Cost
				for b.Loop() {
					cost = costtest.Measure(b, server.Environment("AKIDTEST"))
				}
				calls := len(server.Calls()) / b.N
				b.ReportMetric(float64(calls), "calls")
				b.ReportMetric(float64(calls)/account.DefaultRate, "rate-s")
				cost.ReportTo(b)
			})
		}
	}
}
