package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// liveCost is what one run of plan or verify cost, as a Go benchmark measured it.
type liveCost struct {
	command string
	planes  int
	values  map[string]float64 // by unit
}

// The values of a benchmark, by the units in which go test prints them.
const (
	awsCalls        = "calls"
	kubernetesCalls = "kubernetes-calls"
	rateSeconds     = "rate-s"
	cpuMilliseconds = "cpu-ms"
	peakBytes       = "peak-B"
	allocatedBytes  = "allocated-B"
)

// liveUnits are the values that every benchmark must have.
var liveUnits = []string{awsCalls, rateSeconds, cpuMilliseconds, peakBytes, allocatedBytes}

// planeCounts are the numbers of control planes of each benchmark.
var planeCounts = []int{100, 1000, 2000, 5000}

// liveBenchmarks are the benchmarks in the order of the table.
var liveBenchmarks = []string{"Plan/all", "Plan/skip-unchanged", "Verify"}

// liveCommands are the commands that the benchmarks measure.
var liveCommands = map[string]string{"Plan/all": "`plan`", "Plan/skip-unchanged": "`plan --skip-unchanged`", "Verify": "`verify`"}

// benchmarkName matches the name of a result. The number of processors is missing if there is
// one.
var benchmarkName = regexp.MustCompile(`^Benchmark(.+?)/([0-9]+)(?:-[0-9]+)?$`)

// runLive runs the Go benchmarks in the working directory, the root of the project.
func runLive() ([]liveCost, error) {
	fmt.Fprintln(os.Stderr, "measuring: plan and verify")
	var out bytes.Buffer
	cmd := exec.Command("go", "test", "-run", "^$", "-bench", "^(BenchmarkPlan|BenchmarkVerify)$", "-benchtime", "1x", "./internal/reconcile", "./internal/verify")
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("go test: %w\n%s", err, out.String())
	}
	return readLive(&out)
}

// readLive reads the output of go test -bench.
func readLive(r io.Reader) ([]liveCost, error) {
	var all []liveCost
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) == 0 {
			continue
		}
		name := benchmarkName.FindStringSubmatch(fields[0])
		if name == nil || liveCommands[name[1]] == "" {
			continue
		}
		planes, _ := strconv.Atoi(name[2]) // the name matched
		cost := liveCost{liveCommands[name[1]], planes, map[string]float64{}}
		for i := 2; i+1 < len(fields); i += 2 {
			value, err := strconv.ParseFloat(fields[i], 64)
			if err != nil {
				return nil, fmt.Errorf("reading %q: %w", lines.Text(), err)
			}
			cost.values[fields[i+1]] = value
		}
		all = append(all, cost)
	}
	return all, errors.Join(lines.Err(), checkLive(all))
}

// checkLive returns an error if a result or a value is missing.
func checkLive(costs []liveCost) error {
	var problems []error
	for _, benchmark := range liveBenchmarks {
		for _, planes := range planeCounts {
			i := slices.IndexFunc(costs, func(c liveCost) bool { return c.command == liveCommands[benchmark] && c.planes == planes })
			if i < 0 {
				problems = append(problems, fmt.Errorf("the Go benchmarks have no result of %s with %d control planes", benchmark, planes))
				continue
			}
			for _, unit := range liveUnits {
				if _, ok := costs[i].values[unit]; !ok {
					problems = append(problems, fmt.Errorf("the result of %s with %d control planes has no %s", benchmark, planes, unit))
				}
			}
		}
	}
	return errors.Join(problems...)
}

// liveTable writes what plan and verify cost, and how it grows with the control planes.
func liveTable(costs []liveCost) string {
	if len(costs) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("\n### plan and verify\n\n| command | control planes | calls to AWS | per control plane | calls to Kubernetes | time at the rate of calls | processor time | per control plane | peak memory | memory allocated | per control plane |\n" +
		"|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n")
	for _, command := range liveBenchmarks {
		for _, c := range costs {
			if c.command != liveCommands[command] {
				continue
			}
			n, v := float64(c.planes), c.values
			fmt.Fprintf(&b, "| %s | %d | %.0f | %.2f | %.0f | %.1f s | %.2f s | %.2f ms | %.0f MiB | %.0f MiB | %.0f KiB |\n", c.command, c.planes, v[awsCalls], v[awsCalls]/n,
				v[kubernetesCalls], v[rateSeconds], v[cpuMilliseconds]/1e3, v[cpuMilliseconds]/n, v[peakBytes]/(1<<20), v[allocatedBytes]/(1<<20), v[allocatedBytes]/(1<<10)/n)
		}
	}
	return b.String()
}
