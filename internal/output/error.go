package output

import (
	"errors"
	"slices"
	"strings"

	"spaces-identity.dev/internal/identity"
)

// Hint returns err with a next step for the user, one sentence. errors.Is and
// errors.As find err in it.
func Hint(err error, hint string) error {
	if err == nil {
		return nil
	}
	return identity.WithHint(hint, "%w", err)
}

// Error prints an error as a line "error: …". If there is a next step, a line "hint: …"
// follows. Each of joined errors gets lines of its own.
func (p *Printer) Error(err error) {
	for _, problem := range p.problems(err) {
		p.say(Red, "error", problem.message)
		if problem.hint != "" {
			p.say(Cyan, "hint", problem.hint)
		}
	}
}

// Hints returns the hints that [Printer.Error] prints for an error, in order, without
// those that only a caller can give.
func Hints(err error) []string { return (&Printer{}).HintsOf(err) }

// HintsOf returns the hints that [Printer.Error] prints for an error, in order.
func (p *Printer) HintsOf(err error) []string {
	var hints []string
	for _, problem := range p.problems(err) {
		if problem.hint != "" {
			hints = append(hints, problem.hint)
		}
	}
	return hints
}

// problem is one error to print.
type problem struct{ message, hint string }

// problems takes joined errors apart, also below wrappers that add no text. A
// hint on all of them follows the last.
func (p *Printer) problems(err error) []problem {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok && isJoin(err, joined.Unwrap()) {
		var all []problem
		for _, e := range joined.Unwrap() {
			all = append(all, p.problems(e)...)
		}
		return all
	}
	inner := errors.Unwrap(err)
	if inner == nil || inner.Error() != err.Error() {
		return []problem{{err.Error(), p.hintOf(err)}}
	}
	all := p.problems(inner)
	if h, ok := err.(identity.Hinter); ok { //nolint:errorlint // the wrapper's own hint
		all[len(all)-1].hint = p.hintOf(h)
	}
	return all
}

func (p *Printer) hintOf(err error) string {
	if p.Hints != nil {
		return p.Hints(err)
	}
	return identity.HintOf(err)
}

// isJoin reports whether the message of an error consists of the messages of its parts
// only. That is true for [errors.Join], and false for fmt.Errorf with several %w.
func isJoin(err error, parts []error) bool {
	var messages []string
	for _, e := range slices.DeleteFunc(slices.Clone(parts), func(e error) bool { return e == nil }) {
		messages = append(messages, e.Error())
	}
	return len(messages) > 0 && err.Error() == strings.Join(messages, "\n")
}
