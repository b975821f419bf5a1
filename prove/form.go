package prove

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// filled is a form as it is sent.
type filled struct {
	action   string
	values   url.Values
	password bool   // it asks for one
	words    string // what the page says, for the case that it comes again
}

// place tells forms apart by where they are sent, without what changes each time.
func (f *filled) place() string {
	place, _, _ := strings.Cut(f.action, "?")
	return place
}

var (
	// loginName is how fields for a login are called, and yes and no what buttons say
	// that go on and that do not.
	loginName = regexp.MustCompile(`(?i)login|user|mail|ident|account|uid`)
	yes       = regexp.MustCompile(`(?i)sign.?in|log.?in|sign.?out|log.?out|continue|allow|grant|accept|agree|approve|authori[sz]e|confirm|next|submit|yes|\bok\b|weiter|anmelden`)
	no        = regexp.MustCompile(`(?i)deny|cancel|register|sign.?up|reject|decline|abort|forgot|reset|\bno\b|\bnot\b|abbrechen|back`)
	// alerts are where pages put what went wrong.
	alerts = regexp.MustCompile(`(?i)error|alert|problem|invalid|feedback|warning`)
)

// fill finds what to send on a page. Done says that there is nothing to do on it, which
// is an error while somebody signs in.
func (f *forms) fill(a *answer, leaving, fill bool) (*filled, bool, error) {
	page := readPage(a.body)
	var sent *filled
	if len(f.r.config.Steps) > 0 {
		sent = page.step(f.r.config.Steps, f.page, f.who)
	}
	if sent == nil {
		sent = page.choose(f.page, f.who, leaving)
	}
	if fill && sent != nil {
		if to, err := url.Parse(sent.action); err != nil || to.Scheme != "http" && to.Scheme != "https" {
			return nil, true, errors.New("the form of the sign-in page is sent to an address that is none")
		}
		return sent, false, nil
	}
	switch {
	case leaving:
		return nil, true, nil
	case a.status >= http.StatusBadRequest:
		return nil, true, fmt.Errorf("the sign-in page answered %d: %s", a.status, f.r.secrets.Show(page.words()))
	case page.script():
		return nil, true, errors.New("the sign-in page needs script; use --by-hand with a loopback redirect URI")
	}
	return nil, true, fmt.Errorf("the page has no form that signs in: %s", f.r.secrets.Show(page.words()))
}

// page is a page that was read.
type page struct{ root *html.Node }

func readPage(body []byte) page {
	root, err := html.Parse(bytes.NewReader(body))
	if err != nil {
		root = &html.Node{Type: html.DocumentNode}
	}
	return page{root}
}

// choose picks a form and fills it: the first with a password; else the first with a
// field for a login, name first; else, in a consent or a sign-out, the first with a
// button that reads like yes.
func (p page) choose(at *url.URL, who Person, leaving bool) *filled {
	var byLogin, byYes, alone *html.Node
	for _, form := range p.all(p.root, "form") {
		if !strings.EqualFold(attr(form, "method"), "post") {
			continue
		}
		fields, buttons := p.all(form, "input"), p.buttons(form)
		switch {
		case slices.ContainsFunc(fields, isPassword):
			if leaving {
				continue
			}
			return p.fillIn(form, at, who)
		case byLogin == nil && p.loginField(fields) != nil:
			byLogin = form
		case byYes == nil && len(buttons) > 0 && pressed(buttons) != nil:
			byYes = form
		case alone == nil && len(buttons) == 0:
			alone = form // that a script would send
		}
	}
	for _, form := range []*html.Node{byLogin, byYes, alone} {
		if form != nil && (form != byLogin || !leaving) {
			return p.fillIn(form, at, who)
		}
	}
	return nil
}

// fillIn fills a form and presses its button.
func (p page) fillIn(form *html.Node, at *url.URL, who Person) *filled {
	f := &filled{values: url.Values{}, words: p.words()}
	fields := p.all(form, "input")
	login := p.loginField(fields)
	for _, n := range fields {
		name := attr(n, "name")
		switch kind := strings.ToLower(attr(n, "type")); {
		case name == "" || has(n, "disabled"):
		case kind == "password":
			f.password = true
			if attr(n, "autocomplete") != "new-password" {
				f.values.Add(name, who.Password)
			}
		case n == login:
			f.values.Add(name, who.Login)
		case kind == "checkbox" || kind == "radio":
			p.tick(f.values, n, kind)
		case kind == "submit" || kind == "button" || kind == "image" || kind == "reset" || kind == "file":
		default:
			f.values.Add(name, attr(n, "value"))
		}
	}
	p.rest(f.values, form)
	action := attr(form, "action")
	if b := pressed(p.buttons(form)); b != nil {
		if name := attr(b, "name"); name != "" {
			f.values.Add(name, attr(b, "value"))
		}
		if own := attr(b, "formaction"); own != "" {
			action = own
		}
	}
	f.action = p.resolve(at, action)
	return f
}

// tick keeps what is ticked, and ticks what a consent needs; not what remembers a
// device.
func (p page) tick(values url.Values, n *html.Node, kind string) {
	name, value := attr(n, "name"), attr(n, "value")
	if value == "" {
		value = "on"
	}
	consent := kind == "checkbox" && (has(n, "required") || consents.MatchString(name+" "+attr(n, "id")))
	if has(n, "checked") || consent || kind == "radio" && has(n, "required") && !values.Has(name) {
		values.Add(name, value)
	}
}

var consents = regexp.MustCompile(`(?i)consent|scope|grant|agree|accept|terms|allow`)

// rest are fields that are no input.
func (p page) rest(values url.Values, form *html.Node) {
	for _, n := range p.all(form, "textarea") {
		if name := attr(n, "name"); name != "" {
			values.Add(name, text(n))
		}
	}
	for _, n := range p.all(form, "select") {
		options := p.all(n, "option")
		if name := attr(n, "name"); name != "" && len(options) > 0 {
			chosen := options[0]
			if i := slices.IndexFunc(options, func(o *html.Node) bool { return has(o, "selected") }); i >= 0 {
				chosen = options[i]
			}
			values.Add(name, attr(chosen, "value"))
		}
	}
}

// loginField is the field for the login: the one that says so by autocomplete, else by
// its name, else the only one for text beside a password.
func (p page) loginField(fields []*html.Node) *html.Node {
	var texts []*html.Node
	hidden := false
	for _, n := range fields {
		switch strings.ToLower(attr(n, "type")) {
		case "", "text", "email", "tel":
			texts = append(texts, n)
		case "password":
			hidden = true
		}
	}
	for _, fits := range []func(*html.Node) bool{
		func(n *html.Node) bool {
			words := strings.Fields(attr(n, "autocomplete"))
			return slices.Contains(words, "username") || slices.Contains(words, "email")
		},
		func(n *html.Node) bool { return loginName.MatchString(attr(n, "name")) },
		func(n *html.Node) bool { return loginName.MatchString(attr(n, "id")) },
	} {
		if i := slices.IndexFunc(texts, fits); i >= 0 {
			return texts[i]
		}
	}
	if hidden && len(texts) == 1 {
		return texts[0]
	}
	return nil
}

// buttons are those of a form that send it.
func (p page) buttons(form *html.Node) (found []*html.Node) {
	for n := range form.Descendants() {
		if n.Type != html.ElementNode || has(n, "disabled") {
			continue
		}
		kind := strings.ToLower(attr(n, "type"))
		if n.Data == "button" && (kind == "" || kind == "submit") || n.Data == "input" && (kind == "submit" || kind == "image") {
			found = append(found, n)
		}
	}
	return found
}

// pressed is the first button that reads like yes and not like no, else the first that
// does not read like no.
func pressed(buttons []*html.Node) *html.Node {
	label := func(n *html.Node) string {
		if words := strings.TrimSpace(text(n)); words != "" {
			return words
		}
		return attr(n, "value") + " " + attr(n, "name") + " " + attr(n, "aria-label")
	}
	neutral := (*html.Node)(nil)
	for _, b := range buttons {
		words := label(b)
		switch {
		case no.MatchString(words):
		case yes.MatchString(words):
			return b
		case neutral == nil:
			neutral = b
		}
	}
	return neutral
}

// resolve is an address of the page, by its base.
func (p page) resolve(at *url.URL, address string) string {
	base := at
	if bases := p.all(p.root, "base"); len(bases) > 0 {
		if b, err := at.Parse(attr(bases[0], "href")); err == nil {
			base = b
		}
	}
	to := base
	if address != "" {
		var err error
		if to, err = base.Parse(address); err != nil {
			return ""
		}
	} else {
		to = at
	}
	return to.String()
}

// words are what the page says: what it marks as wrong, else its beginning.
func (p page) words() string {
	for n := range p.root.Descendants() {
		if n.Type == html.ElementNode && n.Data != "body" && n.Data != "html" && (attr(n, "role") == "alert" || alerts.MatchString(attr(n, "class")+" "+attr(n, "id"))) {
			if words := strings.TrimSpace(text(n)); words != "" {
				return words
			}
		}
	}
	words := strings.Join(strings.Fields(text(p.root)), " ")
	return strings.ToValidUTF8(words[:min(len(words), 200)], "")
}

// script says that there is no form, and a script that may make one.
func (p page) script() bool {
	return len(p.all(p.root, "script")) > 0 && len(p.all(p.root, "form")) == 0
}

// all are the elements below a node.
func (p page) all(below *html.Node, name string) (found []*html.Node) {
	for n := range below.Descendants() {
		if n.Type == html.ElementNode && n.Data == name {
			found = append(found, n)
		}
	}
	return found
}

func isPassword(n *html.Node) bool { return strings.EqualFold(attr(n, "type"), "password") }

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, name string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
}

// text is what of a node can be read.
func text(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode && d.Parent != nil && d.Parent.Data != "script" && d.Parent.Data != "style" {
			b.WriteString(d.Data)
			b.WriteByte(' ')
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}
