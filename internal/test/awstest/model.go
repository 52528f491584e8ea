package awstest

import (
	_ "embed" // for the models
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// The models say what AWS's APIs accept and return. The server checks every request and
// every answer against them.
//
// Source: the API models in botocore, cut down by testdata/shapes.py.
//
//go:embed testdata/shapes.json
var shapesJSON []byte

var models = parseModels(shapesJSON)

func parseModels(text []byte) map[string]serviceModel {
	var file struct{ Services map[string]serviceModel }
	if err := json.Unmarshal(text, &file); err != nil {
		panic(fmt.Errorf("testdata/shapes.json: %w", err))
	}
	return file.Services
}

type serviceModel struct {
	Operations map[string]operationModel
	Shapes     map[string]shape
}

type operationModel struct {
	Method, Path  string
	Input, Output string         // names of shapes; empty if there is none
	Errors        map[string]int // HTTP statuses by code
}

// shape is the type of a value, as Smithy and botocore describe it.
type shape struct {
	Type       string
	Required   []string
	Members    map[string]shapeRef
	Member     shapeRef // of a list
	Key, Value shapeRef // of a map
	Min, Max   *float64 // length of a string, list or map; value of a number
	Pattern    string
	Enum       []string
	Flattened  bool // whether the members of a list have no element around them
}

type shapeRef struct {
	Shape        string
	Location     string // uri, querystring or empty for the body
	LocationName string
}

// commonErrors are the errors that any operation may return, with their HTTP statuses.
// TestFault is the server's own.
//
// Source: IAM API reference, "Common Errors"; Amazon EKS API reference, "Common Errors".
var commonErrors = map[string][]int{
	"AccessDenied": {403}, "AccessDeniedException": {400, 403}, "ExpiredToken": {403}, "ExpiredTokenException": {403}, "InvalidAction": {400},
	"InvalidClientTokenId": {403}, "MalformedQueryString": {400, 404}, "MissingAuthenticationToken": {403}, "ServiceUnavailable": {503},
	"ServiceUnavailableException": {503}, "Throttling": {400}, "ThrottlingException": {400, 429}, "TooManyRequestsException": {429},
	"UnknownOperationException": {404}, "ValidationError": {400}, "TestFault": {400}, "NoSuchBucket": {404}, "InvalidArgument": {400}, // of S3
}

// checkError returns why AWS does not return an error from an operation. It is empty if
// AWS does.
func (o operationModel) checkError(code string, status int) string {
	if o.Errors[code] == status || slices.Contains(commonErrors[code], status) {
		return ""
	}
	return fmt.Sprintf("%s with HTTP status %d is no error of this operation", code, status)
}

// check returns how a value differs from a shape. A value has the types of package
// encoding/json. Numbers, booleans and times may also be strings, as in XML and forms.
func (m serviceModel) check(name, path string, value any) []string {
	s := m.Shapes[name]
	switch v := value.(type) {
	case map[string]any:
		if s.Type == "map" {
			return m.checkMap(s, path, v)
		}
		return m.checkStructure(s, path, v)
	case []any:
		problems := s.checkSize(path, float64(len(v)), "list")
		for i, item := range v {
			problems = append(problems, m.check(s.Member.Shape, fmt.Sprintf("%s[%d]", path, i), item)...)
		}
		return problems
	}
	return s.checkScalar(path, value)
}

func (m serviceModel) checkMap(s shape, path string, v map[string]any) []string {
	problems := s.checkSize(path, float64(len(v)), "map")
	for key, item := range v {
		problems = append(problems, m.check(s.Key.Shape, path+" key", key)...)
		problems = append(problems, m.check(s.Value.Shape, path+"."+key, item)...)
	}
	return problems
}

func (m serviceModel) checkStructure(s shape, path string, v map[string]any) []string {
	if s.Type != "structure" {
		return []string{fmt.Sprintf("%s is a structure, not a %s", path, s.Type)}
	}
	var problems []string
	for _, required := range s.Required {
		if _, ok := v[required]; !ok {
			problems = append(problems, fmt.Sprintf("%s lacks %s", path, required))
		}
	}
	for key, item := range v {
		member, ok := s.Members[key]
		if !ok {
			problems = append(problems, fmt.Sprintf("%s has no member %s", path, key))
			continue
		}
		problems = append(problems, m.check(member.Shape, path+"."+key, item)...)
	}
	return problems
}

func (s shape) checkSize(path string, n float64, kind string) []string {
	switch {
	case kind == "list" && s.Type != "list", kind == "map" && s.Type != "map":
		return []string{fmt.Sprintf("%s is a %s, not a %s", path, kind, s.Type)}
	case s.Min != nil && n < *s.Min:
		return []string{fmt.Sprintf("%s: %v is less than %v", path, n, *s.Min)}
	case s.Max != nil && n > *s.Max:
		return []string{fmt.Sprintf("%s: %v is more than %v", path, n, *s.Max)}
	}
	return nil
}

func (s shape) checkScalar(path string, value any) []string {
	text, isText := value.(string)
	fits := false
	switch s.Type {
	case "string":
		if !isText {
			break
		}
		problems := s.checkSize(path, float64(utf8.RuneCountInString(text)), "string")
		if s.Pattern != "" && !fullPattern(s.Pattern).MatchString(text) {
			problems = append(problems, fmt.Sprintf("%s: %q does not match %s", path, text, s.Pattern))
		}
		if len(s.Enum) > 0 && !slices.Contains(s.Enum, text) {
			problems = append(problems, fmt.Sprintf("%s: %q is not one of %s", path, text, strings.Join(s.Enum, ", ")))
		}
		return problems
	case "boolean":
		_, fits = value.(bool)
		fits = fits || text == "true" || text == "false"
	case "integer", "long":
		n, isNumber := value.(float64)
		if parsed, err := strconv.Atoi(text); err == nil {
			n, isNumber = float64(parsed), true
		}
		if isNumber {
			return s.checkSize(path, n, "number")
		}
	case "timestamp":
		_, fits = value.(float64)
		_, err := time.Parse(time.RFC3339, text)
		fits = fits || err == nil
	}
	if !fits {
		return []string{fmt.Sprintf("%s: %v is not a %s", path, value, s.Type)}
	}
	return nil
}

var (
	unicodeEscape = regexp.MustCompile(`\\u([0-9A-F]{4,6})`)
	fullPatterns  = map[string]*regexp.Regexp{}
)

func init() {
	// The model of CreateRole lacks the error for a permissions boundary that does not exist.
	//
	// Source: hashicorp/terraform-provider-aws, issue 23374 ("NoSuchEntity: Scope ARN … does
	// not exist or is not attachable").
	models["iam"].Operations["CreateRole"].Errors["NoSuchEntity"] = 404
	for _, m := range models {
		for _, s := range m.Shapes {
			fullPatterns[s.Pattern] = regexp.MustCompile(`^(?:` + unicodeEscape.ReplaceAllString(s.Pattern, `\x{$1}`) + `)$`)
		}
	}
}

// fullPattern returns a pattern of a model, which must match the whole text.
func fullPattern(pattern string) *regexp.Regexp { return fullPatterns[pattern] }
