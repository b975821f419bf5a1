package main

import (
	"context"

	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/platform"
)

type keyCommands struct {
	List     keyList     `cmd:"" help:"List the signing keys."`
	Rotate   keyRotate   `cmd:"" help:"Make the next signing keys: published now, used in ten minutes."`
	Distrust keyDistrust `cmd:"" help:"Stop trusting a signing key at once, as after it became known: every token that it signed is dead within 5 s."`
}

// keyRow is a signing key in JSON.
type keyRow struct {
	ID         string         `json:"id"`
	Use        token.KeyUse   `json:"use"`
	Algorithm  string         `json:"algorithm"`
	State      token.KeyState `json:"state"`
	CreatedAt  stamp          `json:"created_at"`
	ActivateAt stamp          `json:"activate_at"`
	RetireAt   stamp          `json:"retire_at"`
	RemoveAt   stamp          `json:"remove_at"`
}

func showKeys(r *run, o output, keys []token.KeyInfo) error {
	rows := make([]keyRow, len(keys))
	for i, k := range keys {
		rows[i] = keyRow{k.ID, k.Use, k.Algorithm, k.State, stamp{k.CreatedAt}, stamp{k.ActivateAt}, stamp{k.RetireAt}, stamp{k.RemoveAt}}
	}
	return showList(r.stdout, o, rows, []column[keyRow]{
		{"id", func(k keyRow) string { return k.ID }},
		{"use", func(k keyRow) string { return string(k.Use) }},
		{"algorithm", func(k keyRow) string { return k.Algorithm }},
		{"state", func(k keyRow) string { return string(k.State) }},
		{"signs from", func(k keyRow) string { return k.ActivateAt.String() }},
		{"until", func(k keyRow) string { return k.RetireAt.String() }},
		{"removed", func(k keyRow) string { return k.RemoveAt.String() }},
	})
}

type keyList struct {
	administering
	output
}

// Run lists the signing keys.
func (c *keyList) Run(ctx context.Context, r *run) error {
	return c.administer(ctx, r, false, func(a *platform.Administration) error {
		if err := a.LoadKeys(ctx); err != nil {
			return err
		}
		return showKeys(r, c.output, a.Keys.List())
	})
}

type keyRotate struct {
	administering
	output
}

// Run makes the next signing keys.
func (c *keyRotate) Run(ctx context.Context, r *run) error {
	return c.administer(ctx, r, false, func(a *platform.Administration) error {
		keys, err := a.RotateKeys(ctx, operator())
		if err != nil {
			return err
		}
		return showKeys(r, c.output, keys)
	})
}

type keyDistrust struct {
	administering
	output
	ID string `arg:"" help:"Id of the key (kid)."`
}

// Run stops trusting a signing key.
func (c *keyDistrust) Run(ctx context.Context, r *run) error {
	return c.administer(ctx, r, false, func(a *platform.Administration) error {
		keys, err := a.DistrustKey(ctx, operator(), c.ID)
		if err != nil {
			return err
		}
		return showKeys(r, c.output, keys)
	})
}
