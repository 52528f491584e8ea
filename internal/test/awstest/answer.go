package awstest

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"strings"
)

// apiResponse is the response to a call.
type apiResponse interface {
	write(w http.ResponseWriter, service string)
}

// apiError is an error in the form of the service's protocol.
type apiError struct {
	status  int
	code    string
	message string
}

func (e *apiError) write(w http.ResponseWriter, service string) {
	if strings.HasPrefix(service, "eks") {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Amzn-Errortype", e.code+":http://internal.amazon.com/coral/com.amazonaws.eks/")
		w.WriteHeader(e.status)
		_ = json.NewEncoder(w).Encode(struct { // an error means that the client has disconnected
			Message string `json:"message"`
		}{e.message})
		return
	}
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(e.status)
	if service == "s3" {
		_ = xml.NewEncoder(w).Encode(struct { // an error means that the client has disconnected
			XMLName                  xml.Name `xml:"Error"`
			Code, Message, RequestId string
		}{xml.Name{}, e.code, e.message, requestID})
		return
	}
	type detail struct{ Type, Code, Message string }
	_ = xml.NewEncoder(w).Encode(struct {
		XMLName   xml.Name `xml:"ErrorResponse"`
		Error     detail
		RequestId string
	}{Error: detail{"Sender", e.code, e.message}, RequestId: requestID})
}

const requestID = "4442587f-0000-4000-8000-000000000000"

func missingEntity(format string, args ...any) *apiError {
	return &apiError{404, "NoSuchEntity", fmt.Sprintf(format, args...)}
}

func broken(c Call) *apiError {
	return &apiError{400, "TestFault", c.Action() + " was made to fail"}
}

// throttled returns one of the errors with which a service throttles. EKS has two.
func throttled(c Call) *apiError {
	switch {
	case c.Service != "eks":
		return &apiError{400, "Throttling", "Rate exceeded"}
	case c.Number%2 == 0:
		return &apiError{429, "TooManyRequestsException", "Too Many Requests"}
	}
	return &apiError{429, "ThrottlingException", "Rate exceeded"}
}

func unavailable(c Call) *apiError {
	code := map[bool]string{true: "ServiceUnavailableException", false: "ServiceUnavailable"}[c.Service == "eks"]
	return &apiError{503, code, "The service is unavailable. Please try again later."}
}

// jsonAnswer is the body of an EKS answer.
type jsonAnswer struct{ body any }

func (a jsonAnswer) write(w http.ResponseWriter, _ string) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(a.body) // an error means that the client has disconnected
}

// xmlAnswer is the result of a query operation. It is nil if the operation has none.
type xmlAnswer struct {
	operation string
	result    any
}

func (a xmlAnswer) write(w http.ResponseWriter, service string) {
	namespace := map[string]string{"iam": "https://iam.amazonaws.com/doc/2010-05-08/", "sts": "https://sts.amazonaws.com/doc/2011-06-15/"}[service]
	w.Header().Set("Content-Type", "text/xml")
	e := xml.NewEncoder(w)
	root := xml.StartElement{Name: xml.Name{Space: namespace, Local: a.operation + "Response"}}
	_ = e.EncodeToken(root) // an error means that the client has disconnected
	if a.result != nil {
		_ = e.EncodeElement(a.result, xml.StartElement{Name: xml.Name{Local: a.operation + "Result"}})
	}
	_ = e.EncodeElement(struct{ RequestId string }{requestID}, xml.StartElement{Name: xml.Name{Local: "ResponseMetadata"}})
	_ = e.EncodeToken(root.End())
	_ = e.Flush()
}
