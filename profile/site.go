package profile

import (
	"context"
	"embed"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/internal/netaddr"
	"github.com/hybridapps/tandem/site"
	"github.com/hybridapps/tandem/site/words"
)

//go:embed templates/*.html
var templates embed.FS

// Site is the profile site. All fields but Clock are required.
type Site struct {
	People site.People
	Forms  *site.Forms
	// URL is the public root of the instance.
	URL      string
	Accounts Accounts
	Devices  Devices
	// Passwords are people's own.
	Passwords Passwords
	Links     Links
	Tokens    Tokens
	Grants    Grants
	Activity  Activity
	Pictures  Pictures
	Refusals  tandem.Refuser
	Log       *slog.Logger
	// Clock tells the time; nil means the system's.
	Clock tandem.Clock

	pages     *site.Pages
	crossSite *http.CrossOriginProtection
}

// Mount adds the pages to mux.
func (s *Site) Mount(mux *http.ServeMux) (err error) {
	if s.pages, err = site.NewPages(templates, "templates", s.Forms); err != nil {
		return err
	}
	s.crossSite = http.NewCrossOriginProtection()
	// A proxy may present another Host than the browser's Origin.
	u, err := url.Parse(s.URL)
	if err == nil {
		err = s.crossSite.AddTrustedOrigin(u.Scheme + "://" + u.Host)
	}
	if err != nil {
		return err
	}
	mux.HandleFunc("GET /profile", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, (&url.URL{Path: PathHome, RawQuery: r.URL.RawQuery}).String(), http.StatusSeeOther)
	})
	mux.Handle("/profile", s.elsewhere(mux))
	mux.Handle(PathHome, s.elsewhere(mux))
	mux.Handle("GET "+PathHome+"{$}", s.page(everybody, s.overview))
	mux.Handle("POST /profile/language", s.deed(everybody, site.Change, s.setLanguage))
	mux.Handle("POST "+pathPicture, s.upload())
	mux.Handle("GET "+pathActivity, s.page(everybody, s.activity))
	s.mountSessions(mux)
	s.mountTokens(mux)
	s.mountPassword(mux)
	s.mountApps(mux)
	s.mountLinks(mux)
	mux.Handle("GET "+pathResume, s.page(everybody, s.resume))
	return nil
}

// For whom a page is.
const (
	everybody = false
	// internal pages are not for people of the outside.
	internal = true
)

// visit is a request of a person who is signed in.
type visit struct {
	s   *Site
	w   http.ResponseWriter
	r   *http.Request
	who *site.Person
	// form is what was sent, and id the id that the form was made with, for the thing
	// that it makes; both of a deed.
	form url.Values
	id   string
}

type handler func(v *visit) error

// by is who acts, for the record.
func (v *visit) by() tandem.By {
	return tandem.By{Login: v.who.Login, Via: tandem.ViaProfile, From: netaddr.Host(v.r.RemoteAddr)}
}

func (v *visit) now() time.Time { return v.s.Clock.Now() }

// language is the one that the visit is in.
func (v *visit) language() words.Language {
	own := ""
	if v.who != nil {
		own = v.who.Locale
	}
	return words.Choose(v.r.URL.Query().Get("ui_locales"), own, v.r.Header.Get("Accept-Language"))
}

// show writes a page.
func (v *visit) show(status int, name string, title words.Text, d any) error {
	return v.render(status, name, &site.Page{Title: title, D: d})
}

// wrong writes a page again that a form came from, with what is wrong about it.
func (v *visit) wrong(name string, title, problem words.Text, d any) error {
	return v.render(http.StatusBadRequest, name, &site.Page{Title: title, Problem: problem, D: d})
}

func (v *visit) render(status int, name string, p *site.Page) error {
	p.Language, p.Site, p.Home, p.Who, p.Path, p.SignOut = v.language(), words.T("Your profile"), PathHome, v.who, v.r.URL.Path, pathSignOut
	if v.who != nil {
		p.Menu = menu(&v.who.User, v.r.URL.Path)
		p.Said = v.s.Forms.Said(v.r.URL.Query().Get("said"), v.who.SignInID)
		if v.who.Zoneinfo != "" {
			p.Zone, _ = time.LoadLocation(v.who.Zoneinfo)
		}
	}
	return v.s.pages.Render(v.w, status, name, p)
}

// done leads to the page that shows what has become of a deed, and says it there.
func (v *visit) done(path string, said words.Text) error {
	v.w.Header().Set("Cache-Control", "no-store")
	http.Redirect(v.w, v.r, path+"?said="+v.s.Forms.Send(v.who.SignInID, said), http.StatusSeeOther)
	return nil
}

// problem is an error that is shown to the person.
type problem struct {
	status int
	text   words.Text
	rule   tandem.Rule // for the record; empty for what decides nothing
}

// Error implements error.
func (p *problem) Error() string { return p.text.String() }

// page is a handler of something to see.
func (s *Site) page(of bool, h handler) http.Handler {
	return s.serve(func(v *visit) error {
		if v.who == nil {
			return s.People.SignIn(v.w, v.r, v.r.URL.RequestURI(), false)
		}
		if of == internal && v.who.Type != tandem.InternalUser {
			return forOthers
		}
		return h(v)
	})
}

var forOthers = &problem{http.StatusForbidden, words.T("This page is not for accounts like yours."), tandem.RuleUserType}

// deed is a handler of a form, for a person who has signed in lately enough.
func (s *Site) deed(of bool, level site.Level, h handler) http.Handler {
	return s.serve(func(v *visit) error {
		if err := s.crossSite.Check(v.r); err != nil {
			return &problem{http.StatusForbidden, words.T("This form was sent by another site, so nothing was done."), tandem.RuleCrossSite}
		}
		form, bad := site.ReadForm(v.w, v.r)
		if bad != nil {
			return &problem{bad.Status, bad.Text, tandem.RuleForm}
		}
		if v.who == nil {
			return s.People.SignIn(v.w, v.r, PathHome, false)
		}
		var ok bool
		if v.id, ok = s.Forms.Read(form.Get("form"), v.who.SignInID, v.r.URL.Path); !ok {
			return &problem{http.StatusBadRequest, words.T("This form was open for too long, or belongs to another sign-in. Nothing was done: open the page again."), tandem.RuleRequestExpired}
		}
		if of == internal && v.who.Type != tandem.InternalUser {
			return forOthers
		}
		if v.form = form; !level.Met(v.who.AuthTime, v.now()) {
			return s.proveAgain(v)
		}
		return h(v)
	})
}

// proveAgain lets the person sign in once more, and then go on with the form that they
// have sent.
func (s *Site) proveAgain(v *visit) error {
	back := PathHome
	if text, ok := s.Forms.Hold(v.who.SignInID, v.r.URL.Path, v.form); ok {
		back = pathResume + "?held=" + text
	}
	return s.People.SignIn(v.w, v.r, back, true)
}

// resume shows a form that has waited for its person to sign in again. Nothing happens
// before they say so.
func (s *Site) resume(v *visit) error {
	held, ok := s.Forms.Resume(v.r.URL.Query().Get("held"), v.who.SignInID)
	if !ok {
		return &problem{http.StatusBadRequest, words.T("What you were about to do has waited for too long, or somebody else began it. Nothing was done."), tandem.RuleRequestExpired}
	}
	return v.show(http.StatusOK, "resume", words.T("Go on?"), held)
}

func (s *Site) missing(v *visit) error {
	return &problem{http.StatusNotFound, words.T("There is no page at this address."), ""}
}

// elsewhere answers what nothing else of the site does: no such page, or another method
// than those of what is at the address. mux alone would name GET for each, because of the
// pages that there are not.
func (s *Site) elsewhere(mux *http.ServeMux) http.Handler {
	missing, nothing := s.page(everybody, s.missing), s.serve(s.missing)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet || r.Method == http.MethodHead {
			missing.ServeHTTP(w, r)
			return
		}
		var allow []string
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost} {
			as := *r
			as.Method = method
			if _, pattern := mux.Handler(&as); pattern != r.Pattern {
				allow = append(allow, method)
			}
		}
		if allow == nil {
			nothing.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Allow", strings.Join(allow, ", "))
		http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
	})
}

// serve makes a handler of one that may fail.
func (s *Site) serve(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := &visit{s: s, w: w, r: r}
		var err error
		if v.who, err = s.People.Current(r); err == nil {
			err = h(v)
		}
		if err != nil {
			s.fail(v, err)
		}
	})
}

// fail is the one place where an error becomes a page.
func (s *Site) fail(v *visit, err error) {
	var shown *problem
	var known *tandem.Error
	d := failure{Reference: tandem.RequestID(v.r.Context())}
	switch {
	case errors.As(err, &shown):
		d.Reference = s.refused(v, shown, d.Reference)
		err = v.failed(shown.status, shown.text, d)
	case errors.Is(v.r.Context().Err(), context.Canceled):
		return // nobody is waiting
	case tandem.ErrorCode(err) == tandem.CodeUnavailable:
		v.w.Header().Set("Retry-After", "2")
		err = v.failed(http.StatusServiceUnavailable, words.T("The instance cannot do this at the moment. It is not your fault, and nothing is lost. Try again in a moment."), d)
	case errors.As(err, &known) && known.Code != tandem.CodeInternal:
		d.Detail = known.Message
		err = v.failed(known.Code.Status(), words.T("This cannot be done:"), d)
	default:
		s.Log.ErrorContext(v.r.Context(), "profile", "path", v.r.URL.Path, "error", err)
		err = v.failed(http.StatusInternalServerError, words.T("The instance could not finish this. It is not your fault."), d)
	}
	if err != nil {
		s.Log.ErrorContext(v.r.Context(), "render the profile's error page", "error", err)
		http.Error(v.w, "internal error", http.StatusInternalServerError)
	}
}

// failure is what the error page shows.
type failure struct{ Detail, Reference string }

func (v *visit) failed(status int, text words.Text, d failure) error {
	return v.render(status, "failed", &site.Page{Title: words.T("This did not work"), Problem: text, Narrow: true, D: d})
}

// refused puts on record that a page said no.
func (s *Site) refused(v *visit, p *problem, reference string) string {
	if p.rule == "" {
		return reference
	}
	e := tandem.AuditEvent{Kind: tandem.AuditCallRefused, Flow: tandem.FlowUser, RemoteAddr: netaddr.Host(v.r.RemoteAddr), Detail: v.r.Method + " " + v.r.URL.Path + ": " + p.Error()}
	f := tandem.Facts{Rule: p.rule, Method: v.r.Method, Path: v.r.URL.Path}
	if v.who != nil {
		e.Actor, e.SignInID, f.UserType = v.who.Login, v.who.SignInID, v.who.Type
	}
	id, err := s.Refusals.Refused(v.r.Context(), e, f, "")
	if err != nil {
		s.Log.WarnContext(v.r.Context(), "profile: a refusal is not on record", "error", err)
	}
	if id == "" {
		return reference
	}
	v.w.Header().Set(tandem.RequestIDHeader, id)
	return id
}
