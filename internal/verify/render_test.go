package verify

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spaces-identity.dev/internal/space"
)

var update = flag.Bool("update", false, "write the golden files")

func example() Result {
	row := func(namespace string, checks ...Check) Row {
		return Row{ControlPlane: space.ControlPlane{HostNamespace: namespace}, Component: "mxp-controller", Checks: checks}
	}
	missing := fails(ServiceAccount, "upgrade the Spaces release", "the annotation is missing <&>")
	return Result{
		Common:   []Row{row("", fails(AdmissionPolicy, "upgrade the cluster", "not served"))},
		Rows:     []Row{row("prod-a", missing, ok(Workload, "fine")), row("prod-b", missing, Check{Name: Injected, State: Unknown, Detail: "forbidden"}), row("prod-c", ok(ServiceAccount, "fine"), Check{Name: LatestBackup, State: Warns, Detail: "no backup yet"})},
		Problems: []string{"list pods: forbidden"},
	}
}

func TestRender(t *testing.T) {
	for name, write := range map[string]func(Result, *bytes.Buffer) error{
		"table.txt":    func(r Result, b *bytes.Buffer) error { return r.Table(b, false) },
		"coloured.txt": func(r Result, b *bytes.Buffer) error { return r.Table(b, true) },
		"junit.xml":    func(r Result, b *bytes.Buffer) error { return r.JUnit(b) },
	} {
		t.Run(name, func(t *testing.T) {
			var got bytes.Buffer
			if err := write(example(), &got); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", name)
			if *update {
				if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Errorf("differs from %s (-want +got):\n%s", path, diff)
			}
		})
	}
}
