package prove

import "net/url"

// FillPage fills the form of a page that would be chosen, for the fuzz test of what
// reads pages.
func FillPage(body []byte, at *url.URL, who Person, steps []Step, leaving bool) (action string, values url.Values, words string) {
	p := readPage(body)
	f := p.step(steps, at, who)
	if f == nil {
		f = p.choose(at, who, leaving)
	}
	if f == nil {
		return "", nil, p.words()
	}
	return f.action, f.values, f.words
}
