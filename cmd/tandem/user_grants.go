package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/platform"
)

type userGrants struct {
	administering
	listing
	Login string `arg:"" help:"Login."`
}

// allowedRow is what an application may do in somebody's name, in JSON.
type allowedRow struct {
	ApplicationURI string   `json:"application_uri"`
	Name           string   `json:"name"`
	FirstParty     bool     `json:"first_party"`
	Allowed        bool     `json:"allowed"`
	Scope          []string `json:"scope"`
	Since          stamp    `json:"since"`
	LastUsed       stamp    `json:"last_used"`
	Families       int      `json:"refresh_families"`
}

func allowedRowOf(g signin.Granted) allowedRow {
	return allowedRow{g.ApplicationURI, g.Name, g.FirstParty, g.Given, append([]string{}, g.Scope...), stamp{g.Since}, stamp{g.LastUsed}, g.Families}
}

// Run shows what applications may do in the name of a user.
func (c *userGrants) Run(ctx context.Context, r *run) error {
	if err := c.check(); err != nil {
		return err
	}
	return c.administer(ctx, r, false, func(a *platform.Administration) error {
		all, err := a.Grants.Of(ctx, c.Login)
		if err != nil {
			return err
		}
		return showRows(r.stdout, c.listing, each(all), allowedRowOf, []column[allowedRow]{
			{"application", func(g allowedRow) string { return g.ApplicationURI }},
			{"scope", func(g allowedRow) string { return strings.Join(g.Scope, " ") }},
			{"asked", func(g allowedRow) string { return yes(g.Allowed) }},
			{"since", func(g allowedRow) string { return g.Since.String() }},
			{"last used", func(g allowedRow) string { return g.LastUsed.String() }},
			{"refresh families", func(g allowedRow) string { return strconv.Itoa(g.Families) }},
		})
	})
}

type userWithdraw struct {
	administering
	Login       string `arg:"" help:"Login."`
	Application string `arg:"" help:"ApplicationURI." name:"id"`
}

// Run ends all that an application has of a user.
func (c *userWithdraw) Run(ctx context.Context, r *run) error {
	return c.administer(ctx, r, false, func(a *platform.Administration) error {
		if err := a.Grants.Withdraw(ctx, operator(), c.Login, c.Application); err != nil {
			return err
		}
		_, err := fmt.Fprintf(r.stdout, "%s may do nothing in the name of %s any more.\n", c.Application, c.Login)
		return err
	})
}
