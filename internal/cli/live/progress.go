package live

import (
	"fmt"
	"strings"
	"time"

	"spaces-identity.dev/internal/cli"
)

// progress returns a function that shows how many of many things are done and how
// long the rest will take: on a terminal a bar, elsewhere a line for each tenth.
// It shows nothing for a few things.
func progress(env *cli.Env, what string) func(done, total int) {
	const few = 20
	start := time.Now()
	return func(done, total int) {
		if done == 1 {
			start = time.Now()
		}
		if total < few {
			return
		}
		left := remaining(time.Since(start), done, total)
		switch tenth := max(1, total/10); {
		case env.Terminal(env.Err):
			env.Say("%s", bar(what, done, total, left))
		case done%tenth == 0 || done == total:
			env.Say("%d of %d %s, %s left\n", done, total, what, left)
		}
	}
}

// remaining is the time for the rest, at the speed so far.
func remaining(elapsed time.Duration, done, total int) time.Duration {
	if done <= 1 {
		return 0
	}
	return (elapsed / time.Duration(done-1) * time.Duration(total-done)).Round(time.Second)
}

// bar draws over itself, and ends its line when all is done.
func bar(what string, done, total int, left time.Duration) string {
	const width = 30
	filled := done * width / total
	end := ""
	if done == total {
		end = "\n"
	}
	return fmt.Sprintf("\r[%s%s] %d of %d %s, %s left   %s", strings.Repeat("#", filled), strings.Repeat(".", width-filled), done, total, what, left, end)
}
