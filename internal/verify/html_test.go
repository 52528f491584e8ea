package verify_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"spaces-identity.dev/internal/output"
	"spaces-identity.dev/internal/output/live"
	"spaces-identity.dev/internal/verify"
)

// pagesVariable names the directory into which [TestPages] writes its pages, for the tests
// with a browser.
const pagesVariable = "SPACES_IDENTITY_PAGES"

// pageTime is when the pages say that they were made.
var pageTime = time.Date(2026, time.November, 24, 21, 5, 0, 0, time.UTC)

// TestPages writes the page of each world twice, and compares the two. The large worlds are
// large only for the browser.
func TestPages(t *testing.T) {
	dir, large := os.Getenv(pagesVariable), 60
	if dir != "" {
		large = 2000
	}
	for name, world := range map[string]func(*testing.T) verify.Result{
		"mixed":   func(t *testing.T) verify.Result { return verify.MixedWorld(t).Verify(t) },
		"healthy": func(t *testing.T) verify.Result { return verify.NewWorld(t, numbered(3)).Verify(t) },
		"large":   func(t *testing.T) verify.Result { return verify.LargeWorld(t, numbered(large)).Verify(t) },
		"broken":  func(t *testing.T) verify.Result { return verify.BrokenWorld(t, numbered(large)).Verify(t) },
		"hostile": func(*testing.T) verify.Result { return verify.HostileResult() },
		"empty":   func(*testing.T) verify.Result { return verify.Result{} },
	} {
		t.Run(name, func(t *testing.T) {
			result := world(t)
			page := pageOf(t, result)
			if again := pageOf(t, result); !bytes.Equal(page, again) {
				t.Error("the same result gives two pages")
			}
			if dir != "" {
				if err := os.WriteFile(filepath.Join(dir, name+".html"), page, 0o600); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func pageOf(t *testing.T, r verify.Result) []byte {
	t.Helper()
	var b bytes.Buffer
	printer := output.New(&b, io.Discard, func(string) string { return "" }, func(any) bool { return false })
	if err := printer.Print(output.HTML, live.VerifyView{Result: r, When: pageTime}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestPageEscapesNamesAndTexts has names that would leave their place in the page, or change
// how it is read.
func TestPageEscapesNamesAndTexts(t *testing.T) {
	page := string(pageOf(t, verify.HostileResult()))
	for _, bad := range []string{"<script>alert", "<img", "\u202e", "\u200b", "\x00", "\xff", "<b>\""} {
		if strings.Contains(page, bad) {
			t.Errorf("the page contains %q", bad)
		}
	}
	if n := strings.Count(page, "<script"); n != 1 {
		t.Errorf("the page has %d scripts", n)
	}
	if !utf8.ValidString(page) || !strings.Contains(page, `\u202egnp.exe`) {
		t.Error("the page does not show the hidden characters")
	}
}

// TestPageRefersToNothingElse looks for everything that could make a request.
func TestPageRefersToNothingElse(t *testing.T) {
	page := string(pageOf(t, verify.MixedWorld(t).Verify(t)))
	for _, tag := range regexp.MustCompile(`<[^>]*(src|href|action|url\(|@import|srcset|http-equiv)[^>]*>`).FindAllString(page, -1) {
		if !strings.Contains(tag, ` href="#`) && !strings.HasPrefix(tag, `<meta http-equiv="Content-Security-Policy" content="default-src &#39;none&#39;;`) {
			t.Errorf("the page refers to something else: %s", tag)
		}
	}
}

// numbered returns control planes with their host namespaces.
func numbered(count int) map[string]string {
	planes := map[string]string{}
	for n := range count {
		planes[fmt.Sprintf("ctp-%04d", n)] = fmt.Sprintf("mxp-%08x-5bb8-4a7e-9f41-2fc38ef4b065-system", n)
	}
	return planes
}
