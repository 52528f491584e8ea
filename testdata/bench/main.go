// Command bench compares spaces-identity with cat, yq, kustomize and a plain kyaml
// pipeline. All of them make the same edit in the same streams. It prints their time and
// memory as Markdown tables. make bench builds the programs and runs it.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// options are the flags of the command line.
type options struct {
	bin   string        // the directory of the programs
	runs  int           // of each program on each stream
	limit time.Duration // of one run; a program that takes longer is left out
	only  string        // the only stream to measure; empty for all
	live  bool          // standard input is the output of the Go benchmarks of plan and verify
	write string        // the page whose tables are replaced; empty for none
}

func main() {
	var o options
	flag.StringVar(&o.bin, "bin", "bin", "the directory with spaces-identity, and with the other programs in tools")
	flag.IntVar(&o.runs, "runs", 7, "how often each program runs on each stream")
	flag.DurationVar(&o.limit, "limit", 12*time.Second, "how long one run may take")
	flag.StringVar(&o.only, "only", "", "measure only this stream")
	flag.BoolVar(&o.live, "live", false, "also write a table of the Go benchmarks whose output is on standard input")
	flag.StringVar(&o.write, "write", "", "also write the tables into this page")
	flag.Parse()
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(o options) error {
	dir, err := os.MkdirTemp("", "spaces-identity-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }() // it is temporary, so an error does not matter
	var live []liveCost
	if o.live {
		if live, err = readLive(os.Stdin); err != nil {
			return err
		}
	}
	var results []result
	for _, in := range streams {
		if o.only != "" && o.only != in.name {
			continue
		}
		r, err := measureStream(o, dir, in)
		if err != nil {
			return fmt.Errorf("%s: %w", in.name, err)
		}
		results = append(results, r)
	}
	page := tables(results, o) + liveTable(live)
	fmt.Print(page)
	if o.write == "" {
		return nil
	}
	return replaceTables(o.write, page)
}

// measureStream writes a stream, measures every program with it, and removes it.
func measureStream(o options, dir string, in stream) (result, error) {
	fmt.Fprintln(os.Stderr, "measuring:", in.name)
	at := filepath.Join(dir, "work")
	if err := os.Mkdir(at, 0o755); err != nil {
		return result{}, err
	}
	defer func() { _ = os.RemoveAll(at) }()
	job, err := newJob(at, in, o)
	if err != nil {
		return result{}, err
	}
	return job.measure()
}
