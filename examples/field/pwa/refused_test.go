package pwa_test

import (
	"strconv"
	"strings"
	"testing"
)

// refusedItems are what the queue has of refusals: with a reason that has arguments, of the
// ERP's own, of one that this app does not know, of the phone's own, and why files wait.
const refusedItems = `items: [
	['material.add', { product: 'p1', quantity: '2000' }, { reason: 'quantity_out_of_range', args: { most: 1000.5 }, message: 'the quantity must be above 0 and at most 1000.5' }],
	['visit.start', {}, { reason: 'wrong_day', args: { visit: 'SA-00145', day: '2026-11-27' }, message: 'visit SA-00145 is of 2026-11-27' }],
	['note', { text: 'x' }, { reason: 'erp_rule', message: 'Notes must not have "x".' }],
	['finish', {}, { reason: 'of_tomorrow', message: 'in words of a later version' }],
	['file.attach', { purpose: 'photo', name: 'photo-2.jpg' }, { error: 'unreadable', message: 'the file cannot be read' }],
	['file.attach', { purpose: 'photo', name: 'photo-1.jpg' }, { error: 'lost', message: 'the file is not on the phone any more' }],
].map(([type, body, error], i) => ({ id: 'r' + i, type, visit: 'v2', body, state: 'refused', error: { error: 'refused', ...error }, office: null, bytes: 0, sent: 0, at: new Date().toISOString() })),
lastError: { word: 'files', said: { error: 'too_many', reason: 'files_day_megabytes', args: { most: 200 }, message: 'You have sent 200 MB today' } }`

// Why something was refused is said in the person's language, with numbers and days as it
// writes them; what the phone has no words for is said as it came.
func TestScreensSayWhyInThePersonsLanguage(t *testing.T) {
	t.Parallel()
	p := newDisplay(t)
	for lang, want := range map[string][]string{
		"en": {"The quantity must be above 0 and at most 1,000.5.", "Visit SA-00145 is of Friday, November 27: it can be worked on", "The office’s system refuses it: Notes must not have \"x\".",
			"in words of a later version", "This phone cannot read the file: try again", "The file is not whole on this phone any more: take it once more.", "200 MB were sent today"},
		"de": {"Die Menge muss über 0 und höchstens 1.000,5 sein.", "Einsatz SA-00145 ist für Freitag, 27. November: Man kann daran", "Das System des Büros lehnt es ab: Notes must not have \"x\".",
			"in words of a later version", "Dieses Telefon kann die Datei nicht lesen: bitte noch einmal", "Die Datei ist auf diesem Telefon nicht mehr heil: bitte noch einmal aufnehmen.", "Heute sind 200 MB gesendet"},
		"bg": {"Количеството трябва да е над 0 и най-много 1000,5.", "Посещение SA-00145 е за петък, 27 ноември: по него се работи", "Системата на офиса отказва: Notes must not have \"x\".",
			"in words of a later version", "Телефонът не може да прочете файла: опитайте", "Файлът вече не е цял на този телефон: снимайте го още веднъж.", "Днес са изпратени 200 MB"},
	} {
		for _, colours := range []string{"light", "dark"} {
			p.screen(360, 740, colours)
			p.open("queue", lang, refusedItems)
			p.until("document.querySelectorAll('.items .card').length === 6")
			said := []string{}
			for i := range 6 {
				said = append(said, p.ask("document.querySelectorAll('.items .card .why')["+strconv.Itoa(i)+"].textContent"))
			}
			said = append(said, p.ask("document.querySelector('.lead').textContent"))
			for i, text := range said {
				if plain := strings.ReplaceAll(text, "\u00a0", " "); !strings.Contains(plain, want[i]) {
					t.Errorf("%s: %q, want %q", lang, plain, want[i])
				}
			}
			if n := p.ask("document.querySelectorAll('.items .card:last-child button').length"); n != "1" {
				t.Errorf("%s: what is lost has %s buttons, and can only be put away", lang, n)
			}
			if n := p.ask("document.querySelectorAll('.items .card:nth-last-child(2) button').length"); n != "2" {
				t.Errorf("%s: what cannot be read has %s buttons, and can be tried again", lang, n)
			}
			p.keep("refused " + lang + " " + colours)
		}
	}
}
