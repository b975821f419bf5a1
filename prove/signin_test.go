package prove_test

import (
	"maps"
	"net/url"
	"strings"
	"testing"

	"github.com/hybridapps/tandem/prove"
)

// shapes are sign-in pages as different providers write them.
var shapes = map[string][]shape{
	"plain": {{
		body: `<form method="post" action="ACTION"><input name="login"><input name="password" type="password"><button>Sign in</button></form>`,
		want: map[string]string{"login": "anna", "password": smallPassword},
	}},
	// Keycloak: several links and boxes, a hidden field without a value, the button is an
	// input with a name.
	"keycloak": {{
		body: `<!doctype html><div class="alert-error">PROBLEM</div><a href="/register">Register</a>
			<form id="kc-form-login" onsubmit="login.disabled = true; return true;" action="ACTION" method="post">
			<input tabindex="2" id="username" name="username" value="" type="text" autocomplete="username" autofocus>
			<input tabindex="3" id="password" name="password" type="password" autocomplete="current-password">
			<input tabindex="5" id="rememberMe" name="rememberMe" type="checkbox"> Remember me
			<input type="hidden" id="id-hidden-input" name="credentialId">
			<input tabindex="7" name="login" id="kc-login" type="submit" value="Sign In"></form>`,
		want: map[string]string{"username": "anna", "password": smallPassword, "credentialId": "", "login": "Sign In"}, not: []string{"rememberMe"},
	}},
	// Dex: the approval has a form for each answer.
	"dex": {{
		body: `<form method="post" action="ACTION"><input required id="login" name="login" type="text" placeholder="email address">
			<input required id="password" name="password" type="password"><button tabindex="3" id="submit-login" type="submit" class="dex-btn">Login</button></form>`,
		want: map[string]string{"login": "anna", "password": smallPassword},
	}, {
		body: `<h2>Grant Access</h2><form method="post" action="ACTION"><input type="hidden" name="req" value="x1"><input type="hidden" name="approval" value="rejected">
			<button type="submit">Cancel</button></form><form method="post" action="ACTION"><input type="hidden" name="req" value="x1">
			<input type="hidden" name="approval" value="approve"><button type="submit"><span class="dex-btn-text">Grant Access</span></button></form>`,
		want: map[string]string{"req": "x1", "approval": "approve"},
	}},
	"oidc-provider": {{
		body: `<h1>Sign-in</h1><form autocomplete="off" action="ACTION" method="post"><input type="hidden" name="prompt" value="login"/>
			<input required type="text" name="login" placeholder="Enter any login"><input required type="password" name="password" placeholder="and password">
			<button type="submit" class="login login-submit">Sign-in</button></form><a href="/abort">[ Cancel ]</a>`,
		want: map[string]string{"prompt": "login", "login": "anna", "password": smallPassword},
	}, {
		body: `<h1>Authorize</h1><form autocomplete="off" action="ACTION" method="post"><input type="hidden" name="prompt" value="consent"/>
			<button autofocus type="submit" class="login login-submit">Continue</button></form>`,
		want: map[string]string{"prompt": "consent"},
	}},
	"name first": {{
		body: `<form method="POST" action="ACTION"><input type="hidden" name="flow" value="f"><input type="email" name="identifier">
			<button name="action" value="register">Create an account: sign up</button><button name="action" value="next">Next</button></form>`,
		want: map[string]string{"flow": "f", "identifier": "anna", "action": "next"},
	}, {
		body: `<form method="post" action="ACTION"><input type="hidden" name="identifier" value="anna"><input type="password" name="secret">
			<button type="button">Show</button><button formaction="/forgot">Forgot password?</button><button>Continue</button></form>`,
		want: map[string]string{"identifier": "anna", "secret": smallPassword},
	}},
	// A consent with boxes, the refusal first, and a search form before everything.
	"consent with boxes": {{
		body: `<form action="/search"><input name="q"></form><form method="post" action="ACTION"><input name="u" id="user-name"><input name="p" type="password"><input type="image" alt="go"></form>`,
		want: map[string]string{"u": "anna", "p": smallPassword},
	}, {
		body: `<base href="/page/"><form method="post" action="ACTION"><input type="checkbox" name="grant_scope" value="openid" checked>
			<input type="checkbox" name="grant_scope_offline" value="offline_access"><input type="checkbox" name="remember" value="1">
			<select name="lang"><option value="de">de<option value="en" selected>en</select><textarea name="note">n</textarea>
			<input type="submit" name="no" value="Deny access"><input type="submit" name="yes" value="Allow access"></form>`,
		want: map[string]string{"grant_scope": "openid", "grant_scope_offline": "offline_access", "yes": "Allow access", "lang": "en", "note": "n"}, not: []string{"no", "remember"},
	}},
	// Only a script would send it.
	"sent by a script": {{
		body: `<form method="post" action="ACTION"><input name="login"><input name="password" type="password"></form>`,
		want: map[string]string{"password": smallPassword},
	}, {
		body: `<body onload="document.forms[0].submit()"><form method="post" action="ACTION"><input type="hidden" name="SAMLResponse" value="r"></form>`,
		want: map[string]string{"SAMLResponse": "r"},
	}},
}

// TestFormsOfManyProviders signs in on each of them, without script.
func TestFormsOfManyProviders(t *testing.T) {
	t.Parallel()
	for name, pages := range shapes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, got := rows(t, newSmall(t, pages...).config("I4"))
			if row := got["I4"]; row.Verdict != prove.Holds {
				t.Errorf("%s: %s", row.Verdict, row.Why)
			}
		})
	}
}

// TestSignInsThatFail say why, in the page's own words, and never the password.
func TestSignInsThatFail(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ body, want string }{
		"wrong password": {
			`<form method="post" action="ACTION"><div role="alert">PROBLEM: the login or the password is wrong: ` + smallPassword + `</div>
			<input name="login"><input name="password" type="password"></form>`, "sign-in was refused: wrong nothing: the login or the password is wrong: «password»",
		},
		"script":      {`<div id="root"></div><script src="/app.js"></script>`, "needs script; use --by-hand"},
		"no form":     {`<h1>Closed for the holidays</h1>`, "no form that signs in: Closed for the holidays"},
		"elsewhere":   {`<form method="post" action="javascript:alert(1)"><input type="password" name="p"></form>`, "an address that is none"},
		"never ends":  {`<form method="post" action="ACTION"><button>Continue</button></form>`, "more than 14 pages"},
		"only denial": {`<form method="post" action="ACTION"><button>Cancel</button></form>`, "no form that signs in"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, got := rows(t, newSmall(t, shape{body: c.body, want: map[string]string{"nothing": "right"}}).config("I4"))
			row := got["I4"]
			if row.Verdict != prove.NotTested || !strings.Contains(row.Why.String(), c.want) || strings.Contains(row.Why.String(), smallPassword) {
				t.Errorf("%s: %s", row.Verdict, row.Why)
			}
		})
	}
}

// odd is a page on which nothing is called as it is.
var odd = shape{
	body: `<form method="post" action="ACTION"><input name="f1" class="field first"><input name="f2" data-kind="pin"><input name="f3" id="tenant">
		<button name="go" value="1" class="x">»</button><button name="go" value="2" id="enter">»</button></form>`,
	want: map[string]string{"f1": "anna", "f2": smallPassword, "f3": "acme", "go": "2"},
}

// TestSteps: a file says how to sign in on an odd page.
func TestSteps(t *testing.T) {
	t.Parallel()
	steps, err := prove.ReadSteps(strings.NewReader(`
- when: https://elsewhere.example/*
  press: button
- when: "*/page/*"
  fill: {"input.first": login, '[data-kind="pin"]': password, "#tenant": acme}
  press: button#enter
`))
	if err != nil {
		t.Fatal(err)
	}
	c := newSmall(t, odd).config("I4")
	if _, got := rows(t, c); got["I4"].Verdict != prove.NotTested {
		t.Errorf("without steps: %s", got["I4"].Verdict)
	}
	c.Steps = steps
	report, got := rows(t, c)
	if row := got["I4"]; row.Verdict != prove.Holds || !report.Options.Steps {
		t.Errorf("%s: %s", row.Verdict, row.Why)
	}
}

func TestStepsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                       "there are no steps",
		"[]":                                     "there are 0 steps",
		"when: x":                                "cannot be read",
		"- {press: button}":                      "step 1: when is missing",
		"- {when: '*'}":                          "step 1: press is missing",
		"- {when: '*', click: button, press: b}": "field click not found",
		"- {when: '*', press: 'form > button'}":  "is no selector",
		"- {when: '*', press: ''}":               "press is missing",
		"- {when: a, press: b}\n- {when: '*', press: b, fill: {'..': login}}": "step 2: fill:",
		strings.Repeat("- {when: a, press: b}\n", 51):                         "there are 51 steps",
		strings.Repeat(" ", 70<<10):                                           "more than 65536 bytes",
		"\t- x":                                                               "cannot be read",
	} {
		if _, err := prove.ReadSteps(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v", text, err)
		}
	}
}

// FuzzPage: whatever a page says, reading it ends, it is sent to an address or not at
// all, and the password only in a field for one, or in one that a step names.
func FuzzPage(f *testing.F) {
	for _, pages := range shapes {
		for _, p := range pages {
			f.Add(p.body, false)
		}
	}
	f.Add(odd.body, true)
	f.Add(`<form method=post><form method=post><input type=password name=a><select name=s></select><base href="::">`, true)
	at, err := url.Parse("https://id.example/login?x=1")
	if err != nil {
		f.Fatal(err)
	}
	steps, err := prove.ReadSteps(strings.NewReader(`[{when: "*x=2", fill: {"input": password}, press: button}]`))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body string, leaving bool) {
		who := prove.Person{Login: "anna", Password: "prove-fuzz-password"}
		action, values, words := prove.FillPage([]byte(body), at, who, steps, leaving)
		if values == nil {
			return
		}
		if action != "" {
			if _, err := url.Parse(action); err != nil {
				t.Errorf("sent to %q", action)
			}
		}
		if leaving && !strings.Contains(body, who.Password) {
			for name := range maps.Keys(values) {
				if values.Get(name) == who.Password {
					t.Errorf("a sign-out sends the password as %q", name)
				}
			}
		}
		if !strings.Contains(body, who.Password) && strings.Contains(words, who.Password) {
			t.Error("the password is among the words of the page")
		}
	})
}

// FuzzSteps: what is read is a step or an error.
func FuzzSteps(f *testing.F) {
	f.Add("- {when: '*', press: 'button#go.x[name=\"y\"]', fill: {input: login}}")
	f.Add("- when: &a '*'\n  press: *a\n")
	f.Fuzz(func(t *testing.T, text string) {
		steps, err := prove.ReadSteps(strings.NewReader(text))
		if err == nil && (len(steps) == 0 || steps[0].Press == "") {
			t.Errorf("%+v", steps)
		}
	})
}
