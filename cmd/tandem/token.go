package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/platform"
	"github.com/hybridapps/tandem/registry"
)

type tokenCommands struct {
	Create tokenCreate `cmd:"" help:"Make a reference token: a PAT, which acts as a person, or a SAT, which acts as an application's System User. It is shown once."`
	List   tokenList   `cmd:"" help:"List reference tokens, the newest first."`
	Roll   tokenRoll   `cmd:"" help:"Make the successor of a reference token, which ends the old one. It is shown once."`
	Revoke tokenRevoke `cmd:"" help:"End a reference token, and its session, within a second."`
}

// tokenRow is a reference token in JSON.
type tokenRow struct {
	ID             string               `json:"id"`
	Kind           tandem.ReferenceKind `json:"kind"`
	Token          string               `json:"token,omitempty"`
	User           string               `json:"user"`
	ApplicationURI string               `json:"application_uri"`
	Name           string               `json:"name"`
	Scope          string               `json:"scope"`
	State          string               `json:"state"`
	CreatedAt      stamp                `json:"created_at"`
	CreatedBy      string               `json:"created_by"`
	CreatedFrom    string               `json:"created_from"`
	ExpiresAt      stamp                `json:"expires_at"`
	LastUsedAt     stamp                `json:"last_used_at"`
	LastUsedFrom   string               `json:"last_used_from"`
	LastWrittenAt  stamp                `json:"last_written_at"`
	Calls          int64                `json:"calls"`
	RevokedAt      stamp                `json:"revoked_at"`
	RevokedBy      string               `json:"revoked_by"`
	SuccessorOf    string               `json:"successor_of"`
}

func tokenRowOf(t registry.ListedReference) tokenRow {
	row := tokenRow{
		ID: t.ID, Kind: t.Kind, User: t.User, ApplicationURI: t.ApplicationURI, Name: t.Name, Scope: t.Scope.String(), State: "live",
		CreatedAt: stamp{t.CreatedAt}, CreatedBy: t.CreatedBy, CreatedFrom: t.CreatedFrom, ExpiresAt: stamp{t.ExpiresAt},
		LastUsedAt: stamp{t.LastUsedAt}, LastUsedFrom: t.LastUsedFrom, LastWrittenAt: stamp{t.LastWrittenAt}, Calls: t.Calls,
		RevokedAt: stamp{t.RevokedAt}, RevokedBy: t.RevokedBy, SuccessorOf: t.SuccessorOf,
	}
	switch {
	case !t.RevokedAt.IsZero():
		row.State = "revoked"
	case !t.Live(tandem.SystemTime()):
		row.State = "expired"
	}
	return row
}

// made shows a token with its text, this once.
func made(ctx context.Context, r *run, a *platform.Administration, o output, t tandem.ReferenceToken, text string) error {
	u, err := a.Apps.Accounts.UserByID(ctx, t.UserID)
	if err != nil {
		return err
	}
	row := tokenRowOf(registry.ListedReference{ReferenceToken: t, User: u.Login})
	row.Token = text
	return showOne(r.stdout, o, row, []field{
		{"token", row.Token}, {"id", row.ID}, {"kind", string(row.Kind)}, {"user", row.User}, {"application_uri", row.ApplicationURI},
		{"name", row.Name}, {"scope", row.Scope}, {"expires", row.ExpiresAt.String()}, {"successor_of", row.SuccessorOf},
	})
}

type tokenCreate struct {
	administering
	output
	Kind        tandem.ReferenceKind `help:"pat for a person's token, sat for the System User's; with --user it is a pat." enum:"pat,sat," default:"" placeholder:"KIND"`
	Application string               `help:"ApplicationUri that the token belongs to: its --access-tokens say who may have one." required:"" aliases:"app" placeholder:"ID"`
	User        string               `help:"Person that a PAT acts as." placeholder:"LOGIN"`
	Scope       string               `help:"What it may do: read, or \"read update\"; no more than that half of the application." required:"" placeholder:"SCOPE"`
	Expires     days                 `help:"For how long it is good: 90d, 12h; 366d at most." required:"" placeholder:"SPAN"`
	Name        string               `help:"What it is for." placeholder:"TEXT"`
}

// Run makes a reference token.
func (c *tokenCreate) Run(ctx context.Context, r *run) error {
	if c.Kind == "" && c.User != "" {
		c.Kind = tandem.ReferencePAT
	}
	switch {
	case c.Kind == "":
		return usage("say whose token it is: --user LOGIN for a person's, --kind sat for the System User's")
	case c.Kind == tandem.ReferencePAT && c.User == "":
		return usage("--kind pat: name the person with --user LOGIN")
	case c.Kind == tandem.ReferenceSAT && c.User != "":
		return usage("--kind sat acts as the application's System User: leave out --user")
	}
	return c.administer(ctx, r, false, func(a *platform.Administration) error {
		t, text, err := a.References.Create(ctx, operator(), registry.NewReference{
			Kind: c.Kind, ApplicationURI: c.Application, Login: c.User, Scope: tandem.ParseScope(c.Scope), Name: c.Name,
			ExpiresAt: tandem.SystemTime().Add(time.Duration(c.Expires)),
		})
		if err != nil {
			return err
		}
		return made(ctx, r, a, c.output, t, text)
	})
}

type tokenList struct {
	administering
	listing
	Application string               `help:"Only those of an application." aliases:"app" placeholder:"ID"`
	User        string               `help:"Only those that act as a user, or as a System User." placeholder:"LOGIN"`
	Kind        tandem.ReferenceKind `help:"Only those of a kind: pat or sat." enum:"pat,sat," default:"" placeholder:"KIND"`
	Unused      days                 `help:"Only those that are older than this, and were not used for so long." placeholder:"SPAN"`
	Expiring    days                 `help:"Only those that expire within the time." placeholder:"SPAN"`
	All         bool                 `help:"Also show those that were revoked or have expired."`
}

// Run lists reference tokens.
func (c *tokenList) Run(ctx context.Context, r *run) error {
	if err := c.check(); err != nil {
		return err
	}
	now := tandem.SystemTime()
	f := registry.ReferenceFilter{ApplicationURI: c.Application, Kind: c.Kind}
	if !c.All {
		f.LiveAt = now
	}
	if c.Unused > 0 {
		f.UnusedSince = now.Add(-time.Duration(c.Unused))
	}
	if c.Expiring > 0 {
		f.ExpiresBefore = now.Add(time.Duration(c.Expiring))
	}
	return c.administer(ctx, r, false, func(a *platform.Administration) error {
		if c.User != "" {
			u, err := a.Accounts.Show(ctx, c.User)
			if err != nil {
				return err
			}
			f.UserID = u.ID
		}
		return showRows(r.stdout, c.listing, a.References.List(ctx, f), tokenRowOf, []column[tokenRow]{
			{"id", func(t tokenRow) string { return t.ID }},
			{"kind", func(t tokenRow) string { return string(t.Kind) }},
			{"user", func(t tokenRow) string { return t.User }},
			{"application", func(t tokenRow) string { return t.ApplicationURI }},
			{"name", func(t tokenRow) string { return t.Name }},
			{"scope", func(t tokenRow) string { return t.Scope }},
			{"expires", func(t tokenRow) string { return t.ExpiresAt.String() }},
			{"last used", func(t tokenRow) string {
				if t.LastUsedAt.IsZero() {
					return "never"
				}
				return t.LastUsedAt.String() + " from " + t.LastUsedFrom
			}},
			{"calls", func(t tokenRow) string { return strconv.FormatInt(t.Calls, 10) }},
			{"state", func(t tokenRow) string { return t.State }},
		})
	})
}

type tokenRoll struct {
	administering
	output
	ID      string `arg:"" help:"Id of the token."`
	Overlap string `help:"For how long the old one stays good: 24h, 7d, or 0 to end it at once." default:"24h" placeholder:"SPAN"`
	Expires days   `help:"For how long the new one is good; 90d where not given." placeholder:"SPAN"`
}

// Run makes the successor of a reference token.
func (c *tokenRoll) Run(ctx context.Context, r *run) error {
	var overlap days
	if c.Overlap != "0" {
		if err := overlap.UnmarshalText([]byte(c.Overlap)); err != nil {
			return usage("--overlap: %w", err)
		}
	}
	if c.Expires == 0 {
		c.Expires = days(90 * 24 * time.Hour)
	}
	return c.administer(ctx, r, false, func(a *platform.Administration) error {
		t, text, err := a.References.Roll(ctx, operator(), c.ID, time.Duration(overlap), tandem.SystemTime().Add(time.Duration(c.Expires)))
		if err != nil {
			return err
		}
		return made(ctx, r, a, c.output, t, text)
	})
}

type tokenRevoke struct {
	administering
	ID string `arg:"" help:"Id of the token."`
}

// Run ends a reference token.
func (c *tokenRevoke) Run(ctx context.Context, r *run) error {
	return c.administer(ctx, r, false, func(a *platform.Administration) error {
		if err := a.References.Revoke(ctx, operator(), c.ID); err != nil {
			return err
		}
		_, err := fmt.Fprintf(r.stdout, "revoked %s\n", c.ID)
		return err
	})
}
