package prove

import (
	"cmp"
	"crypto/ed25519"
	_ "embed"
	"html/template"
	"io"
	"strings"
	"time"

	"github.com/hybridapps/tandem/assets/look"
)

// Page is a report as a page that stands alone: nothing is fetched, nothing runs. It
// is a view; what can be verified is the signed report.
type Page struct {
	Report *Report
	// Key signed the report, and Digest is the SHA-256 of the signed file in
	// hexadecimal; both are empty where it was not signed.
	Key    ed25519.PublicKey
	Digest string
	// File is the name of the signed file, report.json where it is empty.
	File string
}

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"colours": func() template.CSS { return template.CSS(look.Colours()) },
	"meaning": Meaning,
	"moment":  func(t time.Time) string { return t.UTC().Format("2 Jan 2006, 15:04:05 UTC") },
	"seconds": func(ms int64) string {
		return (time.Duration(ms) * time.Millisecond).Round(100 * time.Millisecond).String()
	},
	"class": func(v Verdict) string { return strings.ReplaceAll(string(v), " ", "-") },
}).Parse(pageText))

// WritePage writes the page.
func WritePage(w io.Writer, p Page) error {
	p.File = cmp.Or(p.File, "report.json")
	return pageTemplate.Execute(w, &p)
}

// Held, Failed and Untested are the three counts. There is no grade: one would invite
// to polish it.
func (p *Page) Held() int { return p.Report.Count(Holds) }

// Failed is how many invariants fail.
func (p *Page) Failed() int { return p.Report.Count(Fails) }

// Untested is how many were not tested.
func (p *Page) Untested() int { return p.Report.Count(NotTested) }

// KeyID names the key that signed.
func (p *Page) KeyID() string { return KeyID(p.Key) }

// PublicPEM is that key.
func (p *Page) PublicPEM() string { return string(PublicPEM(p.Key)) }

// Python are the lines that verify without this program.
func (p *Page) Python() string { return Python }

// Repeat is the command that tries the same again.
func (p *Page) Repeat() string {
	r := p.Report
	command := "tandem prove --issuer " + word(r.Target.Issuer) + " --application-uri " + word(r.Target.Application) +
		" --user-credential-file FILE --service-credential-file FILE --redirect URI"
	if r.Options.Data {
		command = "tandem prove --data DIR"
	} else if r.Target.ServiceApplication != "" {
		command += " --service-application-uri " + word(r.Target.ServiceApplication)
	}
	for _, flag := range []struct {
		name string
		set  bool
	}{{"--disturb", r.Options.Disturb}, {"--by-hand", r.Options.ByHand}, {"--sign-in-steps FILE", r.Options.Steps}} {
		if flag.set {
			command += " " + flag.name
		}
	}
	if len(r.Options.Only) > 0 {
		command += " --only " + word(strings.Join(r.Options.Only, ","))
	}
	return command + ` --challenge "A WORD OF YOURS"`
}

// word is a text as a shell takes it for one word.
func word(text string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:,@%+=", r)
	}
	if text != "" && strings.IndexFunc(text, func(r rune) bool { return !plain(r) }) < 0 {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
