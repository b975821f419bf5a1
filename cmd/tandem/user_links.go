package main

import (
	"context"
	"fmt"

	"github.com/hybridapps/tandem/identity/federation"
	"github.com/hybridapps/tandem/platform"
)

// linkRow is a link of a user to a subject of an outside provider in JSON.
type linkRow struct {
	Provider   string `json:"provider"`
	Issuer     string `json:"issuer"`
	Subject    string `json:"subject"`
	Email      string `json:"email"`
	CreatedAt  stamp  `json:"created_at"`
	CreatedBy  string `json:"created_by"`
	LastUsedAt stamp  `json:"last_used_at"`
}

func linkRowOf(l federation.Link) linkRow {
	return linkRow{l.ProviderID, l.Issuer, l.Subject, l.Email, stamp{l.CreatedAt}, l.CreatedBy, stamp{l.LastUsedAt}}
}

// subjectFlags name a subject of an outside provider.
type subjectFlags struct {
	Provider string `help:"Outside provider, as it is called here." required:"" placeholder:"ID"`
	Subject  string `help:"Claim sub of the person there." required:"" placeholder:"SUB"`
}

type userLink struct {
	administering
	output
	Login string `arg:"" help:"Login."`
	subjectFlags
}

// Run links a user to a subject of an outside provider.
func (c *userLink) Run(ctx context.Context, r *run) error {
	return c.administer(ctx, r, false, func(a *platform.Administration) error {
		l, err := a.Outside.Link(ctx, operator(), c.Login, c.Provider, c.Subject)
		if err != nil {
			return err
		}
		row := linkRowOf(l)
		return showOne(r.stdout, c.output, row, []field{
			{"login", c.Login}, {"provider", row.Provider}, {"issuer", row.Issuer}, {"subject", row.Subject}, {"created", then(row.CreatedAt, row.CreatedBy)},
		})
	})
}

type userUnlink struct {
	administering
	Login string `arg:"" help:"Login."`
	subjectFlags
}

// Run ends a link.
func (c *userUnlink) Run(ctx context.Context, r *run) error {
	return c.administer(ctx, r, false, func(a *platform.Administration) error {
		if err := a.Outside.Unlink(ctx, operator(), c.Login, c.Provider, c.Subject); err != nil {
			return err
		}
		_, err := fmt.Fprintf(r.stdout, "unlinked %s from %s\n", c.Login, c.Provider)
		return err
	})
}

type userLinks struct {
	administering
	output
	Login string `arg:"" help:"Login."`
}

// Run lists the links of a user.
func (c *userLinks) Run(ctx context.Context, r *run) error {
	return c.administer(ctx, r, false, func(a *platform.Administration) error {
		links, err := a.Outside.Links(ctx, c.Login)
		if err != nil {
			return err
		}
		rows := make([]linkRow, len(links))
		for i, l := range links {
			rows[i] = linkRowOf(l)
		}
		return showList(r.stdout, c.output, rows, []column[linkRow]{
			{"provider", func(l linkRow) string { return l.Provider }},
			{"subject", func(l linkRow) string { return l.Subject }},
			{"e-mail there", func(l linkRow) string { return l.Email }},
			{"created", func(l linkRow) string { return then(l.CreatedAt, l.CreatedBy) }},
			{"last used", func(l linkRow) string { return l.LastUsedAt.String() }},
		})
	})
}
