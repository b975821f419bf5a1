package main

import (
	"context"
	"time"

	"github.com/hybridapps/tandem/platform"
)

type userResetLink struct {
	administering
	output
	Login string `arg:"" help:"Login."`
	Valid days   `help:"For how long the link is good (2h, 3d), at most 7 days." default:"24h" placeholder:"SPAN"`
	URL   string `name:"url" help:"Public root of the instance; by default that of the replica that ran last." placeholder:"URL"`
}

// resetRow is a link in JSON.
type resetRow struct {
	Login     string `json:"login"`
	Link      string `json:"link"`
	ExpiresAt stamp  `json:"expires_at"`
}

// Run prints a link.
func (c *userResetLink) Run(ctx context.Context, r *run) error {
	return c.administer(ctx, r, false, func(a *platform.Administration) error {
		link, expires, err := a.ResetLink(ctx, operator(), c.Login, c.URL, time.Duration(c.Valid))
		if err != nil {
			return err
		}
		row := resetRow{c.Login, link, stamp{expires}}
		return showOne(r.stdout, c.output, row, []field{{"login", row.Login}, {"link", row.Link}, {"expires_at", row.ExpiresAt.String()}})
	})
}
