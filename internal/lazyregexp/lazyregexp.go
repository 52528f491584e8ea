// Package lazyregexp compiles regular expressions at their first use. Helm starts the
// program for each install and upgrade, and most runs need none of them.
package lazyregexp

import (
	"regexp"
	"sync"
)

// Regexp is a regular expression that is not compiled yet.
type Regexp struct {
	expression string
	once       sync.Once
	compiled   *regexp.Regexp
}

// New returns the expression. As a package-level variable it costs nothing at the start of
// the program.
func New(expression string) *Regexp { return &Regexp{expression: expression} }

// Get compiles the expression at the first call. It panics if the expression is invalid.
func (r *Regexp) Get() *regexp.Regexp {
	r.once.Do(func() { r.compiled = regexp.MustCompile(r.expression) })
	return r.compiled
}
