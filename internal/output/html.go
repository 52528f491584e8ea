package output

import "errors"

// writeHTML writes a result with a method HTML() ([]byte, error) as a page.
func writeHTML(_ *Printer, r Result) ([]byte, error) {
	page, ok := r.(interface{ HTML() ([]byte, error) })
	if !ok {
		return nil, errors.New("this result has no page")
	}
	return page.HTML()
}

// Visible returns a text with escapes such as \u202e for the characters that are not shown,
// or that reorder the text beside them. It keeps line breaks and tabs.
func Visible(text string) string { return visible(text, "\n\t") }
