package live

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"spaces-identity.dev/internal/identity"
	"spaces-identity.dev/internal/output"
	"spaces-identity.dev/internal/verify"
)

// reportBuilder makes the parts of the page.
type reportBuilder struct {
	VerifyView
	all     []finding
	numbers map[string]int // of findings, by their causes
	ids     idSet
	chainID map[string]string // by the name of the place
}

// reportPlane is a control plane, or a namespace of its own of a component, with the chains
// of its components.
type reportPlane struct {
	ID, Namespace, Name string // the name is empty if it is the namespace
	State               verify.State
	Open                bool
	Numbers             []int // of its findings
	Chains              []reportChain
}

// reportChain is the chain of one component.
type reportChain struct {
	ID, Component, Account string
	State                  verify.State
	Links                  []reportLink
	Wrong, Fine            []reportCheck
	Fold                   bool // collapse the checks that are OK, because another one is not
}

// reportLink is a link of the picture.
type reportLink struct {
	Name, Object string
	State        verify.State
	Counts       []stateCount // of an overview
}

// reportCheck is a check with the number of its finding, which is 0 if it is OK.
type reportCheck struct {
	verify.Check
	Number int
	OwnFix string // if it differs from that of the finding
}

// planes returns the control planes in the order of the rows.
func (b *reportBuilder) planes() []reportPlane {
	b.chainID = map[string]string{}
	var all []reportPlane
	for _, rows := range output.Group(b.Result.Rows, func(r verify.Row) string { return planeKey(r) }) {
		plane := rows[0].ControlPlane
		one := reportPlane{ID: b.ids.add("cp-" + planeKey(rows[0])), Namespace: plane.HostNamespace, Name: plane.String(), State: verify.OK}
		if one.Name == one.Namespace {
			one.Name = ""
		}
		for _, row := range rows {
			chain := b.chain(row, one.ID)
			one.Chains = append(one.Chains, chain)
			one.State = verify.Worst([]verify.Check{{State: one.State}, {State: chain.State}})
			for _, c := range chain.Wrong {
				one.Numbers = append(one.Numbers, c.Number)
			}
		}
		for i := range one.Chains {
			one.Chains[i].Fold = one.State != verify.OK
		}
		slices.Sort(one.Numbers)
		one.Numbers = slices.Compact(one.Numbers)
		all = append(all, one)
	}
	return all
}

func planeKey(r verify.Row) string {
	return cmp.Or(r.ControlPlane.HostNamespace, r.ControlPlane.String())
}

// chain returns the chain of a row. The checks that are shared carry the finding of the
// component.
func (b *reportBuilder) chain(row verify.Row, planeID string) reportChain {
	links := b.Result.Chain(row)
	chain := reportChain{ID: b.ids.add(strings.TrimSuffix(planeID+"_"+row.Component, "_")), Component: row.Component, Account: row.ServiceAccount, State: verify.ChainState(links)}
	b.chainID[placeName(row)+" "+row.ServiceAccount] = chain.ID
	for _, link := range links {
		name, object := b.describe(link.Name, row)
		chain.Links = append(chain.Links, reportLink{Name: name, Object: object, State: link.State})
		for _, c := range link.Checks {
			if one := b.check(c, row); one.State == verify.OK {
				chain.Fine = append(chain.Fine, one)
			} else {
				chain.Wrong = append(chain.Wrong, one)
			}
		}
	}
	return chain
}

// check returns a check with its finding. A check that every control plane shares has the
// cause of a row without a control plane.
func (b *reportBuilder) check(c verify.Check, row verify.Row) reportCheck {
	one := reportCheck{Check: c}
	if c.State == verify.OK {
		return one
	}
	number, known := b.numbers[causeOf(c, row)]
	if !known {
		number = b.numbers[causeOf(c, verify.Row{})]
	}
	one.Number = number
	if number > 0 && b.all[number-1].Fix != c.Fix {
		one.OwnFix = c.Fix
	}
	return one
}

// describe returns the words of a link: what it is, and which one.
func (b *reportBuilder) describe(link verify.LinkName, row verify.Row) (name, object string) {
	c := b.component(row.Component)
	switch link {
	case verify.PlaneLink:
		if c.Namespace != "" {
			return "namespace", c.Namespace
		}
		return "control plane", row.ControlPlane.String()
	case verify.AccountLink:
		return "service account", row.ServiceAccount
	case verify.TokenLink:
		return "token", modeNames[c.Mode]
	case verify.RoleLink:
		return "role", strings.Join(slices.DeleteFunc([]string{baseName(c.Role), baseName(c.TargetRole)}, func(s string) bool { return s == "" }), " → ")
	}
	switch {
	case c.Bucket != "":
		return "bucket", strings.TrimSuffix(c.Bucket+"/"+c.Prefix, "/")
	case c.Secrets+c.Parameters > 0:
		return "secrets", fmt.Sprintf("%s, %s", output.Count(c.Secrets, "secret"), output.Count(c.Parameters, "parameter"))
	}
	return "permissions", "of the role"
}

var modeNames = map[identity.Mode]string{identity.IRSA: "IRSA", identity.PodIdentity: "EKS Pod Identity", identity.Both: "IRSA or EKS Pod Identity"}

// baseName returns the name of a role without the path.
func baseName(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }

func (b *reportBuilder) component(name string) verify.ComponentSummary {
	for _, c := range b.Result.Components {
		if c.Name == name {
			return c
		}
	}
	return verify.ComponentSummary{Name: name}
}

// overviewChain counts the links of a component in all control planes.
type overviewChain struct {
	Component string
	State     verify.State
	Links     []reportLink
}

// overviewOf returns a chain for each component of the planes.
func overviewOf(planes []reportPlane) []overviewChain {
	var chains []reportChain
	for _, p := range planes {
		chains = append(chains, slices.DeleteFunc(slices.Clone(p.Chains), func(c reportChain) bool { return c.Component == "" })...)
	}
	var all []overviewChain
	for _, same := range output.Group(chains, func(c reportChain) string { return c.Component }) {
		one := overviewChain{Component: same[0].Component, State: verify.OK}
		for _, chain := range same {
			one.State = verify.Worst([]verify.Check{{State: one.State}, {State: chain.State}})
		}
		for i, link := range same[0].Links {
			counts := map[verify.State]int{}
			for _, chain := range same {
				counts[chain.Links[i].State]++
			}
			if i == 0 && len(same) > 1 { // the control plane
				link.Object = output.Count(len(same), "control plane")
			}
			one.Links = append(one.Links, overviewLink(link.Name, link.Object, counts))
		}
		all = append(all, one)
	}
	return all
}

// overviewLink returns a link with the worst state of all control planes.
func overviewLink(name, object string, counts map[verify.State]int) reportLink {
	link := reportLink{Name: name, Object: object}
	for _, state := range append(shownStates, "") {
		if n := counts[state]; n > 0 {
			if len(link.Counts) == 0 {
				link.State = state
			}
			link.Counts = append(link.Counts, stateCount{state, n})
		}
	}
	return link
}

// common returns the checks that run once for each component.
func (b *reportBuilder) common() []reportCommon {
	var all []reportCommon
	for _, row := range b.Result.Common {
		one := reportCommon{ID: b.ids.add("shared-" + row.Component), Component: row.Component, State: verify.Worst(row.Checks)}
		b.chainID[placeName(row)+" "+row.ServiceAccount] = one.ID
		for _, c := range row.Checks {
			one.Checks = append(one.Checks, b.check(c, row))
		}
		if len(one.Checks) > 0 {
			all = append(all, one)
		}
	}
	return all
}

// findings returns the findings of the table with links to the chains.
func (b *reportBuilder) findings() []reportFinding {
	var all []reportFinding
	for _, f := range b.all {
		one := reportFinding{finding: f}
		for i, row := range f.rows {
			one.Places = append(one.Places, reportPlace{f.places[i], b.chainID[placeName(row)+" "+row.ServiceAccount]})
		}
		if len(one.Places) > shownPlaces+1 {
			one.Places, one.More = one.Places[:shownPlaces], one.Places[shownPlaces:]
		}
		all = append(all, one)
	}
	return all
}

func (b *reportBuilder) everyCheck() []verify.Check {
	var all []verify.Check
	for _, row := range b.allRows() {
		all = append(all, row.Checks...)
	}
	if len(b.Result.Problems) > 0 {
		all = append(all, verify.Check{State: verify.Unknown})
	}
	return all
}

// verdict says in one sentence what was found.
func (b *reportBuilder) verdict(attention, planes int) string {
	switch {
	case planes == 0:
		return "No control plane was checked."
	case attention == 1:
		return fmt.Sprintf("1 of %s needs attention.", output.Count(planes, "control plane"))
	case attention > 0:
		return fmt.Sprintf("%d of %s need attention.", attention, output.Count(planes, "control plane"))
	case len(b.all)+len(b.Result.Problems) > 0:
		return "No control plane fails, but something could not be read or needs a look."
	case planes == 1:
		return "The chain of 1 control plane is whole."
	}
	return fmt.Sprintf("The chains of all %d control planes are whole.", planes)
}

// longestID is a number of characters. A number follows if two names have one beginning.
const longestID = 120

// idSet makes the IDs of elements: names with other characters replaced, each once.
type idSet map[string]bool

func (ids idSet) add(name string) string {
	id := strings.Map(func(r rune) rune {
		if r == '-' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '_'
	}, name)
	id = id[:min(len(id), longestID)]
	free := id
	for n := 2; ids[free]; n++ {
		free = id + "_" + strconv.Itoa(n)
	}
	ids[free] = true
	return free
}
