package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/platform"
)

// factorRow is a second factor in JSON. There is nothing secret in it.
type factorRow struct {
	ID        string            `json:"id"`
	Kind      signin.FactorKind `json:"kind"`
	Name      string            `json:"name"`
	CreatedAt stamp             `json:"created_at"`
	UsedAt    stamp             `json:"used_at"`
	UsedFrom  string            `json:"used_from"`
}

func factorRowOf(f signin.Factor) factorRow {
	return factorRow{f.ID, f.Kind, f.Name, stamp{f.CreatedAt}, stamp{f.UsedAt}, f.UsedFrom}
}

type userFactors struct {
	administering
	listing
	Login string `arg:"" help:"Login."`
}

// Run shows the second factors of a user. How many recovery codes are left is the last
// row.
func (c *userFactors) Run(ctx context.Context, r *run) error {
	if err := c.check(); err != nil {
		return err
	}
	return c.administer(ctx, r, false, func(a *platform.Administration) error {
		factors, codes, err := a.Accounts.SecondFactors(ctx, c.Login)
		if err != nil {
			return err
		}
		if codes > 0 {
			factors = append(factors, signin.Factor{Kind: signin.FactorRecovery, Name: strconv.Itoa(codes) + " codes left"})
		}
		rows := func(yield func(signin.Factor, error) bool) {
			for i := range factors {
				if !yield(factors[i], nil) {
					return
				}
			}
		}
		return showRows(r.stdout, c.listing, rows, factorRowOf, []column[factorRow]{
			{"id", func(f factorRow) string { return f.ID }},
			{"kind", func(f factorRow) string { return string(f.Kind) }},
			{"name", func(f factorRow) string { return f.Name }},
			{"added", func(f factorRow) string { return f.CreatedAt.String() }},
			{"last used", func(f factorRow) string { return f.UsedAt.String() }},
			{"from", func(f factorRow) string { return f.UsedFrom }},
		})
	})
}

type userResetFactors struct{ oneUser }

// Run removes the second factors of a user.
func (c *userResetFactors) Run(ctx context.Context, r *run) error {
	return c.do(ctx, r, func(a *platform.Administration) (tandem.User, error) {
		u, err := a.Accounts.ResetFactors(ctx, operator(), c.Login)
		if err != nil {
			return u, fmt.Errorf("reset the second factors: %w", err)
		}
		return u, nil
	})
}
