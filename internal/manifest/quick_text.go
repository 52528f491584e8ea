package manifest

import (
	"strings"
	"unicode/utf8"
)

// isQuickText reports whether the characters of a text have the same meaning in every
// version of YAML.
func isQuickText(text string) bool {
	ascii := true
	for at := 0; at < len(text); {
		if isPlainASCII(text[at:]) {
			at += wordSize
			continue
		}
		switch kinds[text[at]] {
		case controlByte:
			return false
		case highByte:
			ascii = false
		}
		at++
	}
	return ascii || utf8.ValidString(text) && !strings.Contains(text, "\ufeff") && !strings.Contains(text, "\xc2") &&
		!strings.Contains(text, "\u2028") && !strings.Contains(text, "\u2029") && !strings.Contains(text, "\xef\xbf")
}

// wordSize is the number of bytes that isPlainASCII examines at once.
const wordSize = 8

// isPlainASCII reports whether a text begins with eight printable ASCII characters.
func isPlainASCII(text string) bool {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	if len(text) < wordSize {
		return false
	}
	word := uint64(text[0]) | uint64(text[1])<<8 | uint64(text[2])<<16 | uint64(text[3])<<24 |
		uint64(text[4])<<32 | uint64(text[5])<<40 | uint64(text[6])<<48 | uint64(text[7])<<56
	return (word|(word-' '*ones)|(word+ones))&highs == 0
}

// byteKind says what a byte may mean in a scalar without quotes.
type byteKind uint8

const (
	textByte    byteKind = iota // nothing but itself
	markByte                    // the end of the scalar, or nothing, depending on its neighbours
	flowByte                    // the end of the scalar in a flow collection
	highByte                    // part of a character beyond ASCII
	controlByte                 // never allowed here
)

var kinds = byteKinds()

func byteKinds() (kinds [256]byteKind) {
	for b := range kinds {
		switch {
		case strings.IndexByte(" \t\n#:", byte(b)) >= 0:
			kinds[b] = markByte
		case strings.IndexByte(",[]{}", byte(b)) >= 0:
			kinds[b] = flowByte
		case b < ' ' || b == 0x7f:
			kinds[b] = controlByte
		case b >= utf8.RuneSelf:
			kinds[b] = highByte
		}
	}
	return kinds
}
