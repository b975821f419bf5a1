package platform

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/site/words"
)

// The queue of mails: deliveries of a kind of their own. A letter is sealed there, as it
// may have a link in it, and gone when it was sent.
const (
	mailPlace   = "mail|"
	mailsEvery  = 2 * time.Second
	mailsAtOnce = 20
	// mailsWaiting bounds the queue: what comes beyond is not sent.
	mailsWaiting = 1000
)

// mailWaits are the times between tries: what did not arrive within some hours is of no
// use any more.
var mailWaits = []time.Duration{
	10 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 20 * time.Minute, time.Hour, 2 * time.Hour,
}

// letter is a mail in plain text.
type letter struct {
	To       string `json:"to"`
	Name     string `json:"name"`
	Language string `json:"lang"`
	Subject  string `json:"subject"`
	Text     string `json:"text"`
	// Until is when it is of no use any more, in Unix seconds; zero for never.
	Until int64 `json:"until,omitempty"`
}

// mails implements [signin.Notifier].
type mails struct{ i *Instance }

// Notify implements [signin.Notifier].
func (m *mails) Notify(ctx context.Context, u *tandem.User, n signin.Notice) error {
	if !mayMail(u) {
		return nil
	}
	in, at := words.Choose("", u.Locale, ""), m.i.config.Clock.Now().UTC().Format("2006-01-02 15:04 MST")
	url := m.i.config.URL
	var subject, what string
	switch n {
	case signin.PasswordChanged:
		subject = in.Say("Your password was changed")
		what = in.Say("The password of your account %s at %s was changed on %s, and you were signed out elsewhere.", u.Login, url, at)
	case signin.FactorAdded:
		subject = in.Say("A second factor was added")
		what = in.Say("A second factor was added to your account %s at %s on %s.", u.Login, url, at)
	case signin.FactorRemoved:
		subject = in.Say("A second factor was removed")
		what = in.Say("A second factor was removed from your account %s at %s on %s.", u.Login, url, at)
	case signin.RecoveryMade:
		subject = in.Say("New recovery codes were made")
		what = in.Say("New recovery codes were made for your account %s at %s on %s. Those of before are of no use any more.", u.Login, url, at)
	case signin.RecoveryUsed:
		subject = in.Say("A recovery code was used")
		what = in.Say("A recovery code of your account %s at %s was used on %s, after the right password.", u.Login, url, at)
	case signin.OutsideLinked:
		subject = in.Say("A way to sign in was added")
		what = in.Say("Your account %s at %s was linked to an account elsewhere on %s: who has that one can sign in as you.", u.Login, url, at)
	case signin.OutsideUnlinked:
		subject = in.Say("A way to sign in was removed")
		what = in.Say("A link of your account %s at %s to an account elsewhere was ended on %s.", u.Login, url, at)
	case signin.TokenMade:
		subject = in.Say("An access token was made")
		what = in.Say("A personal access token was made in your account %s at %s on %s: a program that has it acts as you, without your password.", u.Login, url, at)
	case signin.FactorsWrong:
		subject = in.Say("Somebody has your password")
		what = in.Say("Somebody proved the password of your account %s at %s, and then sent many wrong codes for the second factor, the last on %s. Change your password now.",
			u.Login, url, at)
	default:
		return errors.New("mail: there is no notice " + string(n))
	}
	return m.put(ctx, u, in, subject, what+"\n\n"+in.Say("Was it not you? Tell an administrator at once."), time.Time{})
}

// linked tells a person of a link to an outside provider.
func (m *mails) linked(ctx context.Context, u *tandem.User, linked bool) error {
	if linked {
		return m.Notify(ctx, u, signin.OutsideLinked)
	}
	return m.Notify(ctx, u, signin.OutsideUnlinked)
}

// tokenMade tells a person of a personal access token of theirs.
func (m *mails) tokenMade(ctx context.Context, u *tandem.User) error {
	return m.Notify(ctx, u, signin.TokenMade)
}

// Reset implements [signin.Notifier].
func (m *mails) Reset(ctx context.Context, u *tandem.User, path string) error {
	if !mayMail(u) {
		return nil
	}
	in, url := words.Choose("", u.Locale, ""), m.i.config.URL
	text := in.Say("Somebody, probably you, forgot the password of your account %s at %s. With this link you set a new one. It is good for one hour, once:", u.Login, url) +
		"\n\n" + url + path + "\n\n" + in.Say("Was it not you? Then do nothing: your password stays as it is.")
	return m.put(ctx, u, in, in.Say("A new password for %s", u.Login), text, m.i.config.Clock.Now().Add(signin.MailedReset))
}

// put puts a letter into the queue.
func (m *mails) put(ctx context.Context, u *tandem.User, in words.Language, subject, text string, until time.Time) error {
	l := letter{To: u.Email, Name: u.Name, Language: in.Tag(), Subject: subject, Text: in.Say("Hello %s,", u.Name) + "\n\n" + text + "\n"}
	if !until.IsZero() {
		l.Until = until.Unix()
	}
	plain, err := json.Marshal(&l)
	if err != nil {
		return err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	now := m.i.config.Clock.Now()
	d := data.Delivery{
		ID: id.String(), Kind: data.DeliveryMail, Body: base64.StdEncoding.EncodeToString(m.i.boxes.mail.Seal(plain, mailPlace+id.String())),
		State: data.DeliveryWaiting, CreatedAt: now, NextAt: now,
	}
	added, err := data.NewDeliveries(m.i.DB).Add(ctx, &d, mailsWaiting)
	if err == nil && !added {
		m.i.config.Log.Warn("a mail is not sent: too many wait", "waiting", mailsWaiting)
	}
	return err
}

// keepMailing sends what people are told, until ctx ends.
func (i *Instance) keepMailing(ctx context.Context) {
	if i.config.Mail.URL == "" {
		return
	}
	asked := make(chan struct{})
	go func() { defer close(asked); i.signIn.SendForgotten(ctx) }()
	i.byOne(ctx, "mail", mailsEvery, "to send mail", i.SendMail)
	<-asked
}

// SendMail sends the mails whose time has come. It is for one replica at a time.
func (i *Instance) SendMail(ctx context.Context) error {
	return i.deliver(ctx, &queue{
		kind: data.DeliveryMail, atOnce: mailsAtOnce, waits: mailWaits, secret: true, send: i.sendLetter,
		refused: func(d *data.Delivery, failed error) {
			i.config.Log.Warn("a mail was not taken", "id", d.ID, "try", d.Tries, "of", len(mailWaits)+1, "error", failed)
		},
	})
}

func (i *Instance) sendLetter(ctx context.Context, d *data.Delivery) error {
	sealed, err := base64.StdEncoding.DecodeString(d.Body)
	if err != nil {
		return err
	}
	plain, err := i.boxes.mail.Open(sealed, mailPlace+d.ID)
	if err != nil {
		return err
	}
	var l letter
	if err := json.Unmarshal(plain, &l); err != nil {
		return err
	}
	if now := i.config.Clock.Now(); l.Until != 0 && now.Unix() >= l.Until {
		return errTooLate
	}
	return i.config.Mail.send(ctx, d.ID, &l, d.CreatedAt)
}
