package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

const (
	inputFile  = "in.yaml"
	outputFile = "out.yaml"
)

// job measures the programs with one stream.
type job struct {
	dir     string // contains the stream as inputFile
	stream  stream
	size    int64
	options options
}

func newJob(dir string, s stream, o options) (*job, error) {
	bin, err := filepath.Abs(o.bin)
	tools, badTools := filepath.Abs(o.tools)
	if err := errors.Join(err, badTools); err != nil {
		return nil, err
	}
	o.bin, o.tools = bin, tools
	j := &job{dir: dir, stream: s, options: o}
	j.size, err = s.create(j.input())
	return j, err
}

func (j *job) input() string { return filepath.Join(j.dir, inputFile) }

// cost is the time and memory of one run.
type cost struct {
	wall, cpu time.Duration
	memory    int64 // peak, bytes
}

// costs are the medians of a program's runs with a stream.
type costs struct {
	tool       string
	file, pipe cost // pipe is zero if it was not measured
	stray      int
	left       string // why the tool was left out, or empty
}

// result is a stream with the costs of every program.
type result struct {
	stream stream
	size   int64
	costs  []costs
}

var errTooLong = errors.New("took too long")

// measure runs the programs in turns, so that other load on the machine affects all of
// them. First it checks the output of each program.
func (j *job) measure() (result, error) {
	r := result{stream: j.stream, size: j.size}
	files, pipes := make([][]cost, len(tools)), make([][]cost, len(tools))
	for i, t := range tools {
		c, err := j.check(t)
		if err != nil {
			return r, fmt.Errorf("%s: %w", t.name, err)
		}
		r.costs = append(r.costs, c)
		files[i], pipes[i] = make([]cost, 0, j.options.runs), make([]cost, 0, j.options.runs)
	}
	for range j.options.runs {
		for i, t := range tools {
			if r.costs[i].left != "" {
				continue
			}
			file, err := j.run(t, false, io.Discard)
			if err != nil {
				return r, err
			}
			files[i] = append(files[i], file)
			if !t.piped {
				continue
			}
			pipe, err := j.run(t, true, io.Discard)
			if err != nil {
				return r, err
			}
			pipes[i] = append(pipes[i], pipe)
		}
	}
	for i := range r.costs {
		r.costs[i].file, r.costs[i].pipe = median(files[i]), median(pipes[i])
	}
	return r, nil
}

// check runs a program once and checks its output.
func (j *job) check(t tool) (costs, error) {
	c := costs{tool: t.name}
	if j.stream.inside && !t.inside && !t.copies {
		c.left = "is measured with an edit that does not reach inside a string"
		return c, nil
	}
	if j.stream.growth && t.name != reference && t.name != ours {
		c.left = "is not measured for growth"
		return c, nil
	}
	if t.prepare != nil {
		if err := t.prepare(j); err != nil {
			return c, err
		}
	}
	file := filepath.Join(j.dir, outputFile)
	out, err := os.Create(file)
	if err != nil {
		return c, err
	}
	_, err = j.run(t, false, out)
	if err = errors.Join(err, out.Close()); errors.Is(err, errTooLong) {
		c.left = "took more than " + j.options.limit.String()
		return c, nil
	}
	if err != nil {
		return c, err
	}
	wanted := j.stream.edits
	if t.copies {
		wanted = 0
	}
	c.stray, err = strayLines(j.input(), file, wanted)
	return c, err
}

// run runs a program with the stream from a file or through a pipe. Its output goes
// through a pipe, as with Helm.
func (j *job) run(t tool, piped bool, out io.Writer) (cost, error) {
	in, err := os.Open(j.input())
	if err != nil {
		return cost{}, err
	}
	defer func() { _ = in.Close() }()
	ctx, stop := context.WithTimeout(context.Background(), j.options.limit)
	defer stop()
	cmd := exec.CommandContext(ctx, j.tool("timed"), t.command(j)...)
	cmd.Stdin, cmd.Stdout, cmd.Dir = in, struct{ io.Writer }{out}, j.dir
	if piped {
		cmd.Stdin = struct{ io.Reader }{in}
	}
	var said head
	cmd.Stderr = &said
	cmd.WaitDelay = time.Second
	c, err := timed(cmd)
	if ctx.Err() != nil {
		return c, errTooLong
	}
	if err != nil {
		return c, fmt.Errorf("%s: %w: %s", t.name, err, said)
	}
	return c, nil
}

// timed runs the command timed, which measures a program, and reads its result.
func timed(cmd *exec.Cmd) (cost, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return cost{}, err
	}
	defer func() { _ = read.Close() }()
	cmd.ExtraFiles = []*os.File{write}
	err = errors.Join(cmd.Run(), write.Close())
	if err != nil {
		return cost{}, err
	}
	var c struct{ Wall, CPU, Memory int64 }
	err = json.NewDecoder(read).Decode(&c)
	return cost{time.Duration(c.Wall), time.Duration(c.CPU), c.Memory}, err
}

// head keeps the first kilobyte of a program's messages.
type head []byte

func (t *head) Write(p []byte) (int, error) {
	*t = append(*t, p[:min(len(p), 1024-min(len(*t), 1024))]...)
	return len(p), nil
}

// median returns the median of each measure on its own.
func median(all []cost) cost {
	if len(all) == 0 {
		return cost{}
	}
	middle := func(measure func(cost) int64) int64 {
		values := make([]int64, len(all))
		for i, c := range all {
			values[i] = measure(c)
		}
		slices.Sort(values)
		return values[len(values)/2]
	}
	return cost{
		wall:   time.Duration(middle(func(c cost) int64 { return int64(c.wall) })),
		cpu:    time.Duration(middle(func(c cost) int64 { return int64(c.cpu) })),
		memory: middle(func(c cost) int64 { return c.memory }),
	}
}

// strayLines counts the lines that differ, without those of the edit.
func strayLines(before, after string, wanted int) (int, error) {
	var count lineCounter
	cmd := exec.Command("diff", "--speed-large-files", before, after)
	cmd.Stdout = &count
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || exit.ExitCode() > 1) {
		return 0, fmt.Errorf("diff: %w", err)
	}
	if int(count.differ) < wanted {
		return 0, fmt.Errorf("only %d lines differ, want at least %d: the program did not make the edit", count.differ, wanted)
	}
	return int(count.differ) - wanted, nil
}

// lineCounter counts the lines of diff's output that begin with < or >.
type lineCounter struct {
	differ int
	inside bool // a line has begun
}

func (l *lineCounter) Write(p []byte) (int, error) {
	for _, b := range p {
		if !l.inside && (b == '<' || b == '>') {
			l.differ++
		}
		l.inside = b != '\n'
	}
	return len(p), nil
}
