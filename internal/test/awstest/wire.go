package awstest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"maps"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// formValue returns the members of a form, such as Tags.member.1.Key, as a value of a
// shape.
//
// Source: Smithy, "AWS query protocol".
func (m serviceModel) formValue(name string, form map[string]string) any {
	s := m.Shapes[name]
	if s.Type != "structure" && s.Type != "list" {
		return form[""]
	}
	parts := map[string]map[string]string{}
	for key, value := range form {
		first, rest, _ := strings.Cut(key, ".")
		if s.Type == "list" { // member.1.Key
			first, rest, _ = strings.Cut(rest, ".")
		}
		if parts[first] == nil {
			parts[first] = map[string]string{}
		}
		parts[first][rest] = value
	}
	if s.Type == "list" {
		list := []any{}
		for i := range len(parts) {
			list = append(list, m.formValue(s.Member.Shape, parts[strconv.Itoa(i+1)]))
		}
		return list
	}
	out := map[string]any{}
	for key, part := range parts {
		out[key] = m.formValue(s.Members[key].Shape, part)
	}
	return out
}

// checkForm returns how a form differs from an operation's input.
func (m serviceModel) checkForm(op operationModel, form url.Values) []string {
	flat := map[string]string{}
	for key := range form {
		if key != "Action" && key != "Version" {
			flat[key] = form.Get(key)
		}
	}
	if op.Input == "" {
		return nil
	}
	return m.check(op.Input, op.Input, m.formValue(op.Input, flat))
}

// checkREST returns how a request differs from an operation's input.
func (m serviceModel) checkREST(op operationModel, req restRequest) []string {
	all := map[string]any{}
	if len(req.raw) > 0 {
		if err := json.Unmarshal(req.raw, &all); err != nil {
			return []string{"the body: " + err.Error()}
		}
	}
	var problems []string
	for i, segment := range strings.Split(strings.Trim(op.Path, "/"), "/") {
		for name, member := range m.Shapes[op.Input].Members {
			if member.Location == "uri" && segment == "{"+member.LocationName+"}" {
				all[name] = req.segments[i]
			}
		}
	}
	found, unknown := m.queryMembers(op.Input, req.query)
	maps.Copy(all, found)
	problems = append(problems, unknown...)
	return append(problems, m.check(op.Input, op.Input, all)...)
}

// queryMembers returns the members of an input that are in a query, and the parameters
// that are none.
func (m serviceModel) queryMembers(input string, query url.Values) (found map[string]any, problems []string) {
	found = map[string]any{}
	known := []string{}
	for name, member := range m.Shapes[input].Members {
		if member.Location == "querystring" && query.Has(member.LocationName) {
			found[name] = query.Get(member.LocationName)
			known = append(known, member.LocationName)
		}
	}
	for name := range query {
		if !slices.Contains(known, name) {
			problems = append(problems, "no query parameter "+name)
		}
	}
	return found, problems
}

// checkQuery returns how the query of a call of S3 differs from the model. Two parameters
// are part of every call: the operation's name, and whether it is version 2.
func (m serviceModel) checkQuery(operation string, query url.Values) []string {
	input := m.Operations[operation].Input
	found, problems := m.queryMembers(input, query)
	problems = slices.DeleteFunc(problems, func(p string) bool { return strings.HasSuffix(p, " list-type") || strings.HasSuffix(p, " x-id") })
	for name, value := range found {
		problems = append(problems, m.check(m.Shapes[input].Members[name].Shape, name, value)...)
	}
	return problems
}

// element is an element of XML.
type element struct {
	XMLName  xml.Name
	Text     string    `xml:",chardata"`
	Children []element `xml:",any"`
}

// xmlValue returns an element as a value of a shape.
func (m serviceModel) xmlValue(name string, e element) any {
	s := m.Shapes[name]
	switch s.Type {
	case "structure":
		out := map[string]any{}
		for _, child := range e.Children {
			name := child.XMLName.Local
			member := m.Shapes[s.Members[name].Shape]
			if !member.Flattened {
				out[name] = m.xmlValue(s.Members[name].Shape, child)
				continue
			}
			list, _ := out[name].([]any) // none yet
			out[name] = append(list, m.xmlValue(member.Member.Shape, child))
		}
		return out
	case "list":
		list := []any{}
		for _, child := range e.Children {
			list = append(list, m.xmlValue(s.Member.Shape, child))
		}
		return list
	case "map":
		out := map[string]any{}
		for _, entry := range e.Children {
			if len(entry.Children) == 2 {
				out[entry.Children[0].Text] = m.xmlValue(s.Value.Shape, entry.Children[1])
			}
		}
		return out
	}
	return e.Text
}

// checkAnswer returns how a recorded answer differs from the model.
func checkAnswer(call Call, answer *httptest.ResponseRecorder) []string {
	model := models[call.Service]
	op, known := model.Operations[call.Operation]
	if !known {
		return nil // an error that says so
	}
	if answer.Code >= 300 {
		return op.checkErrorBody(answer)
	}
	if op.Output == "" || call.Service == "s3" && answer.Body.Len() == 0 {
		return nil
	}
	if call.Service == "eks" {
		var value any
		if err := json.Unmarshal(answer.Body.Bytes(), &value); err != nil {
			return []string{err.Error()}
		}
		return model.check(op.Output, op.Output, value)
	}
	var root element
	if err := xml.Unmarshal(answer.Body.Bytes(), &root); err != nil {
		return []string{err.Error()}
	}
	if call.Service == "s3" {
		return model.check(op.Output, op.Output, model.xmlValue(op.Output, root))
	}
	for _, child := range root.Children {
		if child.XMLName.Local == call.Operation+"Result" {
			return model.check(op.Output, op.Output, model.xmlValue(op.Output, child))
		}
	}
	return []string{fmt.Sprintf("%s has no %sResult", root.XMLName.Local, call.Operation)}
}

func (o operationModel) checkErrorBody(answer *httptest.ResponseRecorder) []string {
	code, _, _ := strings.Cut(answer.Header().Get("X-Amzn-Errortype"), ":")
	if code == "" {
		var body struct {
			Error struct{ Code string }
			Code  string
		}
		if err := xml.NewDecoder(bytes.NewReader(answer.Body.Bytes())).Decode(&body); err != nil {
			return []string{err.Error()}
		}
		code = cmp.Or(body.Error.Code, body.Code) // S3 has no element around it
	}
	if problem := o.checkError(code, answer.Code); problem != "" {
		return []string{problem}
	}
	return nil
}
