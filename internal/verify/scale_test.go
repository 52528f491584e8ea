package verify

import (
	"fmt"
	"testing"

	"spaces-identity.dev/internal/account"
)

// BenchmarkVerify verifies control planes in which everything is right, without exchanging
// tokens. It measures the calls to AWS and to the Kubernetes API, the seconds that the rate of
// calls to AWS takes, the other time, and the memory. The servers are in the memory of the
// benchmark, so their work counts too.
func BenchmarkVerify(b *testing.B) {
	for _, planes := range []int{100, 1000, 5000} {
		b.Run(fmt.Sprint(planes), func(b *testing.B) {
			hosts := map[string]string{}
			for n := range planes {
				hosts[fmt.Sprintf("ctp-%d", n)] = fmt.Sprintf("mxp-%08x-5bb8-4a7e-9f41-2fc38ef4b065-system", n)
			}
			w := newLiveWorldOf(b, hosts)
			w.rate = 1e9
			w.connect(b)
			client := w.cluster.Client(b)
			w.account.Forget()
			reads := w.cluster.Reads()
			for b.Loop() {
				result, err := Verify(b.Context(), client, Access{AWS: OfAccount(w.aws)}, nil, w.state)
				if err != nil || len(result.Rows) != 2*planes || len(wrongIn(result)) > 0 {
					b.Fatal(err, len(result.Rows), wrongIn(result))
				}
			}
			calls := float64(len(w.account.Calls())) / float64(b.N)
			b.ReportMetric(calls, "calls")
			b.ReportMetric(calls/account.DefaultRate, "rate-s")
			b.ReportMetric(float64(w.cluster.Reads()-reads)/float64(b.N), "kubernetes-calls")
			b.ReportAllocs()
		})
	}
}
