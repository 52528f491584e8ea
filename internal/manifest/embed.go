package manifest

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strings"
)

// inner is the stream that a string holds.
func innerStream(in Into, value string) ([]byte, bool) {
	if in.Skip > len(value) {
		return nil, false
	}
	if !in.Base64 {
		return []byte(value[in.Skip:]), true
	}
	return Base64(value[in.Skip:])
}

// Base64 decodes standard base64 with or without line breaks, as Kubernetes
// takes it in a Secret's data.
func Base64(value string) ([]byte, bool) {
	decoded, err := base64.StdEncoding.DecodeString(value)
	return decoded, err == nil
}

// document is the text of the one document of the stream.
func innerDocument(in Into, stream []byte) (Document, bool) {
	for doc := range Split(stream) {
		if doc.Number == in.Document+1 {
			return doc, true
		}
	}
	return Document{}, false
}

// outward turns edits of the stream in a string into edits of the string.
func outward(in Into, value string, stream []byte, edits []Edit) ([]Edit, bool) {
	if !in.Base64 {
		moved := slices.Clone(edits)
		for i := range moved {
			moved[i].Start += in.Skip
			moved[i].End += in.Skip
		}
		return moved, true
	}
	patched, ok := apply(stream, edits)
	if !ok {
		return nil, false
	}
	old := strings.TrimRight(value[in.Skip:], "\n")
	written := wrapLike(old, base64.StdEncoding.EncodeToString(patched))
	same := commonPrefix(old, written)
	return []Edit{{in.Skip + same, in.Skip + len(old), written[same:]}}, true
}

// wrapLike breaks base64 into lines as long as those of the text it replaces.
func wrapLike(old, text string) string {
	width := strings.IndexByte(old, '\n')
	if width <= 0 {
		return text
	}
	lines := slices.Collect(slices.Chunk([]byte(text), width))
	return string(bytes.Join(lines, []byte("\n")))
}

func commonPrefix[T string | []byte](a, b T) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

func commonSuffix[T string | []byte](a, b T) int {
	n := 0
	for n < len(a) && n < len(b) && a[len(a)-1-n] == b[len(b)-1-n] {
		n++
	}
	return n
}
