package main

import (
	"context"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/platform"
	"github.com/hybridapps/tandem/registry"
)

// overlap is for how long what is replaced stays good: 0, 1h, 24h, 7d.
type overlap days

// UnmarshalText implements encoding.TextUnmarshaler.
func (o *overlap) UnmarshalText(text []byte) error {
	if s := string(text); s == "0" || s == "0s" || s == "0d" {
		*o = 0
		return nil
	}
	return (*days)(o).UnmarshalText(text)
}

// rollFlags say what takes the place of what was, and when that ends.
type rollFlags struct {
	Overlap   overlap `help:"For how long the old one stays good: 0, 1h, 24h, 7d, at most 90d. 0 revokes it at once." default:"24h" placeholder:"SPAN"`
	Name      string  `help:"Name of the new one; the old one's where none is given." placeholder:"TEXT"`
	Expires   days    `help:"For how long the new one is good (90d, 12h); as long as the old one was to be, where not given." placeholder:"SPAN"`
	PublicKey string  `help:"File with the new public key (JWK or PEM); needed in the place of a public key." placeholder:"FILE"`
}

// rolledRow is a new credential in JSON, with those that end.
type rolledRow struct {
	credentialRow
	Ends []credentialRow `json:"ends"`
}

func (f *rollFlags) roll(ctx context.Context, r *run, s *store, o output, id string, roll registry.Roll) (err error) {
	if roll.New, err = newCredential(f.Name, f.PublicKey, f.Expires); err != nil {
		return err
	}
	roll.Overlap = time.Duration(f.Overlap)
	return s.administer(ctx, r, false, func(a *platform.Administration) error {
		made, err := a.Apps.RollCredential(ctx, operator(), id, roll)
		if err != nil {
			return err
		}
		now := tandem.SystemTime()
		row := rolledRow{credentialRow: credentialRowOf(&made.Credential, now)}
		row.Secret = made.Secret
		fields := row.fields()
		for i := range made.Old {
			old := credentialRowOf(&made.Old[i], now)
			row.Ends = append(row.Ends, old)
			if made.Old[i].Revoked() {
				fields = append(fields, field{"revoked", old.ID})
			} else {
				fields = append(fields, field{"good until " + old.ExpiresAt.String(), old.ID})
			}
		}
		return showOne(r.stdout, o, row, fields)
	})
}

type credentialRoll struct {
	administering
	output
	rollFlags
	ID         string `arg:"" help:"ApplicationUri."`
	Credential string `arg:"" help:"Id of the credential."`
}

// Run puts a new credential in the place of one.
func (c *credentialRoll) Run(ctx context.Context, r *run) error {
	return c.roll(ctx, r, &c.store, c.output, c.ID, registry.Roll{CredentialID: c.Credential})
}

type appRoll struct {
	administering
	output
	rollFlags
	ID   string      `arg:"" help:"ApplicationUri."`
	Flow tandem.Flow `help:"Which half: user or service. Its secrets that are good now end, or its public keys where the new one is one." required:"" enum:"user,service"`
}

// Run puts a new credential in the place of those of a half.
func (c *appRoll) Run(ctx context.Context, r *run) error {
	return c.roll(ctx, r, &c.store, c.output, c.ID, registry.Roll{Flow: c.Flow})
}
