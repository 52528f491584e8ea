// Command bench compares spaces-identity with cat, yq, kustomize and a plain kyaml
// pipeline. All of them make the same edit in the same streams. It prints their time and
// memory as Markdown tables. make bench builds the programs and runs it.
package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// options are the flags of the command line.
type options struct {
	bin   string        // the directory of spaces-identity
	tools string        // the directory of the other programs
	runs  int           // of each program on each stream
	limit time.Duration // of one run; a program that takes longer is left out
	only  string        // the only stream to measure; empty for all
	live  bool          // also run the Go benchmarks of plan and verify
	write string        // the page whose tables are replaced; empty for none
}

func main() {
	var o options
	flag.StringVar(&o.bin, "bin", "bin", "the directory with spaces-identity")
	flag.StringVar(&o.tools, "tools", "", "the directory with the other programs (default: tools in the directory of spaces-identity)")
	flag.IntVar(&o.runs, "runs", 7, "how often each program runs on each stream")
	flag.DurationVar(&o.limit, "limit", 12*time.Second, "how long one run may take")
	flag.StringVar(&o.only, "only", "", "measure only this stream")
	flag.BoolVar(&o.live, "live", false, "also run the Go benchmarks of plan and verify, from the root of the project")
	flag.StringVar(&o.write, "write", "", "also write the tables into this page")
	flag.Parse()
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(o options) error {
	switch {
	case o.runs < 1:
		return errors.New("-runs must be at least 1")
	case o.write != "" && (o.only != "" || !o.live):
		return errors.New("-write replaces all tables of the page, so it needs -live, and -only does not go with it")
	case o.only != "" && !slices.ContainsFunc(streams, func(s stream) bool { return s.name == o.only }):
		return fmt.Errorf("there is no stream %q", o.only)
	}
	o.tools = cmp.Or(o.tools, filepath.Join(o.bin, "tools"))
	dir, err := os.MkdirTemp("", "spaces-identity-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }() // it is temporary, so an error does not matter
	var live []liveCost
	if o.live {
		if live, err = runLive(); err != nil {
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
