package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/performance"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// press presses a key some times.
func (p *tab) press(t *testing.T, key string, times int, options ...chromedp.KeyOption) {
	t.Helper()
	for range times {
		p.run(t, chromedp.KeyEvent(key, options...))
	}
}

// describeFocus is a function that describes the element that has the focus. The last word is
// HIDDEN if nobody sees that it has the focus.
const describeFocus = `(() => { const e = document.activeElement, s = getComputedStyle(e), box = e.getBoundingClientRect();
	const seen = s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2 && box.top >= 0 && box.top < innerHeight;
	return [e.localName, e.id || e.name || e.closest("[id]")?.id || "", e.value || "", seen ? "" : "HIDDEN"].filter(Boolean).join(" "); })`

func focused(t *testing.T, p *tab) string {
	t.Helper()
	return eval[string](t, p, describeFocus+`()`)
}

// waitFor returns the value of a function once it is the wanted one, or after five seconds. The
// browser follows a link a moment after the key.
func waitFor(t *testing.T, p *tab, function, want string) string {
	t.Helper()
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	return eval[string](t, p, `(async () => { const what = `+function+`, end = performance.now() + 5000;
		while (what() !== `+string(text)+` && performance.now() < end) await new Promise((done) => setTimeout(done, 10)); return what(); })()`)
}

// TestPageWorksByKeyboard goes through the page with Tab, Enter and Space alone.
func TestPageWorksByKeyboard(t *testing.T) {
	p := openPage(t, "mixed", sized(1280, 900))
	want := func(what string) {
		t.Helper()
		if got := waitFor(t, p, describeFocus, what); got != what {
			t.Errorf("the focus is on %q, not on %q", got, what)
		}
	}
	p.press(t, kb.Tab, 1)
	want("a")
	if got := eval[string](t, p, `document.activeElement.textContent`); !strings.HasPrefix(got, "Skip") {
		t.Errorf("the first stop is %q", got)
	}
	p.press(t, kb.Enter, 1)
	if got := waitFor(t, p, `(() => document.activeElement.id)`, "planes"); got != "planes" {
		t.Errorf("the skip link leads to %q", got)
	}
	p.press(t, kb.Tab, 1)
	first := eval[string](t, p, `document.querySelector(".plane").id`)
	want("summary " + first)
	p.press(t, kb.Enter, 1)
	if eval[bool](t, p, `document.getElementById("`+first+`").open`) {
		t.Error("Enter does not close a control plane")
	}

	// The stops before the main part are the links, the filter and the buttons, in the order in
	// which they are seen.
	p = openPage(t, "mixed", sized(1280, 900))
	p.press(t, kb.Tab, 6)
	var stops []string
	for range 7 {
		p.press(t, kb.Tab, 1)
		stops = append(stops, focused(t, p))
	}
	if want := []string{"input text", "input state fail", "input state unknown", "input state warn", "input state ok", "button open", "button close"}; !slices.Equal(stops, want) {
		t.Errorf("the stops are %q, not %q", stops, want)
	}

	// From a finding to the control plane and back.
	p.press(t, kb.Tab, 1)
	if got := focused(t, p); !strings.HasPrefix(got, "a finding-1") {
		t.Errorf("after the filter the focus is on %q", got)
	}
	p.press(t, kb.Enter, 1)
	target := eval[string](t, p, `decodeURIComponent(document.querySelector("#finding-1 .places a").hash.slice(1))`)
	want("section " + target)
	p.press(t, kb.Tab, 1)
	if got := eval[string](t, p, `document.activeElement.textContent`); got != "finding 1" {
		t.Errorf("the next stop in the control plane is %q", got)
	}
	p.press(t, kb.Enter, 1)
	want("article finding-1")
}

// shownPlanes returns what the filter shows.
func shownPlanes(t *testing.T, p *tab) string {
	t.Helper()
	return eval[string](t, p, `[...document.querySelectorAll(".plane")].filter((e) => e.checkVisibility()).length + " planes, " + [...document.querySelectorAll(".finding")].filter((e) => e.checkVisibility()).length + " findings, " + document.getElementById("shown").textContent + (document.getElementById("nothing").checkVisibility() ? ", nothing" : "")`)
}

func TestFilterShowsWhatMatches(t *testing.T) {
	p := openPage(t, "mixed", sized(1280, 900))
	for _, step := range []struct {
		do   func()
		want string
	}{
		{func() {}, "9 planes, 5 findings, 9 of 9 shown"},
		{func() { p.run(t, chromedp.Focus("[name=text]")); p.press(t, "PLATFORM", 1) }, "1 planes, 0 findings, 1 of 9 shown"},
		{func() { p.press(t, kb.Escape, 1) }, "9 planes, 5 findings, 9 of 9 shown"},
		{func() { p.press(t, "backup  failed", 1) }, "1 planes, 1 findings, 1 of 9 shown"},
		{func() { p.press(t, " no-such-thing", 1) }, "0 planes, 0 findings, 0 of 9 shown, nothing"},
		{func() { p.press(t, kb.Escape, 1) }, "9 planes, 5 findings, 9 of 9 shown"},
		{func() { p.press(t, kb.Tab, 4); p.press(t, " ", 1) }, "5 planes, 5 findings, 5 of 9 shown"},
		{func() { p.press(t, kb.Tab, 1, chromedp.KeyModifiers(kb.ModifierShift)); p.press(t, " ", 1) }, "4 planes, 4 findings, 4 of 9 shown"},
		// A link into what the filter hides shows everything again.
		{func() {
			eval[int](t, p, `document.getElementById("filter").querySelector("[value=fail]").click(), document.querySelector("nav a[href='#findings']").click(), location.hash = document.querySelector(".plane").id, 0`)
			waitFor(t, p, `(() => document.getElementById("shown").textContent)`, "9 of 9 shown")
		}, "9 planes, 5 findings, 9 of 9 shown"},
	} {
		step.do()
		if got := shownPlanes(t, p); got != step.want {
			t.Errorf("the page shows %s, not %s", got, step.want)
		}
	}
}

// printed returns the text and the number of pages of the PDF that the browser prints.
func printed(t *testing.T, p *tab) (text string, pages int) {
	t.Helper()
	pdfToText := needed(t, "install it (Debian: apt-get install poppler-utils)", "pdftotext")
	pdf, err := chromedp.Run(p, chromedp.PrintToPDF(chromedp.PDFPreferCSSPageSize(), chromedp.PDFPaper(chromedp.PaperSize{Width: 8.27, Height: 11.69})))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "page.pdf")
	if err := os.WriteFile(file, pdf, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), pdfToText, "-raw", file, "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out), strings.Count(string(out), "\f")
}

// TestPagePrints prints the page after its user has closed and filtered nothing, with and
// without a script, and after everything is closed. Every failure is in the print.
func TestPagePrints(t *testing.T) {
	for name, before := range map[string][]action{"script": nil, "no script": {withoutScripts()}} {
		t.Run(name, func(t *testing.T) {
			p := openPage(t, "mixed", before...)
			eval[int](t, p, `document.querySelectorAll("details").forEach((d) => d.open = false), 0`)
			wanted := eval[[]string](t, p, `[...document.querySelectorAll(".verdict, .finding > *, .finding li, .role p, .role li, .role td, .st, details[data-print] .checks > li, details[data-print] .links li, .plane > summary, #shared li")].map((e) => e.textContent)`)
			text, pages := printed(t, p)
			flat := withoutSpace(text)
			for _, line := range wanted {
				for word := range strings.FieldsSeq(line) {
					if !strings.Contains(flat, word) {
						t.Errorf("the print lacks %q of %q", word, line)
						break
					}
				}
			}
			if pages < 2 || pages > 10 {
				t.Errorf("the print has %d pages", pages)
			}
			t.Logf("%d pages", pages)
		})
	}
}

// TestPrintExpandsFailures checks the layout that the printer gets: what is open, what moves,
// and that nothing is wider than the paper.
func TestPrintExpandsFailures(t *testing.T) {
	p := openPage(t, "mixed", media("print", "dark"), sized(690, 1000), withoutScripts())
	got := eval[map[string]any](t, p, `(() => { document.querySelectorAll("details").forEach((d) => d.open = false);
		const seen = (e) => e.checkVisibility({contentVisibilityAuto: true}) && e.getBoundingClientRect().height > 0;
		return {failures: [...document.querySelectorAll("details[data-print] .checks li")].every(seen), policy: [...document.querySelectorAll(".role pre")].every(seen),
			healthy: [...document.querySelectorAll("details.plane:not([data-print]) .chain")].some(seen), filter: [...document.querySelectorAll("input, button, nav")].some(seen),
			sticky: getComputedStyle(document.querySelector(".bar-top")).position, paper: getComputedStyle(document.body).backgroundColor,
			breaks: getComputedStyle(document.querySelector(".plane > .chain")).breakInside, wide: document.documentElement.scrollWidth > innerWidth}; })()`)
	want := map[string]any{"failures": true, "policy": true, "healthy": false, "filter": false, "sticky": "static", "paper": "rgb(255, 255, 255)", "breaks": "avoid", "wide": false}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

// TestLargePage has 2,000 control planes of two components. The figures are only logged.
func TestLargePage(t *testing.T) {
	for name, want := range map[string]string{
		"large":  "2000 planes, 3 open, 3 failing; after the filter 1 planes, 0 findings, 1 of 2000 shown",
		"broken": "2000 planes, 0 open, 2000 failing; after the filter 1 planes, 0 findings, 1 of 2000 shown",
	} {
		t.Run(name, func(t *testing.T) {
			p := openPage(t, name, command(performance.Enable, performance.EnableParams{}), sized(1280, 900))
			counts := eval[string](t, p, `document.querySelectorAll(".plane").length + " planes, " + document.querySelectorAll(".plane[open]").length + " open, " + document.querySelectorAll('.plane[data-state="fail"]').length + " failing"`)
			loaded := eval[float64](t, p, `performance.getEntriesByType("navigation")[0].loadEventEnd`)
			filtered := eval[float64](t, p, `(() => { const text = document.querySelector("[name=text]"), start = performance.now(); text.value = "ctp-1234"; text.dispatchEvent(new Event("input", {bubbles: true})); document.body.offsetHeight; return performance.now() - start; })()`)
			if got := counts + "; after the filter " + shownPlanes(t, p); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
			again := eval[float64](t, p, `(() => { const text = document.querySelector("[name=text]"), start = performance.now(); text.value = ""; text.dispatchEvent(new Event("input", {bubbles: true})); document.body.offsetHeight; return performance.now() - start; })()`)
			scrolled := eval[float64](t, p, `(async () => { const start = performance.now(); for (let y = 0; y < 20; y++) { scrollTo(0, document.body.scrollHeight * y / 20); await new Promise(requestAnimationFrame); } return (performance.now() - start) / 20; })()`)
			elements := eval[int](t, p, `document.querySelectorAll("*").length`)
			info, err := os.Stat(pageFile(t, name))
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%.1f MB, %d elements, loaded in %.0f ms, first filter %.0f ms, next %.0f ms, a frame of scrolling %.0f ms, JavaScript heap %s MB",
				float64(info.Size())/1e6, elements, loaded, filtered, again, scrolled, heap(t, p))
			if name == "large" {
				text, pages := printed(t, p)
				if pages > 100 || !strings.Contains(withoutSpace(text), "ctp-1999") {
					t.Errorf("the print has %d pages, or lacks the last control plane", pages)
				}
				t.Logf("%d pages in print", pages)
			}
		})
	}
}

// heap returns the size of the JavaScript heap in megabytes.
func heap(t *testing.T, p *tab) string {
	t.Helper()
	var used float64
	p.run(t, chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		all, err := cdp.Call(ctx, target, performance.GetMetrics, cdp.Empty{})
		for _, m := range all.Metrics {
			if m.Name == "JSHeapUsedSize" {
				used = m.Value
			}
		}
		return err
	}))
	return strconv.FormatFloat(used/1e6, 'f', 1, 64)
}

// TestLinkOpensWhatIsClosed follows a link to the last of many closed control planes.
func TestLinkOpensWhatIsClosed(t *testing.T) {
	p := openPage(t, "large", sized(1280, 900))
	id := eval[string](t, p, `[...document.querySelectorAll(".plane:not([open]) .chain")].at(-1).id`)
	eval[int](t, p, `location.hash = "`+id+`", 0`)
	if got := waitFor(t, p, `(() => [document.activeElement.id, document.getElementById("`+id+`").closest("details").open, document.getElementById("`+id+`").getBoundingClientRect().top < innerHeight].join(" "))`, id+" true true"); got != id+" true true" {
		t.Errorf("the link leads to %s", got)
	}
}
