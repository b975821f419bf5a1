package pwa_test

import (
	"strings"
	"testing"
)

// TestScreensOfTheOffice: who is of the office has a report made and saves it; nobody else
// is shown that there are any.
func TestScreensOfTheOffice(t *testing.T) {
	t.Parallel()
	p := newDisplay(t)
	p.screen(360, 740, "light")
	p.open("device", "en", "")
	if p.ask("document.body.textContent.includes('Run report now')") != "false" {
		t.Error("a technician is offered reports")
	}
	for lang, word := range map[string]string{"en": "Run report now", "de": "Bericht jetzt erstellen", "bg": "Отчет сега"} {
		p.open("", lang, "reports: [{day: '2026-11-28', made_at: '2026-11-28T18:00:00Z', visits: 1, done: 1, refused: 0}]")
		p.ask("(location.hash = '#/device', 0)")
		p.until("document.body.textContent.includes('" + word + "')")
		p.press(word)
		p.until("document.querySelectorAll('.saves').length === 2")
		p.settle()
		p.ask("document.querySelector('.saves').scrollIntoView({block: 'center'})")
		p.keep("reports-" + lang)
		if wide := p.ask("document.documentElement.scrollWidth > innerWidth"); wide == "true" {
			t.Errorf("%s: the screen is wider than the phone", lang)
		}
	}
	p.press("PDF: ")
	if got := p.ask("JSON.stringify(sample.state.deeds.at(-1))"); !strings.Contains(got, "reports/2026-11-29.pdf") {
		t.Errorf("saved by %s", got)
	}
	if broken := p.ask("(window.violations || []).join()"); broken != "" {
		t.Errorf("saving breaks the policy: %s", broken)
	}
}
