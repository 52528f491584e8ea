package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"regexp"
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
	nanoseconds     = "ns/op"
	allocated       = "B/op"
)

// liveCommands are the benchmarks, by the commands that they measure.
var liveCommands = map[string]string{"Plan/all": "`plan`", "Plan/skip-unchanged": "`plan --skip-unchanged`", "Verify": "`verify`"}

var benchmarkName = regexp.MustCompile(`^Benchmark(.+)/([0-9]+)-[0-9]+$`)

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
	if len(all) == 0 && lines.Err() == nil {
		return nil, errors.New("the output of the Go benchmarks has no results of plan and verify")
	}
	return all, lines.Err()
}

// liveTable writes what plan and verify cost, and how it grows with the control planes.
func liveTable(costs []liveCost) string {
	if len(costs) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("\n### plan and verify\n\n| command | control planes | calls to AWS | per control plane | calls to Kubernetes | time at the rate of calls | other time | per control plane | memory allocated | per control plane |\n" +
		"|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n")
	for _, command := range []string{"Plan/all", "Plan/skip-unchanged", "Verify"} {
		for _, c := range costs {
			if c.command != liveCommands[command] {
				continue
			}
			n, v := float64(c.planes), c.values
			fmt.Fprintf(&b, "| %s | %d | %.0f | %.2f | %.0f | %.1f s | %.2f s | %.2f ms | %.0f MiB | %.0f KiB |\n", c.command, c.planes, v[awsCalls], v[awsCalls]/n,
				v[kubernetesCalls], v[rateSeconds], v[nanoseconds]/1e9, v[nanoseconds]/1e6/n, v[allocated]/(1<<20), v[allocated]/(1<<10)/n)
		}
	}
	return b.String()
}
