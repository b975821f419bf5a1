package main

import (
	"context"

	"github.com/hybridapps/tandem/platform"
)

type userPerson struct {
	administering
	output
	Login  string `arg:"" help:"Login."`
	Person string `arg:"" optional:"" help:"Its PartyCode or Id in the ERP; without one the person is shown." placeholder:"PERSON"`
	None   bool   `help:"The user is no person of the ERP any more."`
}

// personRow is the person of a user in JSON.
type personRow struct {
	Login string `json:"login"`
	ID    string `json:"person_id"`
	Code  string `json:"party_code"`
	Name  string `json:"party_name"`
}

// Run shows or sets which person of the ERP a user is.
func (c *userPerson) Run(ctx context.Context, r *run) error {
	if c.None && c.Person != "" {
		return usage("--none and a person are two things; give one of them")
	}
	sets := c.None || c.Person != ""
	return c.administer(ctx, r, sets, func(a *platform.Administration) error {
		p, err := a.PersonOf(ctx, c.Login)
		if sets && err == nil {
			p, err = a.SetPerson(ctx, operator(), c.Login, c.Person)
		}
		if err != nil {
			return err
		}
		row := personRow{c.Login, p.ID, p.Code, p.Name}
		return showOne(r.stdout, c.output, row, []field{{"login", row.Login}, {"party_code", row.Code}, {"party_name", row.Name}, {"person_id", row.ID}})
	})
}
