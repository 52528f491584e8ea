package verify

import "slices"

// LinkName names a link of the chain from a control plane to what its pods may use.
type LinkName string

// The links, in order.
const (
	PlaneLink    LinkName = "control plane"
	AccountLink  LinkName = "service account"
	TokenLink    LinkName = "token"      // that the pods of the component have and use
	RoleLink     LinkName = "role"       // for which AWS exchanges the token
	ResourceLink LinkName = "permission" // to use the bucket, the secrets or the parameters
)

// Link is a link of the chain of one component in one control plane.
type Link struct {
	Name   LinkName
	State  State   // the worst of its checks; empty if none of them ran
	Checks []Check // those that every control plane shares come first
}

// Chain returns the links of a row's chain. A link has the checks of the row and the checks
// that run once for the component, because a role that does not exist breaks every chain. A
// row without a component is about the control plane alone, and has only that link.
func (r Result) Chain(row Row) []Link {
	if row.Component == "" {
		return []Link{{PlaneLink, Worst(row.Checks), row.Checks}}
	}
	checks := map[LinkName][]Check{}
	for _, from := range [][]Check{r.shared(row.Component), row.Checks} {
		for _, c := range from {
			checks[linkOf(c.Name)] = append(checks[linkOf(c.Name)], c)
		}
	}
	links := []Link{{Name: PlaneLink, State: OK}} // a row of a component has a control plane that was found
	for _, name := range []LinkName{AccountLink, TokenLink, RoleLink, ResourceLink} {
		link := Link{Name: name, Checks: checks[name]}
		if len(link.Checks) > 0 {
			link.State = Worst(link.Checks)
		}
		links = append(links, link)
	}
	return links
}

// ChainState returns the worst state of links. A link that was not checked does not count.
func ChainState(links []Link) State {
	var all []Check
	for _, link := range links {
		all = append(all, link.Checks...)
	}
	return Worst(all)
}

// shared returns the checks that run once for a component.
func (r Result) shared(component string) []Check {
	i := slices.IndexFunc(r.Common, func(row Row) bool { return row.Component == component })
	if i < 0 {
		return nil
	}
	return r.Common[i].Checks
}

// linkOf returns the link that a check is about.
func linkOf(check string) LinkName {
	for _, c := range allChecks {
		if c.name == check {
			return c.link
		}
	}
	if check == Release {
		return AccountLink
	}
	return PlaneLink
}
