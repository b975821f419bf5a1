package main

import (
	"context"
	"strings"

	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/platform"
)

type userSignIns struct {
	administering
	listing
	Login string `arg:"" help:"Login."`
	All   bool   `help:"Also show sign-ins that have ended or expired, for as long as they are kept."`
}

// signInRow is a sign-in in JSON.
type signInRow struct {
	ID           string       `json:"id"`
	Device       string       `json:"device"`
	UserAgent    string       `json:"user_agent"`
	CreatedAt    stamp        `json:"created_at"`
	CreatedFrom  string       `json:"created_from"`
	LastSeenAt   stamp        `json:"last_seen_at"`
	LastSeenFrom string       `json:"last_seen_from"`
	AuthTime     stamp        `json:"auth_time"`
	AMR          []string     `json:"amr"`
	ACR          string       `json:"acr"`
	ExpiresAt    stamp        `json:"expires_at"`
	EndedAt      stamp        `json:"ended_at"`
	Applications []reachedRow `json:"applications"`
}

// reachedRow is an application that got a code of a sign-in.
type reachedRow struct {
	ID             string `json:"id"`
	ApplicationURI string `json:"application_uri"`
	FirstAt        stamp  `json:"first_at"`
	LastAt         stamp  `json:"last_at"`
}

func signInRowOf(s signin.Known) signInRow {
	row := signInRow{
		ID: s.ID, Device: signin.Device(s.UserAgent), UserAgent: s.UserAgent, CreatedAt: stamp{s.CreatedAt}, CreatedFrom: s.CreatedFrom,
		LastSeenAt: stamp{s.LastSeenAt}, LastSeenFrom: s.LastSeenFrom, AuthTime: stamp{s.AuthTime}, ACR: s.Authentication.ACR(), AMR: s.Authentication.AMR(),
		ExpiresAt: stamp{s.ExpiresAt}, EndedAt: stamp{s.EndedAt}, Applications: []reachedRow{},
	}
	for _, r := range s.Reached {
		row.Applications = append(row.Applications, reachedRow{r.ApplicationID, r.ApplicationURI, stamp{r.First}, stamp{r.Last}})
	}
	return row
}

// names are the applications for a table.
func (r *signInRow) names() string {
	var names []string
	for _, a := range r.Applications {
		if a.ApplicationURI != "" {
			names = append(names, a.ApplicationURI)
		} else {
			names = append(names, "(deleted)")
		}
	}
	return strings.Join(names, ", ")
}

// Run shows the sign-ins of a user.
func (c *userSignIns) Run(ctx context.Context, r *run) error {
	if err := c.check(); err != nil {
		return err
	}
	return c.administer(ctx, r, false, func(a *platform.Administration) error {
		known, err := a.Accounts.SignIns(ctx, c.Login, c.All)
		if err != nil {
			return err
		}
		columns := []column[signInRow]{
			{"id", func(s signInRow) string { return s.ID }},
			{"device", func(s signInRow) string { return s.Device }},
			{"since", func(s signInRow) string { return s.CreatedAt.String() }},
			{"from", func(s signInRow) string { return s.CreatedFrom }},
			{"last seen", func(s signInRow) string { return s.LastSeenAt.String() }},
			{"last from", func(s signInRow) string { return s.LastSeenFrom }},
			{"applications", func(s signInRow) string { return s.names() }},
		}
		if c.All {
			columns = append(columns, column[signInRow]{"ended", func(s signInRow) string { return s.EndedAt.String() }})
		}
		return showRows(r.stdout, c.listing, each(known), signInRowOf, columns)
	})
}
