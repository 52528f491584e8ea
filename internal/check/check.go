// Package check finds mistakes in the files from which a Space gets its identities: the
// config, values of the Spaces chart, Helm's arguments, manifests, IAM policies, and
// scripts that run Helm. It needs no cluster and no AWS.
//
// Each rule is a small type ([Rules]). The package never prints.
package check

import (
	"cmp"
	"slices"

	"spaces-identity.dev/internal/identity"
)

// Input is what a run checks.
type Input struct {
	Files     []File
	Arguments []Argument
	Spec      identity.Spec // of the config; the zero value if there is none
	Config    string        // the name of the file from which Spec comes
}

// File is the content of a file. Its content, and not its name, says what it is.
type File struct {
	Name string
	Text []byte
}

// Argument is a value that Helm's command line sets, such as "billing.enabled=true".
type Argument struct {
	Flag   string // as places name it
	Text   string
	String bool // the flag makes every value a string
}

// Place is where a mistake is. Line and column count from 1, a column in characters. The
// line of an argument is its number among those with the same flag.
type Place struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
}

// Finding is one mistake.
type Finding struct {
	Rule string `json:"rule"`
	Place
	Path     string `json:"path,omitempty"` // in the document
	Problem  string `json:"problem"`
	Fix      string `json:"fix"`      // what to do, one sentence
	Fixable  bool   `json:"fixable"`  // the program can correct the file
	Argument bool   `json:"argument"` // the place is an argument of the command line, not a file

	repair repair
}

// Report is the result of a run.
type Report struct {
	Findings []Finding `json:"findings"` // by place
	Fixed    []Finding `json:"fixed"`    // that Fix has corrected, with their old places
	Checked  []Checked `json:"checked"`
}

// Checked says what a file was taken for.
type Checked struct {
	File string   `json:"file"`
	As   []string `json:"as"` // config, values, manifests, policy, text; none if the file was not recognised
}

// Run returns the mistakes in the input.
func Run(in Input) Report {
	read := newInput(in)
	var report Report
	for _, r := range Rules() {
		for _, f := range r.find(read) {
			f.Rule = r.About().Name
			f.Fixable = f.repair.possible()
			report.Findings = append(report.Findings, f)
		}
	}
	order := fileOrder(in)
	slices.SortStableFunc(report.Findings, func(a, b Finding) int {
		return cmp.Or(order[a.File]-order[b.File], a.Line-b.Line, a.Column-b.Column)
	})
	report.Findings = merged(report.Findings)
	slices.SortStableFunc(read.checked, func(a, b Checked) int { return order[a.File] - order[b.File] })
	report.Checked = read.checked
	return report
}

// merged returns findings without those that repeat another one, because an anchor or
// several configs lead to the same mistake. Their repairs are made together.
func merged(findings []Finding) []Finding {
	type mistake struct {
		rule, problem string
		at            Place
	}
	known := map[mistake]int{}
	var all []Finding
	for _, f := range findings {
		m := mistake{f.Rule, f.Problem, f.Place}
		if i, again := known[m]; again {
			all[i].repair.sets = append(all[i].repair.sets, f.repair.sets...)
			continue
		}
		known[m] = len(all)
		all = append(all, f)
	}
	return all
}

// fileOrder returns the position of each place's file or flag in the input.
func fileOrder(in Input) map[string]int {
	order := map[string]int{}
	for _, f := range in.Files {
		order[f.Name] = len(order)
	}
	for _, a := range in.Arguments {
		if _, known := order[a.Flag]; !known {
			order[a.Flag] = len(order)
		}
	}
	return order
}
