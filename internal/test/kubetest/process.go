package kubetest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// process is a program of the cluster, with its output.
type process struct {
	name string
	cmd  *exec.Cmd
	log  string        // path of its output
	done chan struct{} // closed when it has ended
}

// run starts a program. On Linux the kernel ends it if the test dies.
func (c *Cluster) run(name string, args ...string) (*process, error) {
	path := filepath.Join(c.programs, name)
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("%s is missing; make kube builds it: %w", name, err)
	}
	output, err := os.Create(filepath.Join(c.dir, name+".log"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = output.Close() }() // the program has its own handle
	p := &process{name: name, cmd: exec.Command(path, args...), log: output.Name(), done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.Dir = output, output, c.dir
	p.cmd.SysProcAttr = dieWithParent()
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	c.processes = append(c.processes, p)
	go func() {
		_ = p.cmd.Wait() // its output says more than its status
		close(p.done)
	}()
	return p, nil
}

// until waits until holds returns true. It returns an error if the program ends first, or
// after startTimeout.
func (p *process) until(holds func() bool) error {
	poll, patience := time.NewTicker(50*time.Millisecond), time.After(startTimeout)
	defer poll.Stop()
	for !holds() {
		select {
		case <-p.done:
			return fmt.Errorf("%s ended:\n%s", p.name, p.tail())
		case <-patience:
			return fmt.Errorf("%s is not ready after %s:\n%s", p.name, startTimeout, p.tail())
		case <-poll.C:
		}
	}
	return nil
}

// tail returns the end of the program's output.
func (p *process) tail() string {
	const most = 4000
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(bytes.TrimSpace(text[max(0, len(text)-most):]))
}

// stop kills the programs, the last started first. An API server does not end quickly
// after SIGTERM, or without its etcd.
func (c *Cluster) stop(t testing.TB) {
	for _, p := range slices.Backward(c.processes) {
		if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Errorf("stop %s: %v", p.name, err)
		}
		<-p.done
	}
	if t.Failed() {
		t.Logf("the logs of the cluster are in %s", c.dir)
		return
	}
	if err := os.RemoveAll(c.dir); err != nil {
		t.Error(err)
	}
}
