package verify

import (
	"fmt"
	"os"
	"testing"

	"spaces-identity.dev/internal/account"
	"spaces-identity.dev/internal/space"
	"spaces-identity.dev/internal/test/awstest"
	"spaces-identity.dev/internal/test/costtest"
)

// BenchmarkVerify verifies control planes in which everything is right, without exchanging
// tokens. It measures the calls to AWS and to the Kubernetes API, the seconds that the rate of
// calls to AWS takes, and what a process costs that verifies them.
func BenchmarkVerify(b *testing.B) {
	for _, planes := range []int{100, 1000, 2000, 5000} {
		b.Run(fmt.Sprint(planes), func(b *testing.B) {
			if costtest.InChild() {
				costtest.Report(b, func() { verifyRight(b, planes) })
				return
			}
			hosts := map[string]string{}
			for n := range planes {
				hosts[fmt.Sprintf("ctp-%d", n)] = fmt.Sprintf("mxp-%08x-5bb8-4a7e-9f41-2fc38ef4b065-system", n)
			}
			w := newLiveWorldOf(b, awstest.New(b), hosts)
			environment := w.account.Environment("AKIDTEST")
			environment["KUBECONFIG"] = w.cluster.Kubeconfig(b)
			w.account.Forget()
			reads := w.cluster.Reads()
			var cost costtest.Cost
			for b.Loop() {
				cost = costtest.Measure(b, environment)
			}
			calls := float64(len(w.account.Calls())) / float64(b.N)
			b.ReportMetric(calls, "calls")
			b.ReportMetric(calls/account.DefaultRate, "rate-s")
			b.ReportMetric(float64(w.cluster.Reads()-reads)/float64(b.N), "kubernetes-calls")
			cost.ReportTo(b)
		})
	}
}

// verifyRight verifies the control planes of the servers that the environment names.
func verifyRight(b *testing.B, planes int) {
	b.Helper()
	client, err := space.Connect(space.Target{Env: os.Getenv})
	if err != nil {
		b.Fatal(err)
	}
	connected, err := account.Connect(b.Context(), account.Options{Region: awstest.Region, Rate: 1e9})
	if err != nil {
		b.Fatal(err)
	}
	result, err := Verify(b.Context(), client, Access{AWS: OfAccount(connected)}, nil, liveSettings(b))
	if err != nil || len(result.Rows) != 2*planes || len(wrongIn(result)) > 0 {
		b.Fatal(err, len(result.Rows), wrongIn(result))
	}
}
