package rewrite

import (
	"slices"
	"strings"

	"spaces-identity.dev/internal/lazyregexp"
)

// calicoSelector is the rest of a selector in the language of Calico, such as
// app == "web" && has(tier), as tokens. Its methods read one part, and report whether it
// holds for labels. A selector with an error holds for no labels.
//
// Source: Calico documentation, "NetworkPolicy: Selectors".
type calicoSelector struct {
	tokens []string
	labels map[string]string
	bad    bool
}

var calicoToken = lazyregexp.New(`\s*("[^"]*"|'[^']*'|&&|\|\||[!=]=|[!(){},]|[\w./-]+|.)`)

// matchesCalico reports whether a selector in the language of Calico matches labels.
func matchesCalico(text string, labels map[string]string) bool {
	s := &calicoSelector{labels: labels}
	for _, match := range calicoToken.Get().FindAllStringSubmatch(strings.TrimSpace(text), -1) {
		s.tokens = append(s.tokens, match[1])
	}
	holds := len(s.tokens) == 0 || s.any()
	return holds && !s.bad && len(s.tokens) == 0
}

func (s *calicoSelector) next() string {
	if len(s.tokens) == 0 {
		s.bad = true
		return ""
	}
	token := s.tokens[0]
	s.tokens = s.tokens[1:]
	return token
}

// accept skips the tokens if they are next.
func (s *calicoSelector) accept(tokens ...string) bool {
	if len(s.tokens) < len(tokens) || !slices.Equal(s.tokens[:len(tokens)], tokens) {
		return false
	}
	s.tokens = s.tokens[len(tokens):]
	return true
}

func (s *calicoSelector) expect(token string) { s.bad = s.next() != token || s.bad }

// any reads parts with || between them.
func (s *calicoSelector) any() bool {
	holds := s.all()
	for s.accept("||") {
		holds = s.all() || holds
	}
	return holds
}

// all reads parts with && between them.
func (s *calicoSelector) all() bool {
	holds := s.one()
	for s.accept("&&") {
		holds = s.one() && holds
	}
	return holds
}

func (s *calicoSelector) one() bool {
	switch {
	case s.accept("!"):
		return !s.one()
	case s.accept("("):
		holds := s.any()
		s.expect(")")
		return holds
	case s.accept("all", "(", ")"), s.accept("global", "(", ")"):
		return true
	case s.accept("has", "("):
		_, has := s.labels[s.next()]
		s.expect(")")
		return has
	}
	return s.comparison(s.next())
}

// comparison reads what follows the key of a label.
func (s *calicoSelector) comparison(key string) bool {
	value, has := s.labels[key]
	switch {
	case s.accept("=="):
		return s.text() == value && has
	case s.accept("!="):
		return s.text() != value || !has
	case s.accept("in"):
		return slices.Contains(s.list(), value) && has
	case s.accept("not", "in"):
		return !slices.Contains(s.list(), value) || !has
	case s.accept("contains"):
		return strings.Contains(value, s.text()) && has
	case s.accept("starts", "with"):
		return strings.HasPrefix(value, s.text()) && has
	case s.accept("ends", "with"):
		return strings.HasSuffix(value, s.text()) && has
	}
	s.bad = true
	return false
}

func (s *calicoSelector) list() []string {
	s.expect("{")
	var all []string
	for !s.accept("}") && !s.bad {
		all = append(all, s.text())
		s.accept(",") //mutate:equivalent [statement] a comma in the list is the value of no label
	}
	return all
}

func (s *calicoSelector) text() string { return strings.Trim(s.next(), `"'`) }
