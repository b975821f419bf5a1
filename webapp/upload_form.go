package webapp

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/internal/quota"
)

// Forms with fields and then one file. The fields are read before anything else, so that
// they can be kept for somebody who has to sign in again; the file is handed on as it comes.

// maxFields bounds the fields of such a form together, in bytes, and maxFieldCount
// their number.
const maxFields, maxFieldCount = 64 << 10, 20

// upload is a form of which the fields have been read: they are the request's PostForm.
type upload struct {
	body *uploadBody
	// file is where the file begins; nil where none was chosen.
	file io.Reader
	// room says that the file is one of those that may come at the same time.
	room bool
}

// strangersBody is how much is read after the fields from those whom nobody knows.
const strangersBody = 64 << 10

// withFile serves a form whose file is in the field of the name, with at most so many bytes.
// More than the fields is read only of people who are signed in, or were when the form was
// made for them: those are to see that what they typed is kept.
func (a *App) withFile(field string, most int64, h func(*visit, *upload) error) http.Handler {
	return a.users.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := &uploadBody{r: r.Body, left: most + maxFields, drainable: strangersBody}
		w = &afterBody{w, body}
		var who string
		if session := client.UserSessionOf(r.Context()); session != nil {
			who = session.Identity().UserID
		}
		u, err := readFields(r, body, field)
		if err == nil && who == "" {
			if token, ok := a.users.ReadFormToken(r.PostForm.Get(client.FormField)); ok {
				who = token.UserID
			}
		}
		if who != "" {
			if giveBack, outcome := a.uploads.Take(who); outcome == quota.Taken {
				defer giveBack()
				body.drainable = 3 * most
				if u != nil {
					u.room = true
				}
			}
		}
		if err != nil {
			a.problem(a.visitOf(w, r), err)
			return
		}
		a.long(externalOnly(func(v *visit) error {
			v.extend(fileWithin)
			return h(v, u)
		})).ServeHTTP(w, r)
	}))
}

// afterBody answers after what the browser sends has come: before, it would not show it.
type afterBody struct {
	http.ResponseWriter
	body *uploadBody
}

// WriteHeader implements http.ResponseWriter.
func (w *afterBody) WriteHeader(status int) {
	w.body.drain()
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *afterBody) Write(b []byte) (int, error) {
	w.body.drain()
	return w.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (w *afterBody) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// readFields reads a form up to its file.
func readFields(r *http.Request, body *uploadBody, field string) (*upload, error) {
	u := &upload{body: body}
	mediaType, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || mediaType != "multipart/form-data" || params["boundary"] == "" {
		return nil, tandem.Errorf(tandem.CodeInvalid, "Use the form of the page.")
	}
	fields, left := url.Values{}, int64(maxFields)
	parts := multipart.NewReader(body, params["boundary"])
	for count := 0; ; count++ {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, broken(body)
		}
		name := part.FormName()
		if name == field { // a browser sends it last, also when nothing was chosen
			if part.FileName() != "" {
				u.file = part
			}
			break
		}
		text, err := io.ReadAll(io.LimitReader(part, left+1))
		if err != nil {
			return nil, broken(body)
		}
		if left -= int64(len(text)); left < 0 || count >= maxFieldCount {
			return nil, tandem.Errorf(tandem.CodeTooLarge, "The form is too large.")
		}
		if err := errors.Join(checkText(string(text)), checkText(name)); err != nil {
			return nil, err
		}
		fields.Add(name, string(text))
	}
	r.PostForm, r.Form = fields, fields
	return u, nil
}

func broken(body *uploadBody) error {
	if body.exceeded.Load() {
		return tandem.Errorf(tandem.CodeTooLarge, "The form is too large.")
	}
	return tandem.Errorf(tandem.CodeInvalid, "The form did not come whole, so nothing was done. Send it again.")
}
