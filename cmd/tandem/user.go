package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/internal/paging"
	"github.com/hybridapps/tandem/platform"
	"github.com/hybridapps/tandem/registry"
)

type userCommands struct {
	Create       userCreate       `cmd:"" help:"Create a user."`
	List         userList         `cmd:"" help:"List users, by login."`
	Show         userShow         `cmd:"" help:"Show one user."`
	Enable       userEnable       `cmd:"" help:"Let a user work again."`
	Disable      userDisable      `cmd:"" help:"End all sign-ins of a user and admit no new one."`
	Update       userUpdate       `cmd:"" help:"Change a user: flags that are not given change nothing."`
	SetPassword  userSetPassword  `cmd:"" help:"Give a user a new password, end all their sign-ins and the links that they made, and show what else opens the account."`
	ResetLink    userResetLink    `cmd:"" help:"Print a one-time link by which a user sets a new password."`
	Factors      userFactors      `cmd:"" help:"Show the second factors of a user, and how many recovery codes are left."`
	ResetFactors userResetFactors `cmd:"" help:"Remove all second factors of a user who has lost them, and end their sign-ins."`
	SignIns      userSignIns      `cmd:"" help:"Show where a user is signed in: from which address, with which browser, at which applications."`
	EndSignIns   userEndSignIns   `cmd:"" help:"End all sign-ins of a user, who may sign in again."`
	Grants       userGrants       `cmd:"" help:"Show what applications may do in the name of a user: what they allowed, and what holds refresh tokens of theirs."`
	Withdraw     userWithdraw     `cmd:"" help:"Let an application do nothing in the name of a user any more: its tokens and sessions of theirs end, and they are asked again."`
	Person       userPerson       `cmd:"" help:"Say which person of the ERP a user is, or show it."`
	Delete       userDelete       `cmd:"" help:"End all sign-ins of a user and delete the account; its login is free for another account then."`
	Link         userLink         `cmd:"" help:"Say which subject of an outside provider a user is; who has it signs in as them."`
	Unlink       userUnlink       `cmd:"" help:"End such a link."`
	Links        userLinks        `cmd:"" help:"List the links of a user to outside providers."`
}

// userRow is a user in JSON.
type userRow struct {
	ID            string          `json:"id"`
	Login         string          `json:"login"`
	Name          string          `json:"name"`
	Email         string          `json:"email"`
	EmailVerified bool            `json:"email_verified"`
	Locale        string          `json:"locale"`
	Zoneinfo      string          `json:"zoneinfo"`
	Type          tandem.UserType `json:"user_type"`
	Admin         bool            `json:"is_admin"`
	Enabled       bool            `json:"is_enabled"`
	CreatedAt     stamp           `json:"created_at"`
	ChangedAt     stamp           `json:"changed_at"`
	CreatedBy     string          `json:"created_by"`
	LastSignInAt  stamp           `json:"last_sign_in_at"`
	// PasswordOrigin is own, admin, demo or import.
	PasswordOrigin       tandem.PasswordOrigin `json:"password_origin"`
	SecondFactorRequired bool                  `json:"second_factor_required"`
}

func userRowOf(u tandem.User) userRow {
	return userRow{
		ID: u.ID, Login: u.Login, Name: u.Name, Email: u.Email, EmailVerified: u.EmailVerified, Locale: u.Locale, Zoneinfo: u.Zoneinfo, Type: u.Type,
		Admin: u.Admin, Enabled: u.Enabled, CreatedAt: stamp{u.CreatedAt}, ChangedAt: stamp{u.ChangedAt},
		CreatedBy: u.CreatedBy, LastSignInAt: stamp{u.LastSignInAt}, PasswordOrigin: u.PasswordOrigin,
		SecondFactorRequired: u.SecondFactorRequired,
	}
}

func showUser(r *run, o output, u tandem.User) error {
	row := userRowOf(u)
	return showOne(r.stdout, o, row, row.fields())
}

func (row userRow) fields() []field {
	return []field{
		{"login", row.Login}, {"id", row.ID}, {"name", row.Name}, {"email", row.Email}, {"locale", row.Locale}, {"zoneinfo", row.Zoneinfo},
		{"user_type", string(row.Type)},
		{"is_admin", yes(row.Admin)}, {"is_enabled", yes(row.Enabled)}, {"created", then(row.CreatedAt, row.CreatedBy)}, {"changed", row.ChangedAt.String()},
		{"last_sign_in_at", row.LastSignInAt.String()}, {"password_origin", string(row.PasswordOrigin)},
		{"second_factor_required", yes(row.SecondFactorRequired)},
	}
}

var userTypes = map[string]tandem.UserType{
	"internal": tandem.InternalUser, "external": tandem.ExternalCommunityUser, "system": tandem.SystemUserNoLogin,
}

// passwordFlags say where a password comes from: never from the command line,
// which other users of the machine can read.
type passwordFlags struct {
	PasswordFile string `help:"File with the password (- for standard input); or TANDEM_PASSWORD." placeholder:"FILE"`
}

const passwordVariable = "TANDEM_PASSWORD"

func (p *passwordFlags) password() (string, error) {
	var text []byte
	var err error
	switch p.PasswordFile {
	case "":
		return os.Getenv(passwordVariable), nil
	case "-":
		text, err = readAll(os.Stdin)
	default:
		text, err = os.ReadFile(p.PasswordFile)
	}
	if err != nil {
		return "", fmt.Errorf("password file: %w", err)
	}
	// An editor ends the last line; that end is not part of the password.
	password := strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")
	if password == "" {
		return "", fmt.Errorf("the password file %s is empty", p.PasswordFile)
	}
	return password, nil
}

// mustChange is for passwords that an administrator has chosen.
type mustChange struct {
	MustChange bool `help:"The password is good for one sign-in, in which the user sets another."`
}

type userCreate struct {
	administering
	output
	Login string `arg:"" help:"Login."`
	Type  string `help:"internal, external or system." required:"" enum:"internal,external,system"`
	Admin bool   `help:"The user is an administrator."`
	Name  string `help:"Name shown to people."`
	Email string `help:"E-mail address, which you vouch for." placeholder:"ADDR"`

	Language string `help:"How numbers and dates are written for the user, a language tag such as de-AT; the browser's where none is given." placeholder:"TAG"`
	Zone     string `help:"Time zone of the user, such as Europe/Sofia; the browser's where none is given." placeholder:"NAME"`
	passwordFlags
	mustChange
}

// Run creates a user.
func (c *userCreate) Run(ctx context.Context, r *run) error {
	password, err := c.password()
	if err != nil {
		return err
	}
	kind := userTypes[c.Type]
	if !kind.CanSignIn() && c.PasswordFile == "" {
		password = "" // a variable left from another command
	}
	return c.administer(ctx, r, true, func(a *platform.Administration) error {
		u, err := a.Accounts.Create(ctx, operator(), signin.NewUser{
			Login: c.Login, Type: kind, Name: c.Name, Email: c.Email, Admin: c.Admin, Locale: c.Language, Zoneinfo: c.Zone,
			Password: password, MustChangePassword: c.MustChange,
		})
		if err != nil {
			return err
		}
		return showUser(r, c.output, u)
	})
}

type userList struct {
	administering
	listing
	Text     string `arg:"" optional:"" help:"Only users with this in the login, the name or the e-mail address." placeholder:"TEXT"`
	Type     string `help:"Only users of a type: internal, external or system." placeholder:"TYPE"`
	Admin    bool   `help:"Only administrators."`
	Disabled bool   `help:"Only users that are switched off."`
}

// Run lists users.
func (c *userList) Run(ctx context.Context, r *run) error {
	kind, known := userTypes[c.Type]
	if c.Type != "" && !known {
		return usage("--type %q: use internal, external or system", c.Type)
	}
	if err := c.check(); err != nil {
		return err
	}
	f := signin.Filter{Text: c.Text, Type: kind, Admin: c.Admin, Disabled: c.Disabled}
	return c.administer(ctx, r, false, func(a *platform.Administration) error {
		return showRows(r.stdout, c.listing, a.Accounts.List(ctx, f), userRowOf, []column[userRow]{
			{"login", func(u userRow) string { return u.Login }},
			{"name", func(u userRow) string { return u.Name }},
			{"type", func(u userRow) string { return string(u.Type) }},
			{"admin", func(u userRow) string { return yes(u.Admin) }},
			{"enabled", func(u userRow) string { return yes(u.Enabled) }},
			{"last sign-in", func(u userRow) string { return u.LastSignInAt.String() }},
			{"password", func(u userRow) string { return string(u.PasswordOrigin) }},
		})
	})
}

// oneUser is a command that names a user and shows them.
type oneUser struct {
	administering
	output
	Login string `arg:"" help:"Login."`
}

func (c *oneUser) do(ctx context.Context, r *run, f func(a *platform.Administration) (tandem.User, error)) error {
	return c.administer(ctx, r, false, func(a *platform.Administration) error {
		u, err := f(a)
		if err != nil {
			return err
		}
		return showUser(r, c.output, u)
	})
}

type userShow struct{ oneUser }

// Run shows a user.
func (c *userShow) Run(ctx context.Context, r *run) error {
	return c.do(ctx, r, func(a *platform.Administration) (tandem.User, error) { return a.Accounts.Show(ctx, c.Login) })
}

type userEnable struct{ oneUser }

// Run lets a user work again.
func (c *userEnable) Run(ctx context.Context, r *run) error {
	return c.do(ctx, r, func(a *platform.Administration) (tandem.User, error) {
		return a.Accounts.Enable(ctx, operator(), c.Login)
	})
}

type userDisable struct{ oneUser }

// Run disables a user.
func (c *userDisable) Run(ctx context.Context, r *run) error {
	return c.do(ctx, r, func(a *platform.Administration) (tandem.User, error) {
		return a.Accounts.Disable(ctx, operator(), c.Login)
	})
}

type userSetPassword struct {
	oneUser
	passwordFlags
	mustChange
	ResetFactors bool `help:"Remove all second factors, too, passkeys and recovery codes among them: where another had the account."`
}

// Run gives a user a new password.
func (c *userSetPassword) Run(ctx context.Context, r *run) error {
	password, err := c.password()
	if err != nil {
		return err
	}
	if password == "" {
		return usage("name a file with the new password: --password-file FILE, or - for standard input")
	}
	return c.administer(ctx, r, false, func(a *platform.Administration) error {
		set := a.Accounts.SetPassword
		if c.MustChange {
			set = a.Accounts.SetPasswordOnce
		}
		u, err := set(ctx, operator(), c.Login, password)
		if err == nil && c.ResetFactors {
			u, err = a.Accounts.ResetFactors(ctx, operator(), c.Login)
		}
		if err != nil {
			return err
		}
		return showRemaining(ctx, r, a, c.output, u)
	})
}

type userUpdate struct {
	oneUser
	Type  *string `help:"internal, external or system. Another type ends the sign-ins." placeholder:"TYPE"`
	Admin *bool   `help:"The user is an administrator. Given or taken, it ends the sign-ins." negatable:""`
	Name  *string `help:"Name shown to people." placeholder:"TEXT"`
	Email *string `help:"E-mail address, which you vouch for; empty for none." placeholder:"ADDR"`

	RequireSecondFactor *bool `help:"Demand a second factor: the sign-ins end, and whoever has none makes one at the next." negatable:""`

	Language *string `help:"How numbers and dates are written for the user, a language tag such as de-AT; empty for the browser's." placeholder:"TAG"`
	Zone     *string `help:"Time zone of the user, such as Europe/Sofia; empty for the browser's." placeholder:"NAME"`
	passwordFlags
}

// Run changes a user.
func (c *userUpdate) Run(ctx context.Context, r *run) error {
	if c.Type == nil && c.Admin == nil && c.Name == nil && c.Email == nil && c.Language == nil && c.Zone == nil && c.RequireSecondFactor == nil &&
		c.PasswordFile == "" {
		return usage("nothing to change: say what, such as --name TEXT; tandem user update --help lists it")
	}
	kind, known := tandem.UserType(""), true
	if c.Type != nil {
		kind, known = userTypes[*c.Type]
	}
	if !known {
		return usage("--type %q: use internal, external or system", *c.Type)
	}
	password := ""
	if c.PasswordFile != "" {
		var err error
		if password, err = c.password(); err != nil {
			return err
		}
	}
	return c.administer(ctx, r, false, func(a *platform.Administration) error {
		u, err := a.Accounts.Update(ctx, operator(), c.Login, func(u *tandem.User) {
			set(&u.Admin, c.Admin)
			set(&u.Name, c.Name)
			set(&u.Locale, c.Language)
			set(&u.Zoneinfo, c.Zone)
			set(&u.SecondFactorRequired, c.RequireSecondFactor)
			if c.Email != nil {
				u.Email, u.EmailVerified = *c.Email, *c.Email != ""
			}
			if c.Type != nil {
				u.Type = kind
			}
		})
		if err != nil {
			return err
		}
		if password == "" {
			return showUser(r, c.output, u)
		}
		if u, err = a.Accounts.SetPassword(ctx, operator(), c.Login, password); err != nil {
			return err
		}
		return showRemaining(ctx, r, a, c.output, u)
	})
}

type userEndSignIns struct{ oneUser }

// Run ends the sign-ins of a user.
func (c *userEndSignIns) Run(ctx context.Context, r *run) error {
	return c.do(ctx, r, func(a *platform.Administration) (tandem.User, error) {
		return a.Accounts.EndSignIns(ctx, operator(), c.Login)
	})
}

type userDelete struct {
	administering
	Login string `arg:"" help:"Login."`
}

// Run deletes a user.
func (c *userDelete) Run(ctx context.Context, r *run) error {
	return c.administer(ctx, r, false, func(a *platform.Administration) error {
		u, err := a.Accounts.Show(ctx, c.Login)
		if err != nil {
			return err
		}
		app, used, err := paging.First(a.Apps.List(ctx, registry.Filter{SystemUserID: u.ID}))
		if err != nil {
			return err
		}
		if used {
			return fmt.Errorf("%s is the System User of %s: give that another one first "+
				"(tandem app update %[2]s --system-user LOGIN, or an empty one)", u.Login, app.ApplicationURI)
		}
		if err := a.Accounts.Delete(ctx, operator(), c.Login); err != nil {
			return err
		}
		_, err = fmt.Fprintf(r.stdout, "deleted %s\n", c.Login)
		return err
	})
}
