// Package costtest measures what code costs in a process of its own. A benchmark has the
// servers in its own process, so that their work and their memory do not count.
package costtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"spaces-identity.dev/internal/cli"
)

// childVariable is set in the process that is measured.
const childVariable = "SPACES_IDENTITY_COST"

// costFile is the file descriptor to which that process writes its cost.
const costFile = 3

// Cost is what a run cost.
type Cost struct {
	CPU       time.Duration // of all threads, user and system
	Peak      int64         // most memory that the process had, in bytes, the program itself included
	Allocated int64         // bytes
}

// InChild reports whether this process is the one that is measured. A benchmark then calls
// [Report] instead of [Measure].
func InChild() bool { return os.Getenv(childVariable) != "" }

// Measure runs the benchmark again in another process, with more environment variables, and
// returns what that process reports. It collects garbage as the program does.
func Measure(b *testing.B, environment map[string]string) Cost {
	b.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = read.Close() }()
	name := "^" + strings.ReplaceAll(b.Name(), "/", "$/^") + "$"
	cmd := exec.CommandContext(b.Context(), os.Args[0], "-test.run=^$", "-test.bench="+name, "-test.benchtime=1x")
	cmd.Env = append(os.Environ(), childVariable+"=1", "GOGC="+strconv.Itoa(cli.GCPercent), "GOMEMLIMIT="+strconv.Itoa(cli.LiveMemory))
	for key, value := range environment {
		cmd.Env = append(cmd.Env, key+"="+value)
	}
	cmd.ExtraFiles = []*os.File{write}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err = cmd.Run()
	_ = write.Close() // nothing was written to it here
	if err != nil {
		b.Fatalf("%v\n%s", err, out.String())
	}
	var cost Cost
	if err := json.NewDecoder(read).Decode(&cost); err != nil {
		b.Fatalf("reading the cost: %v\n%s", err, out.String())
	}
	return cost
}

// Report runs a function in the child process, and writes what it cost.
func Report(b *testing.B, run func()) {
	b.Helper()
	before := used(b)
	run()
	after := used(b)
	cost := Cost{after.CPU - before.CPU, peakMemory(b), after.Allocated - before.Allocated}
	if err := json.NewEncoder(os.NewFile(costFile, "cost")).Encode(cost); err != nil {
		b.Fatal(err)
	}
}

// used returns the time and the allocations of this process so far.
func used(b *testing.B) Cost {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	return Cost{CPU: time.Duration(usage.Utime.Nano() + usage.Stime.Nano()), Allocated: int64(memory.TotalAlloc)}
}

// peakMemory returns the most memory that this process has had, in bytes. The kernel's
// Maxrss would be that of the benchmark if it has more, because it counts from the fork on.
//
// Source: proc_pid_status(5), VmHWM.
func peakMemory(b *testing.B) int64 {
	b.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		var kilobytes int64
		if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kilobytes); n == 1 {
			return kilobytes << 10
		}
	}
	b.Fatal("/proc/self/status has no VmHWM")
	return 0
}

// ReportTo adds the cost to the metrics of a benchmark, in the units that command bench reads.
func (c Cost) ReportTo(b *testing.B) {
	b.ReportMetric(float64(c.CPU.Nanoseconds())/1e6, "cpu-ms")
	b.ReportMetric(float64(c.Peak), "peak-B")
	b.ReportMetric(float64(c.Allocated), "allocated-B")
}
