//go:build !offline

package cli

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"spaces-identity.dev/internal/desired"
	"spaces-identity.dev/internal/space"
	"spaces-identity.dev/internal/verify"
)

// verifyInterval is the pause between two looks of verify --wait.
const verifyInterval = 5 * time.Second

func (a *app) verifyCommand() *cobra.Command {
	var flags clusterFlags
	var output, profile string
	var skipAWS bool
	var wait time.Duration
	cmd := &cobra.Command{
		Use: "verify",
		Long: "verify reads the cluster and changes nothing. For each control plane of the config and each component it says\n" +
			"whether the service account is annotated, something runs as it, its pods have the labels, carry what the EKS\n" +
			"webhook injects and are ready, and how backups go. The first thing to do stands under each failure.\n\n" +
			"The exit status is 3 where something differs from what the config says, and 1 where nothing does as far as\n" +
			"could be seen, but something could not be read. The rights it needs are in examples/rbac.",
		Example: "  spaces-identity verify\n  spaces-identity verify --wait 5m --output junit > verify.xml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if output != "table" && output != "json" && output != "junit" {
				return usagef("--output is %q: it must be table, json or junit", output)
			}
			spec, err := a.flags.Resolve(a.Env)
			if err != nil {
				return err
			}
			if err := spec.RequireRoles(); err != nil {
				return err
			}
			client, err := a.cluster(flags)
			if err != nil {
				return err
			}
			var account verify.AWS
			if !skipAWS {
				if account, err = a.accountFor(cmd.Context(), spec, profile); err != nil {
					return err
				}
			}
			result, err := a.verify(cmd.Context(), client, account, desired.Of(spec), wait)
			if err != nil {
				return err
			}
			return a.verified(result, output)
		},
	}
	flags.register(cmd)
	cmd.Flags().StringVarP(&output, "output", "o", "table", "table, json or junit")
	cmd.Flags().StringVar(&profile, "profile", "", "the `NAME` of the AWS profile (default: what the AWS SDK finds)")
	cmd.Flags().BoolVar(&skipAWS, "skip-aws", false, "check the cluster's half only; without credentials that is what is checked")
	cmd.Flags().DurationVar(&wait, "wait", 0, "look again for so long, until nothing fails, such as 5m")
	return cmd
}

// verify looks until nothing fails or the time is over.
func (a *app) verify(ctx context.Context, client *space.Client, account verify.AWS, state desired.State, wait time.Duration) (verify.Result, error) {
	deadline := time.Now().Add(wait)
	for {
		if a.Terminal(a.Err) {
			a.say("reading the cluster…\n")
		}
		result, err := verify.Verify(ctx, client, account, state)
		if err != nil || !result.Failed() || time.Now().Add(verifyInterval).After(deadline) {
			return result, err
		}
		select {
		case <-time.After(verifyInterval):
		case <-ctx.Done():
			return result, context.Cause(ctx)
		}
	}
}

func (a *app) verified(result verify.Result, output string) error {
	var err error
	switch output {
	case "json":
		err = a.json(result)
	case "junit":
		err = verifyView{result}.JUnit(a.Out)
	default:
		err = verifyView{result}.Table(a.Out, a.Terminal(a.Out) && a.Env("NO_COLOR") == "")
	}
	switch {
	case err != nil:
		return err
	case result.Failed():
		return differsError{"something differs from what the config says"}
	case len(result.Rows) == 0:
		return errors.New("no control plane was found: `spaces-identity discover` shows what there is; list namespaces under controlPlanes, or widen match")
	case !result.Complete():
		return incompleteError{fmt.Sprintf("nothing that could be checked differs, but %s", missing(result))}
	}
	return nil
}

func missing(result verify.Result) string {
	if n := len(result.Problems); n > 0 {
		return fmt.Sprintf("%d reads failed; the output says which", n)
	}
	return "not everything could be checked; the output says what"
}

// verifyView shows a result.
type verifyView struct{ verify.Result }

// coloured colours the words of a table's cells, once it is laid out: a colour
// has a length for tabwriter and none for the eye.
var coloured = strings.NewReplacer("  ok", "  \x1b[32mok\x1b[0m", "  FAIL", "  \x1b[31mFAIL\x1b[0m",
	"  warn", "  \x1b[33mwarn\x1b[0m", "  ?", "  \x1b[35m?\x1b[0m")

// Table writes the result for people: a row for each control plane and
// component, then what is wrong, each kind once, with the first thing to do.
func (r verifyView) Table(out io.Writer, colour bool) error {
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	if _, err := io.WriteString(w, r.cells()); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	text := table.String()
	if colour {
		text = coloured.Replace(text)
	}
	_, err := io.WriteString(out, text+r.findings()+r.summary())
	return err
}

// cells are the table's lines, their cells parted by tabs.
func (r verifyView) cells() string {
	columns := r.columns()
	lines := []string{"NAMESPACE\tCOMPONENT"}
	for _, name := range columns {
		lines[0] += "\t" + verify.Column(name)
	}
	for _, row := range r.Rows {
		line := []string{row.ControlPlane.HostNamespace, row.Component}
		for _, name := range columns {
			line = append(line, word(stateOf(row, name)))
		}
		lines = append(lines, strings.Join(line, "\t"))
	}
	return strings.Join(lines, "\n") + "\n"
}

func word(s verify.State) string {
	switch s {
	case verify.Fails:
		return "FAIL"
	case "":
		return "-"
	case verify.Unknown:
		return "?"
	}
	return string(s)
}

// columns are the checks that some row has.
func (r verifyView) columns() []string {
	var names []string
	for _, name := range verify.RowNames {
		for _, row := range r.Rows {
			if stateOf(row, name) != "" {
				names = append(names, name)
				break
			}
		}
	}
	return names
}

func stateOf(r verify.Row, name string) verify.State {
	for _, c := range r.Checks {
		if c.Name == name {
			return c.State
		}
	}
	return ""
}

// finding is one thing to do, and where.
type finding struct {
	state      verify.State
	check, fix string
	detail     string // of the first place
	first      string
	places     int
}

// findings are what is not right, the same thing in many control planes once.
func (r verifyView) findings() string {
	var order []string
	found := map[string]*finding{}
	for _, row := range append(r.Common, r.Rows...) {
		for _, c := range row.Checks {
			if c.State == verify.OK {
				continue
			}
			k := fmt.Sprint(c.State, c.Name, row.Component, c.Fix)
			if found[k] == nil {
				place := strings.Trim(row.ControlPlane.HostNamespace+"/"+row.Component, "/")
				found[k] = &finding{state: c.State, check: c.Name, fix: c.Fix, detail: c.Detail, first: place}
				order = append(order, k)
			}
			found[k].places++
		}
	}
	var b strings.Builder
	for _, k := range order {
		f := found[k]
		more := ""
		if f.places > 1 {
			more = fmt.Sprintf(" (and %d more)", f.places-1)
		}
		fmt.Fprintf(&b, "\n%s %s, %s%s: %s\n", word(f.state), f.check, f.first, more, f.detail)
		if f.fix != "" {
			fmt.Fprintf(&b, "  first: %s\n", f.fix)
		}
	}
	for _, p := range r.Problems {
		fmt.Fprintf(&b, "\nnot read: %s\n", p)
	}
	return b.String()
}

func (r verifyView) summary() string {
	counts := map[verify.State]int{}
	for _, row := range r.Rows {
		counts[worst(row)]++
	}
	return fmt.Sprintf("\n%d checked: %d ok, %d fail, %d warn, %d unknown\n", len(r.Rows), counts[verify.OK], counts[verify.Fails], counts[verify.Warns], counts[verify.Unknown])
}

// worst is the row's state as a whole.
func worst(r verify.Row) verify.State {
	for _, state := range []verify.State{verify.Fails, verify.Unknown, verify.Warns} {
		for _, c := range r.Checks {
			if c.State == state {
				return state
			}
		}
	}
	return verify.OK
}

type junitSuites struct {
	XMLName xml.Name     `xml:"testsuites"`
	Suites  []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Failure *junitMessage `xml:"failure"`
	Error   *junitMessage `xml:"error"`
	Output  string        `xml:"system-out,omitempty"`
}

type junitMessage struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// JUnit writes the result as JUnit XML: a suite for each control plane and
// component, a case for each check. What could not be checked is an error; a
// warning passes and stands in the case's output.
func (r verifyView) JUnit(out io.Writer) error {
	var all junitSuites
	for _, row := range append(r.Common, r.Rows...) {
		suite := junitSuite{Name: strings.Trim(row.ControlPlane.HostNamespace+"/"+row.Component, "/"), Tests: len(row.Checks)}
		for _, c := range row.Checks {
			one := junitCase{Class: suite.Name, Name: c.Name}
			switch c.State {
			case verify.Fails:
				suite.Failures++
				one.Failure = &junitMessage{c.Detail, "first: " + c.Fix}
			case verify.Unknown:
				suite.Errors++
				one.Error = &junitMessage{c.Detail, c.Detail}
			case verify.Warns:
				one.Output = "warning: " + c.Detail
			}
			suite.Cases = append(suite.Cases, one)
		}
		all.Suites = append(all.Suites, suite)
	}
	if _, err := io.WriteString(out, xml.Header); err != nil {
		return err
	}
	encoder := xml.NewEncoder(out)
	encoder.Indent("", "  ")
	if err := encoder.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(out, "\n")
	return err
}
