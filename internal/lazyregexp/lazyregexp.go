// Package lazyregexp compiles regular expressions at their first use. Helm starts the
// program for each install and upgrade, and most runs need none of them.
package lazyregexp

import (
	"regexp"
	"sync"
)

// New returns a function that compiles the expression once. If the expression is invalid,
// the first call panics.
func New(expression string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}
