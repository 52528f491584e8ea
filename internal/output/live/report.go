package live

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"strings"
	"sync"
	"time"

	"spaces-identity.dev/internal/output"
	"spaces-identity.dev/internal/verify"
)

// The page of verify consists of a template, a style sheet and a script. The script adds the
// filter. Without it the page shows everything.
var (
	//go:embed report.html
	reportHTML string
	//go:embed report.css
	reportStyle string
	//go:embed report.js
	reportScript string
)

// reportTemplate is parsed at first use, because most runs print no page.
var reportTemplate = sync.OnceValues(func() (*template.Template, error) {
	return template.New("report").Funcs(template.FuncMap{"visible": output.Visible, "prose": proseParts, "word": stateWord, "count": output.Count, "inc": func(i int) int { return i + 1 }}).Parse(reportHTML)
})

// HTML returns the result as one page without references to anything else. The same result
// gives the same page.
func (v VerifyView) HTML() ([]byte, error) {
	page, err := reportTemplate()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = page.Execute(&b, newReport(v))
	return b.Bytes(), err
}

// policyOf returns the Content-Security-Policy of the page. It allows the style sheet and
// the script of the page by their hashes, and forbids everything else: every request, every
// other script, forms and frames.
//
// Source: W3C, "Content Security Policy Level 3".
func policyOf(style, script string) string {
	return "default-src 'none'; style-src '" + hashOf(style) + "'; script-src '" + hashOf(script) + "'; base-uri 'none'; form-action 'none'"
}

func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// stateWord returns the word for a state, in the table's words.
func stateWord(s verify.State) string {
	if s == "" {
		return "not checked"
	}
	return string(s)
}

// prosePart is a part of a text: prose, or a command or name in backquotes.
type prosePart struct {
	Code bool
	Text string
}

// proseParts splits a text at its backquotes. A backquote without a second one is text.
func proseParts(text string) []prosePart {
	text = output.Visible(text)
	var parts []prosePart
	for {
		before, rest, opened := strings.Cut(text, "`")
		code, after, closed := strings.Cut(rest, "`")
		if !opened || !closed {
			return append(parts, prosePart{Text: text})
		}
		parts = append(parts, prosePart{Text: before}, prosePart{Code: true, Text: code})
		text = after
	}
}

// report is what the template shows.
type report struct {
	Style    template.CSS
	Script   template.JS
	Security string

	Title, Verdict string
	State          verify.State
	When           time.Time
	Cluster        verify.ClusterSummary
	Account        string
	Counts         []stateCount // of the planes
	Chains         int

	Overview  []overviewChain
	Findings  []reportFinding
	Common    []reportCommon
	Roles     []reportRole
	Attention []reportPlane // that have a finding
	Working   []reportPlane
	LeftOut   []verify.LeftOut
	Problems  []string
}

// stateCount is how many things have a state.
type stateCount struct {
	State verify.State
	Count int
}

// reportCommon are the checks that run once for a component.
type reportCommon struct {
	ID, Component string
	State         verify.State
	Checks        []reportCheck
}

// reportFinding is a finding with links to the chains that have it.
type reportFinding struct {
	finding
	Places, More []reportPlace // More are those that the page collapses
}

// Number returns the number that the table has, too.
func (f reportFinding) Number() int { return f.number }

// reportPlace is where a finding was found.
type reportPlace struct {
	Text, ID string
}

// newReport returns what the page shows of a result.
func newReport(v VerifyView) report {
	b := reportBuilder{VerifyView: v, all: v.findings(), ids: idSet{}}
	b.numbers = numbersByCause(b.all)
	planes := b.planes()
	r := report{Style: template.CSS(reportStyle), Script: template.JS(reportScript), Security: policyOf(reportStyle, reportScript),
		When: v.When.UTC(), Cluster: v.Result.Cluster, Account: v.Result.Account, LeftOut: v.Result.LeftOut, Problems: v.Result.Problems,
		Chains: len(v.Result.Rows), Overview: overviewOf(planes), Roles: b.roles(), Common: b.common()}
	counts := map[verify.State]int{}
	for _, p := range planes {
		counts[p.State]++
		if p.State == verify.OK {
			r.Working = append(r.Working, p)
		} else {
			r.Attention = append(r.Attention, p)
		}
	}
	for _, state := range shownStates {
		r.Counts = append(r.Counts, stateCount{state, counts[state]})
	}
	for i := range r.Attention {
		r.Attention[i].Open = len(r.Attention) <= openPlanes
	}
	r.Findings = b.findings()
	r.Title, r.State, r.Verdict = titleOf(v.Result), verify.Worst(b.everyCheck()), b.verdict(len(r.Attention), len(planes))
	return r
}

// shownStates are the states in the order of their counts.
var shownStates = []verify.State{verify.Fails, verify.Unknown, verify.Warns, verify.OK}

// openPlanes is up to how many control planes with findings the page shows open. If there
// are more, the findings are a better way to read them.
const openPlanes = 50

func titleOf(r verify.Result) string {
	if r.Cluster.Name == "" {
		return "Workload identity"
	}
	return "Workload identity of " + output.Visible(r.Cluster.Name)
}
