package report

import (
	"bytes"
	_ "embed"
	"html/template"
	"time"

	"github.com/hybridapps/tandem/audit/findings"
)

//go:embed page.html
var pageText string

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"when": func(t time.Time) string { return t.UTC().Format("2 Jan 2006, 15:04 UTC") },
	"date": func(t time.Time) string { return t.UTC().Format("2 Jan 2006") },
}).Parse(pageText))

// pageData is what the page shows.
type pageData struct {
	*Report
	Groups   []group
	Accepted []Finding
	Counts   []count
	Rules    int
}

// group are the open findings of a severity.
type group struct {
	Severity string
	Findings []Finding
}

type count struct {
	Name  string
	Count int
}

// HTML is the report as one page that needs nothing else: no script, no font, no network.
func (r *Report) HTML() ([]byte, error) {
	data := pageData{Report: r, Rules: len(r.rules)}
	for _, s := range findings.Severities {
		g := group{Severity: s.String()}
		for i := range r.Findings {
			switch f := &r.Findings[i]; {
			case f.severity != s:
			case f.State == findings.Accepted:
				data.Accepted = append(data.Accepted, *f)
			default:
				g.Findings = append(g.Findings, *f)
			}
		}
		data.Counts = append(data.Counts, count{s.String(), len(g.Findings)})
		if len(g.Findings) > 0 {
			data.Groups = append(data.Groups, g)
		}
	}
	var out bytes.Buffer
	err := page.Execute(&out, data)
	return out.Bytes(), err
}
