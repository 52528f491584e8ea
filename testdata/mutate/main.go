// Command mutate changes one line of the code at a time and runs the tests. A change that
// no test notices is a mutant that lives. The command prints the share of mutants that the
// tests kill, for each package, and the mutants that live.
//
// Usage, in the root of the repository: mutate [-sample 60] [-seed 1] [package...]
//
// A line whose mutants all behave like the original has a comment that says why:
//
//	//mutate:equivalent the reason
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
	{"internal/desired", []string{"internal/export", "internal/postrender", "internal/reconcile", "cmd/spaces-identity"}},
	{"internal/manifest", []string{"internal/rewrite", "cmd/spaces-identity"}},
	{"internal/rewrite", []string{"cmd/spaces-identity"}},
	{"internal/export", []string{"cmd/spaces-identity"}},
	{"internal/identity", []string{"internal/config", "internal/desired"}},
	{"internal/config", []string{"internal/cli", "cmd/spaces-identity"}},
	{"internal/postrender", []string{"cmd/spaces-identity"}},
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

// try runs the tests for a sample of the mutants and prints the score. A mutant that does
// not compile does not count.
func try(ctx context.Context, s suite, all []mutant, sample int) error {
	started := time.Now()
	runs, limit, err := baseline(ctx, s)
	if err != nil {
		return err
	}
	killed, lives, invalid, equivalent := 0, []mutant(nil), 0, 0
	for _, m := range all {
		if sample > 0 && killed+len(lives)+equivalent == sample || ctx.Err() != nil {
			break
		}
		switch {
		case m.equivalent != "":
			equivalent++
		default:
			switch verdict, _, err := test(ctx, &m, runs, limit); {
			case ctx.Err() != nil: // the score so far is printed
			case err != nil:
				return err
			case verdict == noCompile:
				invalid++
			case verdict == passed:
				lives = append(lives, m)
				fmt.Printf("lives: %s\n", m)
			default:
				killed++
			}
		}
	}
	tried := killed + len(lives) + equivalent
	if tried == 0 {
		return fmt.Errorf("%s has no mutants", s.pkg)
	}
	fmt.Printf("%s: %d of %d killed (%d %%), %d of them equivalent; %d mutants in all, %d did not compile; %s\n", s.pkg,
		killed+equivalent, tried, (killed+equivalent)*100/tried, equivalent, len(all), invalid, time.Since(started).Round(time.Second))
	return ctx.Err()
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
