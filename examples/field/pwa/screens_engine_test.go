package pwa_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/hybridapps/tandem/tandemtest"
)

// TestScreensOnTheEngine is a visit as a person sees it with everything in place: sign-in by
// the button, a day without network, the queue, and all of it sent when there is network.
func TestScreensOnTheEngine(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	day := time.Now()
	w.set(func() {
		for i, v := range []string{"a", "b", "c"} {
			w.visits[v]["day"], w.visits[v]["start"] = day.Format(time.DateOnly), day.UTC().Format(time.RFC3339)
			w.visits[v]["customer"] = obj{"id": v, "name": fmt.Sprintf("Customer %d", i+1)}
		}
	})
	p := w.phone()
	d := &display{t, p.ctx, w.url}
	d.screen(412, 915, "light")
	p.do(call(network.ClearBrowserCookies, struct{}{}), chromedp.Navigate(w.url))
	d.until("document.querySelector('.welcome')")
	d.ask("document.querySelector('.acts .primary').click()")
	p.do(chromedp.WaitVisible(chromedp.CSS("#login")), chromedp.SendKeys(chromedp.CSS("#login"), "tom"),
		chromedp.SendKeys(chromedp.CSS("#password"), tandemtest.Password), chromedp.Submit(chromedp.CSS("#password")))
	d.until("document.querySelectorAll('.line li').length === 3")
	d.until("document.querySelector('.asof').textContent.startsWith('As of')") // the catalogue is there, too
	d.keep("engine today")

	p.airplane()
	d.press("Customer 2")
	d.until("document.querySelector('.banner')?.textContent === 'No network. You can go on working.'")
	d.press("Start the visit")
	d.until("document.querySelector('.chip.Working')")
	d.press("Services")
	d.press("Inspection")
	d.press("Add")
	d.press("Materials")
	d.until("location.hash.endsWith('/materials')")
	d.press("Rope")
	d.press("One more")
	d.press("Add")
	d.until("document.querySelector('.rows .amount')?.textContent === '2 m'")
	d.press("Back to")
	d.press("Photos")
	file := filepath.Join(t.TempDir(), "IMG_1.png")
	if err := os.WriteFile(file, onePixel, 0o600); err != nil {
		t.Fatal(err)
	}
	p.do(chromedp.SetUploadFiles(chromedp.CSS("input[capture]"), []string{file}))
	d.until("document.querySelector('.photos img')?.naturalWidth === 1")
	d.press("Back to")
	d.press("Signature")
	d.draw(".pad")
	p.do(chromedp.SendKeys(chromedp.CSS("#receiver"), "F. Hofer"))
	d.press("Save the signature")
	d.until("document.querySelector('#title').textContent === 'Customer 2'")
	d.press("Finish the visit")
	d.press("Finish")
	d.until("document.querySelector('.chip.Done')")
	p.do(reload()) // the app starts without network, and nothing is gone
	d.until("document.querySelector('.chip.Done')")
	d.press("Queue")
	d.until("document.querySelector('.lead h2')?.textContent === '7 items wait'")
	if sum := d.ask("document.querySelector('.lead p').textContent"); !strings.HasPrefix(sum, "5 commands, 2 photos, ") {
		t.Errorf("the queue says %q", sum)
	}
	d.keep("engine queue")
	d.press("Device")
	d.press("Sign out")
	d.until("document.querySelector('dialog')?.textContent.includes('7 items have not been sent yet.')")
	d.press("Cancel")
	d.press("Queue")

	p.land()
	d.press("Send now")
	d.until("document.querySelector('.lead h2')?.textContent === 'Everything is sent'")
	d.keep("engine sent")
	w.set(func() {
		var types []string
		for _, c := range w.done {
			types = append(types, c.Type)
		}
		if got := strings.Join(types, " "); !strings.HasSuffix(got, "finish") || !strings.HasPrefix(got, "visit.start service.add material.add") || len(types) != 7 {
			t.Errorf("the server did %s", got)
		}
	})
	if broken := d.ask("(window.violations || []).join()"); broken != "" {
		t.Error(broken)
	}
	d.press("Device")
	d.press("Sign out")
	d.until("document.querySelector('.welcome')")
}
