package prove

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"golang.org/x/net/html"
)

// Step says what to do on one page of a sign-in. When is the page's address, in which *
// stands for anything. Fill are the fields by their selectors: the words login and
// password mean those of the person, anything else is typed as it is. Press is the
// selector of the button. A selector is a name, #id, .class and [attribute=value], or
// several of them joined, as in input[name=otp].
type Step struct {
	When  string            `yaml:"when"`
	Fill  map[string]string `yaml:"fill"`
	Press string            `yaml:"press"`

	when  *regexp.Regexp
	fill  map[string]selector
	press selector
}

// maxSteps and maxStepsFile bound a file of steps.
const (
	maxSteps     = 50
	maxStepsFile = 64 << 10
)

// ReadSteps reads steps in YAML.
func ReadSteps(from io.Reader) ([]Step, error) {
	text, err := io.ReadAll(io.LimitReader(from, maxStepsFile+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxStepsFile {
		return nil, fmt.Errorf("the steps have more than %d bytes", maxStepsFile)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	var steps []Step
	if err := decoder.Decode(&steps); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, errors.New("there are no steps: write a list of - when: URL, fill: {SELECTOR: login}, press: SELECTOR")
		}
		return nil, fmt.Errorf("the steps cannot be read: %w", err)
	}
	if len(steps) == 0 || len(steps) > maxSteps {
		return nil, fmt.Errorf("there are %d steps: use 1 to %d", len(steps), maxSteps)
	}
	for i := range steps {
		if err := steps[i].parse(); err != nil {
			return nil, fmt.Errorf("step %d: %w", i+1, err)
		}
	}
	return steps, nil
}

func (s *Step) parse() (err error) {
	if s.When == "" {
		return errors.New("when is missing: the page's address, with * for anything")
	}
	parts := strings.Split(s.When, "*")
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	if s.when, err = regexp.Compile("^" + strings.Join(parts, ".*") + "$"); err != nil {
		return errors.New("when cannot be read")
	}
	if s.Press == "" {
		return errors.New("press is missing: the selector of the button")
	}
	if s.press, err = parseSelector(s.Press); err != nil {
		return fmt.Errorf("press: %w", err)
	}
	s.fill = map[string]selector{}
	for text := range s.Fill {
		if s.fill[text], err = parseSelector(text); err != nil {
			return fmt.Errorf("fill: %w", err)
		}
	}
	return nil
}

// step fills the page as the first step says whose address it has; nil where none has,
// or where the page has no such button.
func (p page) step(steps []Step, at *url.URL, who Person) *filled {
	i := slices.IndexFunc(steps, func(s Step) bool { return s.when != nil && s.when.MatchString(at.String()) })
	if i < 0 {
		return nil
	}
	s := &steps[i]
	button := s.press.find(p.root)
	if button == nil {
		return nil
	}
	form := button
	for form != nil && (form.Type != html.ElementNode || form.Data != "form") {
		form = form.Parent
	}
	if form == nil {
		return nil
	}
	f := p.fillIn(form, at, who)
	for _, other := range p.buttons(form) {
		f.values.Del(attr(other, "name"))
	}
	if name := attr(button, "name"); name != "" {
		f.values.Set(name, attr(button, "value"))
	}
	if own := attr(button, "formaction"); own != "" {
		f.action = p.resolve(at, own)
	}
	for text, field := range s.fill {
		n := field.find(form)
		if n == nil || attr(n, "name") == "" {
			continue
		}
		value := s.Fill[text]
		switch value {
		case "login":
			value = who.Login
		case "password":
			value, f.password = who.Password, true
		}
		f.values.Set(attr(n, "name"), value)
	}
	return f
}

// selector is a simple selector of CSS.
type selector struct {
	name, id string
	classes  []string
	attrs    [][2]string
}

var selectorPart = regexp.MustCompile(`^(?:([a-zA-Z][a-zA-Z0-9]*)|#([^\s.#\[\]]+)|\.([^\s.#\[\]]+)|\[([a-zA-Z_:-]+)=(?:"([^"]*)"|'([^']*)'|([^\]"']*))\])`)

func parseSelector(text string) (s selector, err error) {
	rest := text
	for first := true; rest != ""; first = false {
		m := selectorPart.FindStringSubmatch(rest)
		if m == nil || m[1] != "" && !first {
			return s, fmt.Errorf("%q is no selector that is understood: use name, #id, .class, [attribute=value], or these joined", text)
		}
		switch {
		case m[1] != "":
			s.name = strings.ToLower(m[1])
		case m[2] != "":
			s.id = m[2]
		case m[3] != "":
			s.classes = append(s.classes, m[3])
		default:
			s.attrs = append(s.attrs, [2]string{strings.ToLower(m[4]), m[5] + m[6] + m[7]})
		}
		rest = rest[len(m[0]):]
	}
	if text == "" {
		return s, errors.New("a selector is empty")
	}
	return s, nil
}

func (s selector) find(below *html.Node) *html.Node {
	for n := range below.Descendants() {
		if n.Type == html.ElementNode && s.fits(n) {
			return n
		}
	}
	return nil
}

func (s selector) fits(n *html.Node) bool {
	if s.name != "" && n.Data != s.name || s.id != "" && attr(n, "id") != s.id {
		return false
	}
	for _, class := range s.classes {
		if !slices.Contains(strings.Fields(attr(n, "class")), class) {
			return false
		}
	}
	for _, a := range s.attrs {
		if !has(n, a[0]) || attr(n, a[0]) != a[1] {
			return false
		}
	}
	return true
}
