package profile

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/site"
	"github.com/hybridapps/tandem/site/words"
)

// Device is a browser that a person is signed in with.
type Device struct {
	// ID is the sid.
	ID string
	// Browser and System are what it says of itself, in words; empty where that is nothing
	// known.
	Browser, System string
	// Since is when the person signed in with it, and From from which network address;
	// LastSeen is the last time that it was used.
	Since, LastSeen time.Time
	From, LastFrom  string
	// Keep is "keep me signed in".
	Keep bool
	// Idle is one whose browser has to sign in again, while its applications go on.
	Idle bool
	// Applications are those that it has reached, by their names.
	Applications []string
	// Slot is the licence slot that its API session holds; 0 for none.
	Slot int
}

// Devices are the sign-ins of people, and their ends. What hangs on a sign-in ends with
// it: what renews its tokens at once, its access tokens within five seconds.
type Devices interface {
	// OfUser are those that live, or of which something still does, the last seen first.
	OfUser(ctx context.Context, u *tandem.User) ([]Device, error)
	// End ends one.
	End(ctx context.Context, by tandem.By, id string) error
}

type sessionsPage struct {
	This   string
	All    []Device
	Others int
	// Keeping are the applications that keep data on devices, and tell of them.
	Keeping []Grant
}

// sessions shows where the person is signed in.
func (s *Site) sessions(v *visit) error {
	all, err := s.Devices.OfUser(v.r.Context(), &v.who.User)
	if err != nil {
		return err
	}
	d := sessionsPage{This: v.who.SignInID, All: all}
	for _, one := range all {
		if one.ID != d.This {
			d.Others++
		}
	}
	grants, err := s.Grants.OfUser(v.r.Context(), &v.who.User)
	if err != nil {
		return err
	}
	d.Keeping = slices.DeleteFunc(grants, func(g Grant) bool { return g.DevicesURI == "" })
	return v.show(http.StatusOK, "sessions", words.T("Devices"), d)
}

// endSession signs out one of the person's devices, and none of anybody else's.
func (s *Site) endSession(v *visit) error {
	id := v.form.Get("id")
	all, err := s.Devices.OfUser(v.r.Context(), &v.who.User)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(all, func(d Device) bool { return d.ID == id }) {
		return &problem{http.StatusNotFound, words.T("You are not signed in with such a device, or not any more."), ""}
	}
	if err := s.Devices.End(v.r.Context(), v.by(), id); err != nil {
		return err
	}
	return v.done(pathSessions, words.T("The device was signed out. What its applications hold ends within five seconds."))
}

// endOthers signs out every device but this one.
func (s *Site) endOthers(v *visit) error {
	ended, err := s.endAllOthers(v)
	if err != nil {
		return err
	}
	return v.done(pathSessions, words.T("Other devices signed out: %s.", strconv.Itoa(ended)))
}

func (s *Site) endAllOthers(v *visit) (ended int, err error) {
	all, err := s.Devices.OfUser(v.r.Context(), &v.who.User)
	if err != nil {
		return 0, err
	}
	for _, d := range all {
		if d.ID == v.who.SignInID {
			continue
		}
		if err := s.Devices.End(v.r.Context(), v.by(), d.ID); err != nil {
			return ended, err
		}
		ended++
	}
	return ended, nil
}

// notMe is for somebody who does not know a sign-in of theirs: every other device is
// signed out, personal access tokens end, as whoever was there can have made some, and
// the way leads to the password.
func (s *Site) notMe(v *visit) error {
	ended, err := s.endAllOthers(v)
	if err != nil {
		return err
	}
	tokens, err := s.Tokens.RevokeAll(v.r.Context(), v.by(), v.who.ID)
	if err != nil {
		return err
	}
	to := pathSessions
	for _, p := range places {
		if p.path == pathPassword {
			to = pathPassword
		}
	}
	if tokens > 0 {
		return v.done(to, words.T("Other devices signed out: %s; access tokens revoked: %s. Change your password now: somebody may know it.",
			strconv.Itoa(ended), strconv.Itoa(tokens)))
	}
	return v.done(to, words.T("Other devices signed out: %s. Change your password now: somebody may know it.", strconv.Itoa(ended)))
}

// mountSessions adds the pages of devices.
func (s *Site) mountSessions(mux *http.ServeMux) {
	mux.Handle("GET "+pathSessions, s.page(everybody, s.sessions))
	mux.Handle("POST "+pathSessions+"/end", s.deed(everybody, site.Change, s.endSession))
	mux.Handle("POST "+pathSessions+"/end-others", s.deed(everybody, site.Change, s.endOthers))
	mux.Handle("POST "+pathSessions+"/not-me", s.deed(everybody, site.Change, s.notMe))
}
