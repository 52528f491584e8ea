package browser

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	messages "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// The variables that choose the browser, and that make a missing program a failure.
const (
	browserVariable = "SPACES_IDENTITY_BROWSER"
	ciVariable      = "SPACES_IDENTITY_CI"
)

// browsers are the names of the programs to look for: that of Debian without a display first.
var browsers = []string{"chromium-headless-shell", "chromium", "google-chrome", "chrome"}

const repository = "../../.."

// needed returns the path of a program. Without it the test is skipped, and fails in CI.
func needed(t *testing.T, hint string, names ...string) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil && name != "" {
			return path
		}
	}
	if os.Getenv(ciVariable) != "" {
		t.Fatalf("there is no %s: %s", strings.TrimPrefix(strings.Join(names, " or "), " or "), hint)
	}
	t.Skipf("there is no %s: %s", strings.TrimPrefix(strings.Join(names, " or "), " or "), hint)
	return ""
}

// pagesOf writes the pages once, as the program writes them, and returns their directory.
var pagesOf = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "pages")
	if err != nil {
		return "", err
	}
	cmd := exec.Command("go", "test", "-count=1", "-run", "^TestPages$", "./internal/verify")
	cmd.Dir, cmd.Env = repository, append(os.Environ(), "SPACES_IDENTITY_PAGES="+dir)
	if said, err := cmd.CombinedOutput(); err != nil {
		return dir, fmt.Errorf("%w: %s", err, said)
	}
	return dir, nil
})

// browserOf starts the browser once. It makes no requests of its own.
var browserOf = sync.OnceValues(func() (context.Context, context.CancelFunc) {
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(browserPath), chromedp.NoSandbox)
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(allocator)
	return ctx, func() { cancel(); stop() }
})

var browserPath string

func TestMain(m *testing.M) {
	status := m.Run()
	if browserPath != "" {
		_, stop := browserOf()
		stop()
		if dir, err := pagesOf(); err == nil {
			_ = os.RemoveAll(dir)
		}
	}
	os.Exit(status)
}

// pageFile returns the path of a page.
func pageFile(t *testing.T, name string) string {
	t.Helper()
	dir, err := pagesOf()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, name+".html")
}

// tab is a page in the browser, and what it did.
type tab struct {
	context.Context
	mu       sync.Mutex
	requests []string
	messages []string // console messages, exceptions, and violations of the policy
}

// action is a step that returns no value.
type action = chromedp.Action[chromedp.Void]

// command returns a command of the protocol as an action.
func command[P, R any](cmd cdp.Command[P, R], params P) action {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, cmd, params)
		return err
	})
}

// openPage opens a page in a tab of its own, after some actions.
func openPage(t *testing.T, name string, before ...action) *tab {
	t.Helper()
	browserPath = needed(t, "install it (Debian: apt-get install chromium-headless-shell), or name it in "+browserVariable, append([]string{os.Getenv(browserVariable)}, browsers...)...)
	browser, _ := browserOf()
	if err := chromedp.Do(browser); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := chromedp.NewContext(browser)
	t.Cleanup(cancel)
	limited, stop := context.WithTimeout(ctx, 3*time.Minute)
	t.Cleanup(stop)
	p := &tab{Context: ctx}
	if err := chromedp.Listen(ctx, p.record); err != nil {
		t.Fatal(err)
	}
	p.Context = limited
	p.run(t, command(network.Enable, network.EnableParams{}), command(messages.Enable, cdp.Empty{}), command(runtime.Enable, cdp.Empty{}), command(page.Enable, page.EnableParams{}))
	p.run(t, before...)
	p.run(t, chromedp.Navigate("file://"+pageFile(t, name)))
	return p
}

// record keeps requests and everything that a console would show.
func (p *tab) record(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		p.requests = append(p.requests, e.Request.URL)
	case *messages.EventEntryAdded:
		p.messages = append(p.messages, e.Entry.Text)
	case *runtime.EventConsoleAPICalled:
		p.messages = append(p.messages, fmt.Sprint(e.Type, e.Args))
	case *runtime.EventExceptionThrown:
		p.messages = append(p.messages, e.ExceptionDetails.Text)
	case *page.EventJavascriptDialogOpening:
		p.messages = append(p.messages, "dialog: "+e.Message)
	}
}

func (p *tab) run(t *testing.T, actions ...action) {
	t.Helper()
	if err := chromedp.Do(p, actions...); err != nil {
		t.Fatal(err)
	}
}

// eval returns the value of a JavaScript expression, which may be a promise.
func eval[T any](t *testing.T, p *tab, expression string) T {
	t.Helper()
	value, err := chromedp.Run(p, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// media emulates a medium and a colour scheme.
func media(medium, scheme string) action {
	return command(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: medium, Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
}

// sized emulates a window.
func sized(width, height int64) action {
	return command(emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: height, DeviceScaleFactor: 1, Mobile: width < 500})
}

// withoutScripts turns the scripts of the page off.
func withoutScripts() action {
	return command(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
}

// openAll opens everything that can be closed.
func openAll(t *testing.T, p *tab) {
	t.Helper()
	eval[int](t, p, `document.querySelectorAll("details").forEach((d) => d.open = true), 0`)
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// withoutSpace returns a text without white space, as line breaks differ between media.
func withoutSpace(text string) string { return strings.Join(strings.Fields(text), "") }
