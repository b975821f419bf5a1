package profile

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/site"
	"github.com/hybridapps/tandem/site/picture"
	"github.com/hybridapps/tandem/site/words"
)

// Pictures keeps what people have uploaded of themselves.
type Pictures interface {
	// SetPicture keeps a picture as PNG in two sizes; nothing for both takes it away.
	SetPicture(ctx context.Context, userID string, small, large []byte, at time.Time) error
}

// maxUpload bounds the body of an upload, in bytes: the file and the form around it.
const maxUpload = picture.MaxBytes + 64<<10

// upload takes a picture. A form with a file does not wait for a new sign-in: its person
// sends it again.
func (s *Site) upload() http.Handler {
	return s.serve(func(v *visit) error {
		if err := s.crossSite.Check(v.r); err != nil {
			return &problem{http.StatusForbidden, words.T("This form was sent by another site, so nothing was done."), tandem.RuleCrossSite}
		}
		if v.who == nil {
			return s.People.SignIn(v.w, v.r, PathHome, false)
		}
		v.r.Body = http.MaxBytesReader(v.w, v.r.Body, maxUpload)
		if err := v.r.ParseMultipartForm(maxUpload); err != nil {
			var tooLarge *http.MaxBytesError
			if errors.As(err, &tooLarge) {
				return badPicture(picture.ErrTooLarge)
			}
			return &problem{http.StatusBadRequest, words.T("The form cannot be read."), tandem.RuleForm}
		}
		if _, ok := s.Forms.Read(v.r.PostFormValue("form"), v.who.SignInID, pathPicture); !ok {
			return &problem{http.StatusBadRequest, words.T("This form was open for too long, or belongs to another sign-in. Nothing was done: open the page again."), tandem.RuleRequestExpired}
		}
		if !site.Change.Met(v.who.AuthTime, v.now()) {
			return s.People.SignIn(v.w, v.r, PathHome, true)
		}
		return s.takePicture(v)
	})
}

func (s *Site) takePicture(v *visit) error {
	if v.r.PostFormValue("remove") != "" {
		if err := s.Pictures.SetPicture(v.r.Context(), v.who.ID, nil, nil, v.now()); err != nil {
			return err
		}
		return v.done(PathHome, words.T("Your initials are your picture now."))
	}
	file, _, err := v.r.FormFile("picture")
	if err != nil {
		return badPicture(picture.ErrFormat)
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, picture.MaxBytes+1))
	if err != nil {
		return badPicture(picture.ErrFormat)
	}
	sizes, err := picture.Read(content)
	if err != nil {
		return badPicture(err)
	}
	if err := s.Pictures.SetPicture(v.r.Context(), v.who.ID, sizes.Small, sizes.Large, v.now()); err != nil {
		return err
	}
	return v.done(PathHome, words.T("Your picture was changed. Others may see the old one for ten minutes."))
}

func badPicture(err error) error {
	switch {
	case errors.Is(err, picture.ErrTooLarge):
		return &problem{http.StatusRequestEntityTooLarge, words.T("The picture is too large: it may have 2 MB and 25 million pixels at most."), ""}
	case errors.Is(err, picture.ErrTooSmall):
		return &problem{http.StatusBadRequest, words.T("The picture is too small: it needs 32 pixels in each direction."), ""}
	case errors.Is(err, picture.ErrFormat):
		return &problem{http.StatusBadRequest, words.T("Choose a picture in the format PNG or JPEG."), ""}
	}
	return err
}
