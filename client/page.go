package client

import (
	"context"
	"errors"
	"html/template"
	"net/http"

	"github.com/hybridapps/tandem/internal/patience"
)

// pages are the small pages of the package, for apps that draw none.
var pages = template.Must(template.New("problem").Parse(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sign-in</title></head>
<body><h1>Sign-in</h1><p>{{.Message}}</p><p><a href="{{.SignIn}}">Sign in</a></p></body></html>
{{define "signout"}}<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sign out</title></head>
<body><h1>Sign out</h1><form method="post" action="{{.Action}}">
{{- range $name, $values := .Fields}}{{range $values}}<input type="hidden" name="{{$name}}" value="{{.}}">{{end}}{{end}}
<p>You are signed out of this application.</p><p><button>Finish signing out</button></p></form>
{{- with .Script}}<script src="{{.}}"></script>{{end}}</body></html>
{{end}}
{{define "again"}}<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Please sign in</title></head>
<body><h1>Please sign in</h1><p>{{.Message}}</p><p><a href="{{.SignInURL}}">Sign in</a></p></body></html>
{{end}}
{{define "form"}}<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Your form</title></head>
<body><h1>Your form</h1><p>You were not signed in when you sent this form to {{.Action}}, and nothing was done. This is what you typed.</p>
<form method="post" action="{{.Action}}">
{{- range $name, $values := .Fields}}{{range $values}}
{{- if eq $name $.Hidden}}<input type="hidden" name="{{$name}}" value="{{.}}">
{{- else}}<p><label>{{$name}}<br><textarea name="{{$name}}" rows="2" cols="60">
{{.}}</textarea></label></p>{{end}}{{end}}{{end}}
<p><button>Send it now</button></p></form></body></html>
{{end}}`))

// submitScript is what SignedOut serves for the sign-out page.
const submitScript = "document.forms[0].submit();\n"

// problem shows a sign-in that failed and logs why. The cause is not shown, and
// holds no code, token or secret.
func (t *UserTokens) problem(w http.ResponseWriter, r *http.Request, status int, message string, cause error) {
	if cause != nil && !errors.Is(cause, context.Canceled) {
		t.log.WarnContext(r.Context(), "sign-in failed", "status", status, "error", cause)
	}
	noStore(w)
	h := w.Header()
	h.Set("Referrer-Policy", "no-referrer") // the address may hold the code
	patience.ComeAgain(h, status)
	if t.config.ErrorPage != nil {
		t.config.ErrorPage(w, r, status, message)
		return
	}
	plain(w, status, "problem", struct{ Message, SignIn string }{message, t.config.SignInURL})
}

// signInAgain shows the page to somebody who is not signed in any more.
func (t *UserTokens) signInAgain(w http.ResponseWriter, r *http.Request, ask SignInAgain) {
	if t.config.SignInAgainPage != nil {
		t.config.SignInAgainPage(w, r, ask)
		return
	}
	plain(w, http.StatusUnauthorized, "again", ask)
}

// formPage shows a kept form again.
func (t *UserTokens) formPage(w http.ResponseWriter, r *http.Request, form *KeptForm) {
	if t.config.FormPage != nil {
		t.config.FormPage(w, r, form)
		return
	}
	plain(w, http.StatusOK, "form", struct {
		*KeptForm
		Hidden string
	}{form, FormField})
}

// plain writes one of the package's own pages.
func plain(w http.ResponseWriter, status int, name string, data any) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
	w.WriteHeader(status)
	_ = pages.ExecuteTemplate(w, name, data) // who has gone away cannot be told
}

func noStore(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "no-store")
}
