package output

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"unicode/utf16"
)

// writeJSON writes an object that begins with apiVersion and kind, indented by
// two spaces, with a newline at the end.
func writeJSON(_ *Printer, r Result) ([]byte, error) {
	compact, err := compactJSON(r)
	if err != nil {
		return nil, err
	}
	return indented(compact)
}

// Indented returns a value as JSON: indented by two spaces, with a newline at the end, and
// with [] for every list that is nil.
func Indented(v any) ([]byte, error) {
	compact, err := encoded(filled(reflect.ValueOf(v)).Interface())
	if err != nil {
		return nil, err
	}
	return indented(compact)
}

func indented(compact []byte) ([]byte, error) {
	var b bytes.Buffer
	err := json.Indent(&b, compact, "", "  ")
	b.WriteByte('\n')
	return b.Bytes(), err
}

// compactJSON returns the result's object on one line.
func compactJSON(r Result) ([]byte, error) {
	var data any = r
	if d, ok := r.(interface{ Data() any }); ok {
		data = d.Data()
	}
	head, err := encoded(map[string]string{"apiVersion": APIVersion, "kind": r.Kind()})
	if err != nil {
		return nil, err
	}
	body, err := encoded(filled(reflect.ValueOf(data)).Interface())
	switch {
	case err != nil:
		return nil, err
	case !bytes.HasPrefix(body, []byte("{")):
		return nil, fmt.Errorf("%T is not an object in JSON", data)
	case len(body) == len("{}"):
		return head, nil
	}
	return append(append(head[:len(head)-1], ','), body[1:]...), nil
}

// encoded returns a value as JSON without HTML escapes.
func encoded(v any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(v)
	return escapedJSON(bytes.TrimSuffix(b.Bytes(), []byte("\n"))), err
}

// escapedJSON returns JSON with escapes for all characters that a terminal does not show.
// The encoder of Go escapes only those of ASCII.
func escapedJSON(text []byte) []byte {
	if !bytes.ContainsFunc(text, func(r rune) bool { return !strconv.IsPrint(r) }) {
		return text
	}
	var b bytes.Buffer
	for _, r := range string(text) {
		switch {
		case strconv.IsPrint(r):
			b.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.Bytes()
}

var jsonMarshaler = reflect.TypeFor[json.Marshaler]()

// filled returns a copy of a value with empty slices in place of nil ones. So JSON has []
// for an empty list, and never null. It does not change values that implement
// json.Marshaler.
func filled(v reflect.Value) reflect.Value {
	if !v.IsValid() || v.Type().Implements(jsonMarshaler) {
		return v
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return v
		}
		out := reflect.New(v.Type().Elem())
		out.Elem().Set(filled(v.Elem()))
		return out
	case reflect.Slice:
		out := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		for i := range v.Len() {
			out.Index(i).Set(filled(v.Index(i)))
		}
		return out
	case reflect.Struct:
		out := reflect.New(v.Type()).Elem()
		out.Set(v)
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				out.Field(i).Set(filled(v.Field(i)))
			}
		}
		return out
	}
	return v
}
