package console

import (
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/internal/wait"
)

var pictures = flag.String("pictures", "", "a folder that pictures of the pages are written to")

// browser is a person's own, with cookies of its own.
type browser struct {
	t   *testing.T
	ctx context.Context
	url string
}

// browse opens a browser of somebody who reads a language.
func browse(t *testing.T, chromium, url, language string) *browser {
	t.Helper()
	allocated, end := chromedp.NewExecAllocator(wait.Context(t), chromedp.ExecPath(chromium), chromedp.NoSandbox, chromedp.Headless,
		chromedp.Flag("no-proxy-server", true), chromedp.WindowSize(1000, 760), chromedp.UserDataDir(t.TempDir()), chromedp.WSURLReadTimeout(wait.Limit))
	t.Cleanup(end)
	ctx, cancel := chromedp.NewContext(allocated)
	t.Cleanup(cancel)
	require.NoError(t, chromedp.Do(ctx)) // the browser lives as long as this context
	b := &browser{t: t, ctx: ctx, url: url}
	b.do(func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, target, emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{UserAgent: "dpaflow test", AcceptLanguage: language})
		return chromedp.Void{}, err
	})
	return b
}

// limit bounds what a page may take.
const limit = wait.Limit

type step = chromedp.Action[chromedp.Void]

func (b *browser) do(steps ...step) {
	b.t.Helper()
	ask(b, chromedp.Steps(steps...))
}

// ask has the page evaluate an expression.
func ask[T any](b *browser, action chromedp.Action[T]) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, limit)
	defer cancel()
	value, err := chromedp.Run(ctx, action)
	if err != nil {
		page, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string](`document.body.innerText`))
		require.NoError(b.t, err, "the page says:\n%s", page)
	}
	return value
}

// until waits for something on the page, whichever page that is by then.
func (b *browser) until(expression string, arguments ...any) {
	b.t.Helper()
	call, err := json.Marshal(append([]any{}, arguments...))
	require.NoError(b.t, err)
	met := func() bool {
		ctx, cancel := context.WithTimeout(b.ctx, limit)
		defer cancel()
		value, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("!!document.body && document.readyState === 'complete' && ("+expression+")(..."+string(call)+")"))
		return err == nil && value // a page that is just left answers nothing
	}
	if !assert.Eventually(b.t, met, limit, 100*time.Millisecond) {
		require.Fail(b.t, "never came", "%s of %s; the page says:\n%s", expression, call, ask(b, chromedp.Evaluate[string]("document.body.innerText")))
	}
}

// withoutScripts has pages run none of their own.
func (b *browser) withoutScripts() {
	b.t.Helper()
	b.do(func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, target, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return chromedp.Void{}, err
	})
}

// fits holds where a page is no wider than a phone.
func (b *browser) fits() {
	b.t.Helper()
	b.do(chromedp.EmulateViewport(360, 740))
	b.until("() => document.documentElement.scrollWidth <= 360")
	b.do(chromedp.EmulateViewport(1000, 760))
}

// opens goes to a page of the console.
func (b *browser) opens(path string) {
	b.t.Helper()
	b.do(chromedp.Navigate(b.url + path))
	b.until("() => !!document.querySelector('main')")
}

// signsIn goes through the provider's page.
func (b *browser) signsIn(name string) {
	b.t.Helper()
	b.do(chromedp.Navigate(b.url + "/"))
	b.until("() => !!document.querySelector('#username')")
	b.types("username", name)
	b.types("password", password)
	ask(b, chromedp.Evaluate[bool]("document.querySelector('button[type=submit]').click(), true"))
	b.sees(name)
}

// types fills in an input.
func (b *browser) types(id, said string) {
	b.t.Helper()
	b.until("(id, said) => { const input = document.getElementById(id); input.value = said; return input.value === said }", id, said)
}

// presses presses the button, or follows the link, that says so, and waits for the page that follows.
func (b *browser) presses(said string) {
	b.t.Helper()
	b.until("said => { const found = [...document.querySelectorAll('button,a')].find(e => e.innerText.trim() === said); if (!found) return false;"+
		" document.body.dataset.old = 'yes'; found.click(); return true }", said)
	b.until("() => !document.body.dataset.old && !!document.querySelector('main')")
}

// sees waits until the page shows something, without a reload: where it is live, it comes by itself.
func (b *browser) sees(said string) {
	b.t.Helper()
	b.until("said => document.body.innerText.includes(said)", said)
}

// at is the address of the page.
func (b *browser) at() string {
	b.t.Helper()
	return ask(b, chromedp.Location())
}

// picture keeps what the page looks like, if somebody asks for that.
func (b *browser) picture(name string) {
	b.t.Helper()
	if *pictures == "" {
		return
	}
	data := ask(b, chromedp.CaptureScreenshot())
	require.NoError(b.t, os.WriteFile(filepath.Join(*pictures, name+".png"), data, 0o644))
}
