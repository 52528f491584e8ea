package awstest

import (
	"encoding/xml"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// s3Request is a call of S3.
type s3Request struct {
	bucket, key string
	query       url.Values
	body        string
}

// s3Operation is an operation of S3 with the action and the resource that it needs.
//
// Source: Amazon S3 User Guide, "Required permissions for Amazon S3 API operations".
type s3Operation struct {
	name, action string
	ofObject     bool
	run          func(s3Request, *State) apiResponse
}

var s3Operations = map[string]s3Operation{ // by method, and whether there is a key
	"HEAD false":  {"HeadBucket", "s3:ListBucket", false, headBucket},
	"GET false":   {"ListObjectsV2", "s3:ListBucket", false, listObjects},
	"PUT true":    {"PutObject", "s3:PutObject", true, putObject},
	"DELETE true": {"DeleteObject", "s3:DeleteObject", true, deleteObject},
}

// decodeS3 reads a call of S3. The bucket is in the path, or in the host name before the
// server's own.
func decodeS3(r *http.Request) (apiOperation, *apiError) {
	req := s3Request{query: r.URL.Query()}
	path := strings.TrimPrefix(r.URL.Path, "/")
	if bucket, ok := strings.CutSuffix(r.Host, "."+memoryHost); ok {
		req.bucket, req.key = bucket, path
	} else {
		req.bucket, req.key, _ = strings.Cut(path, "/")
	}
	op, known := s3Operations[r.Method+" "+strconv.FormatBool(req.key != "")]
	if !known || op.name == "ListObjectsV2" && req.query.Get("list-type") != "2" {
		return apiOperation{}, &apiError{400, "UnknownOperationException", r.Method + " " + r.URL.Path + " is no operation that this server knows"}
	}
	if problems := models["s3"].checkQuery(op.name, req.query); len(problems) > 0 {
		return apiOperation{name: op.name}, &apiError{400, "InvalidArgument", strings.Join(problems, "; ")}
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return apiOperation{name: op.name}, &apiError{400, "IncompleteBody", err.Error()}
	}
	req.body = string(body)
	resource := "arn:" + Partition + ":s3:::" + req.bucket
	if op.ofObject {
		resource += "/" + req.key
	}
	context := map[string]string{}
	for _, name := range []string{"prefix", "delimiter", "max-keys"} {
		if req.query.Has(name) {
			context["s3:"+name] = req.query.Get(name)
		}
	}
	return apiOperation{name: op.name, action: op.action, resource: resource, context: context, write: op.ofObject, run: func(s *State, _ int) apiResponse {
		if _, ok := s.Buckets[req.bucket]; !ok {
			return &apiError{404, "NoSuchBucket", "The specified bucket does not exist"}
		}
		return op.run(req, s)
	}}, nil
}

// s3Answer is an answer of S3. The body is nil if there is none.
type s3Answer struct {
	status int
	body   any
}

func (a s3Answer) write(w http.ResponseWriter, _ string) {
	w.WriteHeader(a.status)
	if a.body != nil {
		_ = xml.NewEncoder(w).Encode(a.body) // an error means that the client has disconnected
	}
}

func headBucket(s3Request, *State) apiResponse { return s3Answer{200, nil} }

type s3Object struct {
	Key  string
	Size int
}

func listObjects(req s3Request, s *State) apiResponse {
	var keys []string
	for _, key := range slices.Sorted(maps.Keys(s.Buckets[req.bucket])) {
		if strings.HasPrefix(key, req.query.Get("prefix")) {
			keys = append(keys, key)
		}
	}
	page, next, fail := pageOf(s, keys, req.query.Get("continuation-token"), req.query.Get("max-keys"))
	if fail != nil {
		return fail
	}
	var contents []s3Object
	for _, key := range page {
		contents = append(contents, s3Object{key, len(s.Buckets[req.bucket][key])})
	}
	return s3Answer{200, struct {
		XMLName               xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListBucketResult"`
		Name, Prefix          string
		KeyCount              int
		IsTruncated           bool
		NextContinuationToken string `xml:",omitempty"`
		Contents              []s3Object
	}{Name: req.bucket, Prefix: req.query.Get("prefix"), KeyCount: len(page), IsTruncated: next != "", NextContinuationToken: next, Contents: contents}}
}

func putObject(req s3Request, s *State) apiResponse {
	s.Buckets[req.bucket] = mergeMaps(s.Buckets[req.bucket], map[string]string{req.key: req.body})
	return s3Answer{200, nil}
}

// deleteObject succeeds also if there is no such object.
func deleteObject(req s3Request, s *State) apiResponse {
	objects := maps.Clone(s.Buckets[req.bucket])
	delete(objects, req.key)
	s.Buckets[req.bucket] = objects
	return s3Answer{204, nil}
}
