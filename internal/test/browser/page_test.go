package browser

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chromedp/chromedp"
)

// pageNames are the pages that TestPages of internal/verify writes.
var pageNames = []string{"mixed", "healthy", "hostile", "empty", "large", "broken"}

func TestPageMakesNoRequestAndNoError(t *testing.T) {
	for _, name := range pageNames {
		t.Run(name, func(t *testing.T) {
			p := openPage(t, name)
			openAll(t, p)
			eval[int](t, p, `new Promise((done) => requestAnimationFrame(() => done(0)))`)
			p.mu.Lock()
			defer p.mu.Unlock()
			if want := []string{"file://" + pageFile(t, name)}; !slices.Equal(p.requests, want) {
				t.Errorf("the page requests %q", p.requests)
			}
			if len(p.messages) > 0 {
				t.Errorf("the console shows %q", p.messages)
			}
		})
	}
}

// TestPolicyOfThePageForbidsRequests adds elements to the page that would make requests, as
// text could that is not escaped.
func TestPolicyOfThePageForbidsRequests(t *testing.T) {
	var hits atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	t.Cleanup(server.Close)
	p := openPage(t, "mixed")
	ran := eval[bool](t, p, strings.ReplaceAll(`(async () => {
		document.body.insertAdjacentHTML("beforeend", '<img src="URL/i" onerror="window.ran=1"><iframe src="URL/f"></iframe><link rel=stylesheet href="URL/c"><form action="URL/p" method=post><button id=send></button></form><p style="background:url(URL/b)">');
		const script = document.createElement("script"); script.src = "URL/s"; document.body.append(script);
		const inline = document.createElement("script"); inline.textContent = "window.ran = 1"; document.body.append(inline);
		await fetch("URL/x").catch(() => 0);
		navigator.sendBeacon("URL/n");
		document.getElementById("send").click();
		await new Promise((done) => setTimeout(done, 300));
		return "ran" in window;
	})()`, "URL", server.URL))
	if hits.Load() > 0 || ran {
		t.Errorf("%d requests arrived; a script of somebody else ran: %t", hits.Load(), ran)
	}
}

// TestNamesAndTextsStayText has names, texts and policies that try to become markup.
func TestNamesAndTextsStayText(t *testing.T) {
	p := openPage(t, "hostile")
	counts := eval[map[string]int](t, p, `({scripts: document.scripts.length, images: document.images.length, handlers: document.querySelectorAll("[onerror],[onclick],[style]").length,
		hidden: (document.documentElement.innerHTML.match(/[\u0000\u200b\u202a-\u202e\u2066-\u2069]/g) || []).length, ids: document.querySelectorAll("[id]").length - new Set([...document.querySelectorAll("[id]")].map((e) => e.id)).size,
		broken: [...document.querySelectorAll("a")].filter((a) => !document.getElementById(a.getAttribute("href").slice(1))).length})`)
	if want := map[string]int{"scripts": 1, "images": 0, "handlers": 0, "hidden": 0, "ids": 0, "broken": 0}; fmt.Sprint(counts) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", counts, want)
	}
	text := eval[string](t, p, `document.body.textContent`)
	for _, want := range []string{"<script>alert(1)</script>", `\u202egnp.exe`, strings.Repeat("very-long-name-", 200)} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not show %q", want)
		}
	}
}

// TestEveryLinkHasATarget also checks the way back from a control plane to its findings.
func TestEveryLinkHasATarget(t *testing.T) {
	p := openPage(t, "mixed")
	broken := eval[[]string](t, p, `[...document.querySelectorAll("a")].map((a) => a.getAttribute("href")).filter((h) => !document.getElementById(h.slice(1)))`)
	if len(broken) > 0 {
		t.Errorf("links without a target: %q", broken)
	}
	lost := eval[[]string](t, p, `[...document.querySelectorAll(".finding")].flatMap((f) => [...f.querySelectorAll(".places a")].filter((a) => !document.querySelector(CSS.escape ? "#" + CSS.escape(a.hash.slice(1)) + ' a[href="#' + f.id + '"]' : "x")).map((a) => f.id + a.hash))`)
	if len(lost) > 0 {
		t.Errorf("a control plane does not refer to its finding: %q", lost)
	}
}

// axeResult is a part of what axe-core finds.
type axeResult struct {
	ID    string `json:"id"`
	Help  string `json:"help"`
	Nodes []struct {
		HTML    string `json:"html"`
		Summary string `json:"failureSummary"`
	} `json:"nodes"`
}

type axeResults struct {
	Violations []axeResult `json:"violations"`
	Incomplete []axeResult `json:"incomplete"`
}

// TestPageIsAccessible runs axe-core: WCAG 2.2 A and AA, and its best practices. What it could
// not decide, such as a contrast, is a finding too. The window is as high as the page, because
// axe-core looks only at what is in it.
func TestPageIsAccessible(t *testing.T) {
	axe := readFile(t, "node_modules/axe-core/axe.min.js")
	for _, name := range []string{"mixed", "healthy", "empty", "hostile"} {
		for _, scheme := range []string{"light", "dark"} {
			for _, width := range []int64{1280, 360} {
				t.Run(fmt.Sprintf("%s/%s/%d", name, scheme, width), func(t *testing.T) {
					p := openPage(t, name, media("screen", scheme), sized(width, 60000))
					openAll(t, p)
					p.run(t, chromedp.Evaluate[chromedp.Void](axe))
					found := eval[axeResults](t, p,
						`axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}).then((r) => ({violations: r.violations, incomplete: r.incomplete}))`)
					for _, r := range append(found.Violations, found.Incomplete...) {
						t.Errorf("%s: %s, %d times, such as %.300s\n%.400s", r.ID, r.Help, len(r.Nodes), r.Nodes[0].HTML, r.Nodes[0].Summary)
					}
				})
			}
		}
	}
}

// TestPageIsValidHTML runs html-validate with its recommended rules.
func TestPageIsValidHTML(t *testing.T) {
	node := needed(t, "install Node.js", "node")
	for _, name := range []string{"mixed", "healthy", "empty", "hostile"} {
		t.Run(name, func(t *testing.T) {
			said, err := exec.CommandContext(t.Context(), node, "validate.mjs", pageFile(t, name)).CombinedOutput()
			if err != nil {
				t.Fatalf("%v: %s", err, said)
			}
			var messages []struct {
				RuleID, Message string
				Line, Column    int
			}
			if err := json.Unmarshal(said, &messages); err != nil {
				t.Fatalf("%v: %s", err, said)
			}
			for _, m := range messages {
				t.Errorf("%d:%d: %s: %s", m.Line, m.Column, m.RuleID, m.Message)
			}
		})
	}
}

// TestPageFitsIntoEveryWidth opens everything and looks for parts that are wider than the
// page. Tables may scroll on their own.
func TestPageFitsIntoEveryWidth(t *testing.T) {
	for _, name := range []string{"mixed", "hostile", "empty"} {
		for _, width := range []int64{320, 360, 768, 1280, 2560} {
			t.Run(fmt.Sprintf("%s/%d", name, width), func(t *testing.T) {
				p := openPage(t, name, sized(width, 900))
				openAll(t, p)
				wide := eval[[]string](t, p, `[...document.querySelectorAll("body *")].filter((e) => !e.closest(".scroll, .skip") && e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.outerHTML.slice(0, 120))`)
				if got := eval[int64](t, p, `document.documentElement.scrollWidth`); got > width || len(wide) > 0 {
					t.Errorf("the page is %d pixels wide; too wide are %q", got, wide)
				}
			})
		}
	}
}

// TestPageNeedsNoScript shows the page without JavaScript. The filter is hidden, and
// everything else is there.
func TestPageNeedsNoScript(t *testing.T) {
	with, without := openPage(t, "mixed"), openPage(t, "mixed", withoutScripts())
	const text = `document.querySelector("main").textContent`
	if a, b := eval[string](t, with, text), eval[string](t, without, text); a != b {
		t.Error("the text differs without a script")
	}
	if got := eval[[]string](t, without, `[...document.querySelectorAll("input, button")].filter((e) => e.checkVisibility()).map((e) => e.outerHTML)`); len(got) > 0 {
		t.Errorf("without a script these do nothing: %q", got)
	}
	// A link opens what is closed, because its target is inside.
	link := eval[string](t, without, `[...document.querySelectorAll(".chain")].filter((c) => c.closest("details:not([open])")).map((c) => c.id)[0]`)
	without.run(t, chromedp.Navigate("file://"+pageFile(t, "mixed")+"#"+link))
	if !eval[bool](t, without, `document.getElementById("`+link+`").closest("details").open`) {
		t.Errorf("the link to %s does not open its control plane", link)
	}
}
