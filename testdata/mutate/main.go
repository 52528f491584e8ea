// Command mutate changes one line of the code at a time and runs the tests. A change that
// no test notices is a mutant that lives. The command prints the share of mutants that the
// tests kill, for each package, and the mutants that live.
//
// Usage, in the root of the repository: mutate [-sample 60] [-seed 1] [package...]
//
// A line whose mutants all behave like the original has a comment that says why:
//
//	//mutate:equivalent the reason
//
// If only some of them do, the reason begins with their operator or new text, such as [&&].
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"
)

// suites has the packages that decide about access or bytes, and the packages whose tests
// run after their own tests.
var suites = []suite{
	{"internal/reconcile", nil},
	{"internal/verify", nil},
	{"internal/injection", []string{"internal/verify", "internal/restart"}},
	{"internal/restart", nil},
	{"internal/iam", []string{"internal/desired", "internal/reconcile"}},
	{"internal/desired", []string{"internal/postrender", "internal/reconcile", "cmd/spaces-identity"}},
	{"internal/manifest", []string{"internal/rewrite", "cmd/spaces-identity"}},
	{"internal/rewrite", []string{"cmd/spaces-identity"}},
	{"internal/export", []string{"cmd/spaces-identity"}},
	{"internal/identity", []string{"internal/config", "internal/desired"}},
	{"internal/config", []string{"internal/cli", "cmd/spaces-identity"}},
	{"internal/postrender", []string{"cmd/spaces-identity"}},
	{"internal/account", []string{"internal/verify", "internal/reconcile"}},
	{"internal/artifact", []string{"internal/postrender"}},
}

type suite struct {
	pkg  string
	also []string
}

func main() {
	sample := flag.Int("sample", 60, "mutants to try in each package; 0 tries all")
	seed := flag.Uint64("seed", 1, "selects the sample")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := mutate(ctx, *sample, *seed, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func mutate(ctx context.Context, sample int, seed uint64, packages []string) error {
	for _, s := range suites {
		if len(packages) > 0 && !slices.Contains(packages, s.pkg) {
			continue
		}
		all, err := mutantsOf(s.pkg)
		if err != nil {
			return err
		}
		rand.New(rand.NewPCG(seed, 0)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		if err := try(ctx, s, all, sample); err != nil {
			return err
		}
	}
	return nil
}

// score counts the mutants of a package.
type score struct {
	killed, lives, invalid, equivalent int
}

func (s score) tried() int { return s.killed + s.lives + s.equivalent }

// try runs the tests for a sample of the mutants and prints the score. A mutant that does
// not compile does not count.
func try(ctx context.Context, s suite, all []mutant, sample int) error {
	started := time.Now()
	dir, err := os.MkdirTemp("", "mutate-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	// Up to half of the mutants do not compile.
	var candidates []*mutant
	for i := range all {
		if all[i].equivalent == "" && (sample == 0 || len(candidates) < 2*sample) {
			candidates = append(candidates, &all[i])
		}
	}
	code, err := bring(ctx, dir, s.pkg, candidates)
	if err != nil {
		return err
	}
	runs, err := baseline(ctx, s, dir, code.overlay())
	if err != nil {
		return err
	}
	var sum score
	for i := range all {
		left := all[i].equivalent == "" && all[i].number == 0 // is not in the code
		if sample > 0 && sum.tried() == sample || left || ctx.Err() != nil {
			break
		}
		if err := sum.add(ctx, &all[i], code, runs); err != nil {
			return err
		}
	}
	if sum.tried() == 0 {
		return fmt.Errorf("%s has no mutants", s.pkg)
	}
	good := sum.killed + sum.equivalent
	fmt.Printf("%s: %d of %d killed (%d %%), %d of them equivalent; %d mutants in all, %d did not compile; %s\n", s.pkg,
		good, sum.tried(), good*100/sum.tried(), sum.equivalent, len(all), sum.invalid, time.Since(started).Round(time.Second))
	return ctx.Err()
}

// add tries a mutant, unless it is equivalent.
func (s *score) add(ctx context.Context, m *mutant, code *together, runs []run) error {
	if m.equivalent != "" {
		s.equivalent++
		return nil
	}
	v, err := code.try(ctx, m, runs)
	switch {
	case ctx.Err() != nil: // the score so far is printed
	case err != nil:
		return err
	case v == noCompile:
		s.invalid++
	case v == passed:
		s.lives++
		fmt.Printf("lives: %s\n", m)
	default:
		s.killed++
	}
	return nil
}

func (m mutant) String() string {
	return fmt.Sprintf("%s:%d: %s: %s -> %s", m.file, m.line, m.operator, short(m.old), short(m.new))
}

// short returns a text on one line of at most 60 characters.
func short(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > 60 {
		text = text[:57] + "..."
	}
	return text
}
