package iam

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// operator is a condition operator as a policy writes it.
type operator struct {
	match     matchFunc
	negated   bool   // true if the values do not match
	variables bool   // policy variables are allowed in its values
	null      bool   // tests only whether the key is present
	set       string // ForAnyValue, ForAllValues or nothing
	ifExists  bool
}

// matchFunc compares a value of the request with one of the policy. If the result is
// unknown, cannot says why.
type matchFunc func(p pattern, value string) (result truth, cannot string)

// parseOperator parses an operator's name. ok is false if the program cannot evaluate it.
func parseOperator(name string) (op operator, ok bool) {
	set, base, found := strings.Cut(name, ":")
	if !found {
		set, base = "", name
	} else if set != "ForAnyValue" && set != "ForAllValues" {
		return op, false
	}
	base, ifExists := strings.CutSuffix(base, "IfExists")
	op, ok = operators()[base]
	op.set, op.ifExists = set, ifExists
	return op, ok && !(op.null && base != name)
}

// operators are the condition operators without qualifiers.
//
// Source: IAM User Guide, "IAM JSON policy elements: Condition operators"; for the operators
// that allow variables, "IAM policy elements: Variables and tags".
var operators = sync.OnceValue(allOperators)

func allOperators() map[string]operator {
	all := map[string]operator{
		"StringEquals":              {match: stringEquals, variables: true},
		"StringNotEquals":           {match: stringEquals, variables: true, negated: true},
		"StringEqualsIgnoreCase":    {match: stringEqualsIgnoreCase, variables: true},
		"StringNotEqualsIgnoreCase": {match: stringEqualsIgnoreCase, variables: true, negated: true},
		"StringLike":                {match: stringLike, variables: true},
		"StringNotLike":             {match: stringLike, variables: true, negated: true},
		"ArnEquals":                 {match: arnLike, variables: true}, // the same as ArnLike, says the source
		"ArnNotEquals":              {match: arnNotLike, variables: true, negated: true},
		"ArnLike":                   {match: arnLike, variables: true},
		"ArnNotLike":                {match: arnNotLike, variables: true, negated: true},
		"Bool":                      {match: compare(parseBool, strings.Compare, isZero)},
		"BinaryEquals":              {match: compare(base64.StdEncoding.DecodeString, bytes.Compare, isZero)},
		"IpAddress":                 {match: inNetwork},
		"NotIpAddress":              {match: inNetwork, negated: true},
		"Null":                      {null: true},
	}
	for name, holds := range map[string]func(int) bool{
		"Equals": isZero, "NotEquals": isZero,
		"LessThan":          func(order int) bool { return order < 0 },
		"LessThanEquals":    func(order int) bool { return order <= 0 },
		"GreaterThan":       func(order int) bool { return order > 0 },
		"GreaterThanEquals": func(order int) bool { return order >= 0 },
	} {
		all["Numeric"+name] = operator{match: compare(parseNumber, (*big.Rat).Cmp, holds), negated: name == "NotEquals"}
		all["Date"+name] = operator{match: compare(parseDate, time.Time.Compare, holds), negated: name == "NotEquals"}
	}
	return all
}

func isZero(order int) bool { return order == 0 }

func stringEquals(p pattern, value string) (truth, string) { return truthOf(p.String() == value), "" }

func stringEqualsIgnoreCase(p pattern, value string) (truth, string) {
	return truthOf(strings.EqualFold(p.String(), value)), ""
}

func stringLike(p pattern, value string) (truth, string) {
	return truthOf(p.covers(pattern(value))), ""
}

// arnLike compares the six parts of an ARN one by one. So a wildcard matches a colon only
// in the resource.
func arnLike(p pattern, value string) (truth, string) {
	parts := splitARN(p)
	if len(parts) != 6 || !parts[0].covers(pattern("arn")) {
		return isUnknown, fmt.Sprintf("%q, which is not an ARN of six parts,", p)
	}
	values := splitARN(pattern(value))
	return truthOf(slices.EqualFunc(parts, values, pattern.covers)), ""
}

// arnNotLike is arnLike for the negated operators. AWS does not document their result for a
// value that is not an ARN, so such a value cannot be evaluated.
func arnNotLike(p pattern, value string) (truth, string) {
	if strings.Count(value, ":") < 5 {
		return isUnknown, fmt.Sprintf("%q, which is not an ARN,", value)
	}
	return arnLike(p, value)
}

// splitARN returns the parts of an ARN: at most six, because the resource may have
// colons of its own.
func splitARN(p pattern) []pattern {
	var parts []pattern
	for len(parts) < 5 {
		i := slices.Index(p, ':')
		if i < 0 {
			break
		}
		parts, p = append(parts, p[:i]), p[i+1:]
	}
	return append(parts, p)
}

// compare returns a function that parses the value of the request and that of the policy,
// and reports whether the order of the two is right.
func compare[T any](parse func(string) (T, error), order func(a, b T) int, holds func(order int) bool) matchFunc {
	return func(p pattern, value string) (truth, string) {
		a, err := parse(value)
		if err != nil {
			return isUnknown, fmt.Sprintf("%q, a value that the operator does not take,", value)
		}
		b, err := parse(p.String())
		if err != nil {
			return isUnknown, fmt.Sprintf("%q, a value that the operator does not take,", p)
		}
		return truthOf(holds(order(a, b))), ""
	}
}

func parseBool(text string) (string, error) {
	text = strings.ToLower(text)
	if text != "true" && text != "false" {
		return "", errBadValue
	}
	return text, nil
}

var (
	errBadValue  = errors.New("not a value of the operator's type")
	decimal      = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[+-]?[0-9]+(\.[0-9]+)?$`) })
	epochSeconds = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9]{5,12}$`) })
	dateLayouts  = []string{time.RFC3339, "2006-01-02T15:04Z07:00", time.DateOnly, "2006-01"}
)

// parseNumber parses an integer or a decimal without an exponent.
func parseNumber(text string) (*big.Rat, error) {
	if !decimal().MatchString(text) { // big.Rat takes exponents too, which cost any amount of memory
		return nil, errBadValue
	}
	n, _ := new(big.Rat).SetString(text)
	return n, nil
}

// parseDate parses a date in one of the W3C's profiles of ISO 8601, or in seconds since 1970.
// Four digits may be either, so they are an error.
func parseDate(text string) (time.Time, error) {
	if epochSeconds().MatchString(text) {
		seconds, _ := strconv.ParseInt(text, 10, 64) // twelve digits always fit
		return time.Unix(seconds, 0), nil
	}
	for _, layout := range dateLayouts {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, errBadValue
}

// inNetwork reports whether an address is in a network. An address in a policy is a network
// of its own. Those of IPv4 and IPv6 never match each other.
func inNetwork(p pattern, value string) (truth, string) {
	address, err := netip.ParseAddr(value)
	if err != nil || address.Is4In6() || address.Zone() != "" {
		return isUnknown, fmt.Sprintf("%q, which is not an IP address,", value)
	}
	network, err := netip.ParsePrefix(p.String())
	if single, bad := netip.ParseAddr(p.String()); bad == nil && single.Zone() == "" {
		network, err = netip.PrefixFrom(single, single.BitLen()), nil
	}
	if err != nil {
		return isUnknown, fmt.Sprintf("%q, which is not a network in CIDR form,", p)
	}
	return truthOf(network.Contains(address)), ""
}
