// Package browser tests the page that "verify -o html" writes in a real browser, without
// showing it. `make test-browser` runs the tests. They need Chromium, Node.js and pdftotext.
// It is a module of its own, so that users of the project do not download the client of the
// browser.
package browser
