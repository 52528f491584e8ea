// Command bench runs spaces-identity beside cat, yq, kustomize and a plain kyaml
// pipeline, each doing the same edit on the same streams, and prints what they
// cost as Markdown tables. make bench builds all of them and runs it.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// options are the command line.
type options struct {
	bin   string        // where the programs are
	runs  int           // of each program on each stream
	limit time.Duration // for one run; who needs longer is left out
	only  string        // the name of one stream, or nothing
	write string        // the page whose tables are replaced, or nothing
}

func main() {
	var o options
	flag.StringVar(&o.bin, "bin", "bin", "the folder with spaces-identity, and in tools the others")
	flag.IntVar(&o.runs, "runs", 7, "how often each program runs on each stream")
	flag.DurationVar(&o.limit, "limit", 12*time.Second, "how long one run may take")
	flag.StringVar(&o.only, "only", "", "measure this stream alone")
	flag.StringVar(&o.write, "write", "", "put the tables into this page too")
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
	defer func() { _ = os.RemoveAll(dir) }() // a temporary folder, gone or not
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
	page := tables(results, o)
	fmt.Print(page)
	if o.write == "" {
		return nil
	}
	return replaceTables(o.write, page)
}

// measureStream makes a stream, measures every program on it, and removes it.
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
