package portal

import (
	"errors"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
)

// today is the day that it is at the company.
func (o *Portal) today() time.Time {
	now := o.Clock.Now().UTC()
	if o.Zone != nil {
		now = now.In(o.Zone)
	}
	return now
}

// oneLine is a text that a person typed, as one line: it becomes one of several.
func oneLine(what, text string, most int) (string, error) {
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
	if !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return unicode.Is(unicode.Cf, r) }) {
		return "", tandem.Errorf(tandem.CodeInvalid, "%s holds characters that are not seen; type it again", what)
	}
	if n := utf8.RuneCountInString(text); n > most {
		return "", tandem.Errorf(tandem.CodeInvalid, "%s has %d characters; at most %d are taken", what, n, most)
	}
	return text, nil
}

// status is that of an answer of the ERP; 0 where there was none.
func status(err error) int {
	var api *client.APIError
	if errors.As(err, &api) {
		return api.Status
	}
	return 0
}

// refused is an error of a write in words for the person: what a rule says is for them,
// what the application lacks is not.
func refused(err error) error {
	var api *client.APIError
	if !errors.As(err, &api) {
		return err
	}
	switch api.Status {
	case http.StatusUnprocessableEntity:
		return tandem.Errorf(tandem.CodeRule, "%s", api.Message)
	case http.StatusConflict, http.StatusPreconditionFailed:
		return tandem.Errorf(tandem.CodeConflict, "somebody else changed this at the same moment, so nothing was done; look at it and try again")
	}
	return err
}
