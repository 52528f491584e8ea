package awstest

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// send sends a form to IAM or STS, or JSON to EKS, and returns the answer.
func send(t *testing.T, s *Server, service, method, target, body string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, "http://aws.example"+target, strings.NewReader(body))
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIDTEST/20261122/"+Region+"/"+service+"/aws4_request, SignedHeaders=host, Signature=0")
	if service != "eks" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	answer := s.serve(r)
	if answer == nil {
		t.Fatal("no answer")
	}
	return answer
}

func form(operation, members string) string {
	return "Action=" + operation + "&Version=2010-05-08&" + members
}

func TestRequestsThatTheModelForbidsAreErrors(t *testing.T) {
	long := strings.Repeat("a", 300)
	for name, c := range map[string]struct{ service, method, target, body, want string }{
		"a parameter is missing": {"iam", "POST", "/", form("GetRole", ""), "GetRoleRequest lacks RoleName"},
		"a parameter is unknown": {"iam", "POST", "/", form("GetRole", "RoleName=a&Path=b"), "GetRoleRequest has no member Path"},
		"a name is too long":     {"iam", "POST", "/", form("GetRole", "RoleName="+long), "300 is more than 64"},
		"a name has a slash":     {"iam", "POST", "/", form("GetRole", "RoleName=a/b"), "does not match"},
		"a tag's key is too long": {"iam", "POST", "/", form("TagRole", "RoleName=a&Tags.member.1.Key="+long+"&Tags.member.1.Value=b"),
			"Tags[0].Key: 300 is more than 128"},
		"a field is unknown": {"eks", "POST", "/clusters/c/addons", `{"addonName":"a","role":"b"}`, "has no member role"},
		"a tag's value is too long": {"eks", "POST", "/clusters/c/pod-identity-associations",
			`{"namespace":"a","serviceAccount":"b","roleArn":"c","tags":{"k":"` + long + `"}}`, "tags.k: 300 is more than 256"},
		"a field has another type": {"eks", "POST", "/clusters/c/pod-identity-associations/a-1", `{"disableSessionTags":"yes"}`, "InvalidParameterException"},
		"a query is unknown":       {"eks", "GET", "/clusters?size=3", "", "no query parameter size"},
		"a size is out of range":   {"eks", "GET", "/clusters?maxResults=101", "", "101 is more than 100"},
	} {
		t.Run(name, func(t *testing.T) {
			answer := send(t, NewInMemory(t), c.service, c.method, c.target, c.body)
			if answer.Code != http.StatusBadRequest || !strings.Contains(answer.Body.String()+answer.Header().Get("X-Amzn-Errortype"), c.want) {
				t.Errorf("got %d %s, want %q", answer.Code, answer.Body, c.want)
			}
		})
	}
}

func TestAnswersAreComparedWithTheModel(t *testing.T) {
	for name, c := range map[string]struct {
		call   Call
		answer apiResponse
		want   string
	}{
		"a field is unknown": {Call{Service: "eks", Operation: "ListClusters"}, jsonAnswer{map[string]any{"names": []string{}}}, "has no member names"},
		"a status is unknown": {Call{Service: "eks", Operation: "DescribeAddon"},
			jsonAnswer{map[string]any{"addon": map[string]any{"status": "READY"}}}, `"READY" is not one of CREATING, ACTIVE`},
		"a list is a text": {Call{Service: "eks", Operation: "ListClusters"}, jsonAnswer{map[string]any{"clusters": "a"}}, "is not a list"},
		"an element is missing": {Call{Service: "iam", Operation: "ListRolePolicies"}, xmlAnswer{"ListRolePolicies", struct{ IsTruncated bool }{}},
			"lacks PolicyNames"},
		"an element is unknown": {Call{Service: "iam", Operation: "GetRolePolicy"}, xmlAnswer{"GetRolePolicy", struct{ Role string }{}}, "has no member Role"},
		"an ID is too short": {Call{Service: "iam", Operation: "GetRole"}, xmlAnswer{"GetRole", struct{ Role struct{ RoleId string } }{}},
			"0 is less than 16"},
		"a result is missing": {Call{Service: "iam", Operation: "GetRole"}, xmlAnswer{"GetRole", nil}, "has no GetRoleResult"},
		"an error is unknown": {Call{Service: "eks", Operation: "TagResource"}, noCluster("a"), "ResourceNotFoundException with HTTP status 404 is no error"},
		"a status differs":    {Call{Service: "iam", Operation: "GetRole"}, &apiError{400, "NoSuchEntity", ""}, "HTTP status 400 is no error"},
	} {
		t.Run(name, func(t *testing.T) {
			w := httptest.NewRecorder()
			c.answer.write(w, c.call.Service)
			if got := strings.Join(checkAnswer(c.call, w), "; "); !strings.Contains(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// Every operation of the server has a model, with the same method and path.
func TestEveryOperationHasAModel(t *testing.T) {
	for name := range queryOperations {
		service, operation, _ := strings.Cut(name, ":")
		if _, ok := models[service].Operations[operation]; !ok {
			t.Errorf("%s has no model", name)
		}
	}
	for _, op := range s3Operations {
		if _, ok := models["s3"].Operations[op.name]; !ok {
			t.Errorf("%s has no model", op.name)
		}
	}
	for _, route := range restRoutes {
		op, ok := models["eks"].Operations[route.name]
		if !ok || op.Method != route.method || len(strings.Split(op.Path, "/")) != len(strings.Split(route.path, "/"))+1 {
			t.Errorf("%s %s is not %s %s of the model", route.method, route.path, op.Method, op.Path)
		}
	}
}
