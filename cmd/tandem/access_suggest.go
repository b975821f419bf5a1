package main

import (
	"context"
	"fmt"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/platform"
)

type accessSuggest struct {
	store
	output
	Login string `arg:"" help:"Login."`
	Days  int    `help:"How many days back the account's calls are looked at." default:"30" placeholder:"N"`
}

// suggestionRow is how little an account would have needed, in JSON.
type suggestionRow struct {
	Login    string     `json:"login"`
	Since    stamp      `json:"since"`
	Group    string     `json:"group"`
	Grants   []grantRow `json:"grants"`
	Commands []string   `json:"commands"`
	Notes    []string   `json:"notes"`
}

// Run writes the commands that leave an account what it has used.
func (c *accessSuggest) Run(ctx context.Context, r *run) error {
	if c.Days < 1 || c.Days > 400 {
		return usage("--days %d: uses are kept for 400 days; use 1 to 400", c.Days)
	}
	return c.administer(ctx, r, false, func(a *platform.Administration) error {
		s, err := a.Permissions.Suggest(ctx, c.Login, tandem.SystemTime().Add(-time.Duration(c.Days)*24*time.Hour))
		if err != nil {
			return err
		}
		row := suggestionRow{s.Login, stamp{s.Since}, s.Group, []grantRow{}, append([]string{}, s.Commands...), append([]string{}, s.Notes...)}
		for _, g := range s.Grants {
			row.Grants = append(row.Grants, grantRow{g.Key.Words(), g.Words()})
		}
		if c.Output != "table" {
			return showData(r.stdout, c.output, row)
		}
		for _, note := range s.Notes {
			if _, err := fmt.Fprintln(r.stdout, "# "+plain(note)); err != nil {
				return err
			}
		}
		if len(s.Commands) == 0 {
			s.Commands = []string{fmt.Sprintf("# %s holds nothing that it has not used since %s", s.Login, day(row.Since))}
		}
		for _, command := range s.Commands {
			if _, err := fmt.Fprintln(r.stdout, plain(command)); err != nil {
				return err
			}
		}
		return nil
	})
}
