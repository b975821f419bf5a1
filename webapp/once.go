package webapp

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
	"github.com/hybridapps/tandem/site/words"
)

const (
	// onceLife is how long it is remembered that a form was acted on, and how long
	// after it was opened it may be sent.
	onceLife = 24 * time.Hour
	// oncePoll is how often a form that came twice looks whether the first is done.
	oncePoll = 100 * time.Millisecond
	// awaitFirst is how long it waits for that.
	awaitFirst = pageWithin - time.Second
	// ledNowhere is noted of a form of which nobody knows whether it was done.
	ledNowhere = "?"
)

// once acts once on a form that is sent more than once: by a second click, by a
// reload, by the same body again. The later ones wait for the first and lead
// where it led. A form without a token, as scripts send it, is acted on each time.
func (a *App) once(h handler) handler {
	return func(v *visit) error {
		if err := v.r.ParseForm(); err != nil {
			return err
		}
		text := v.r.Form.Get(client.FormField)
		if text == "" {
			return h(v)
		}
		token, err := a.readFormToken(v, text)
		if err != nil {
			return err
		}
		// What was changed before it was sent again is another form.
		key := requestKey(sha256.Sum256([]byte(token.UserID + "|" + token.ID + "|" + v.r.URL.Path + "|" + v.r.PostForm.Encode())))
		for {
			first, err := a.sessions.claim(v.ctx(), key, a.clock.Now().Add(onceLife))
			if err != nil {
				return err
			}
			if first {
				return a.first(v, key, h)
			}
			led, err := a.await(v, key)
			if err == nil {
				return v.redirect(led)
			}
			if !errors.Is(err, tandem.ErrNotFound) { // not found: the first did nothing
				return err
			}
		}
	}
}

// readFormToken reads the token of a form that the person may send.
func (a *App) readFormToken(v *visit, text string) (client.FormToken, error) {
	token, ok := a.users.ReadFormToken(text)
	switch {
	case !ok, a.clock.Now().Sub(token.OpenedAt) >= onceLife:
		return token, tandem.Errorf(tandem.CodeInvalid, "%s", words.T("This form is too old, so nothing was done. Open the page again and enter it once more."))
	case token.UserID != v.who.UserID:
		return token, forbidden(words.T("This form was opened by somebody else who was signed in in this browser, so nothing was done. " +
			"Open the page again and enter it as yourself.").English)
	}
	return token, nil
}

// first acts on a form and notes where it led. One that is shown again, or fails,
// may come again, unless it may have been done.
func (a *App) first(v *visit, key requestKey, h handler) (err error) {
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(v.ctx()), pageWithin)
		defer cancel()
		if v.led == "" && (v.unknown || err != nil && maybeDone(err)) {
			v.led = ledNowhere
		}
		if err := a.sessions.settle(ctx, key, v.led); err != nil {
			a.log.WarnContext(ctx, "a form that was acted on is not noted; sent again, it waits", "error", err)
		}
	}()
	return h(v)
}

// await waits until the first form with the key is done.
func (a *App) await(v *visit, key requestKey) (string, error) {
	ctx, cancel := context.WithTimeout(v.ctx(), awaitFirst)
	defer cancel()
	tick := time.NewTicker(oncePoll)
	defer tick.Stop()
	for {
		led, err := a.sessions.led(ctx, key)
		switch {
		case led == ledNowhere:
			return "", sentBefore()
		case ctx.Err() == nil && err != nil || led != "":
			return led, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return "", sentBefore()
		}
	}
}

func sentBefore() error {
	return tandem.Errorf(tandem.CodeConflict, "%s", words.T("This form was sent before, and it is not known yet what came of it. "+
		"Look whether it was done before you enter it again."))
}
