package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/platform"
	"github.com/hybridapps/tandem/registry"
)

type credentialCommands struct {
	Add    credentialAdd    `cmd:"" help:"Add a credential for one half. A secret is shown once."`
	List   credentialList   `cmd:"" help:"List an application's credentials."`
	Revoke credentialRevoke `cmd:"" help:"End a credential at once."`
}

// credentialRow is a credential in JSON.
type credentialRow struct {
	ID         string                `json:"id"`
	Flow       tandem.Flow           `json:"flow"`
	Kind       tandem.CredentialKind `json:"kind"`
	Secret     string                `json:"secret,omitempty"`
	CreatedAt  stamp                 `json:"created_at"`
	NotBefore  stamp                 `json:"not_before"`
	ExpiresAt  stamp                 `json:"expires_at"`
	LastUsedAt stamp                 `json:"last_used_at"`
}

func credentialRows(credentials []tandem.Credential) []credentialRow {
	rows := make([]credentialRow, len(credentials))
	for i, c := range credentials {
		rows[i] = credentialRow{
			ID: c.ID, Flow: c.Flow, Kind: c.Kind, CreatedAt: stamp{c.CreatedAt}, NotBefore: stamp{c.NotBefore},
			ExpiresAt: stamp{c.ExpiresAt}, LastUsedAt: stamp{c.LastUsedAt},
		}
	}
	return rows
}

type credentialAdd struct {
	administering
	output
	ID        string      `arg:"" help:"ApplicationUri."`
	Flow      tandem.Flow `help:"Which half it is for: user or service." required:"" enum:"user,service"`
	Expires   days        `help:"For how long it is good (90d, 12h); for ever where not given." placeholder:"SPAN"`
	PublicKey string      `help:"File with a public key (JWK or PEM) for private_key_jwt, instead of a secret." placeholder:"FILE"`
}

// Run adds a credential.
func (c *credentialAdd) Run(ctx context.Context, r *run) error {
	n := registry.NewCredential{Flow: c.Flow}
	if c.PublicKey != "" {
		key, err := os.ReadFile(c.PublicKey)
		if err != nil {
			return fmt.Errorf("public key: %w", err)
		}
		n.PublicKey = key
	}
	if c.Expires > 0 {
		n.ExpiresAt = tandem.SystemTime().Add(time.Duration(c.Expires))
	}
	return c.administer(ctx, r, false, func(a *platform.Administration) error {
		made, secret, err := a.Apps.AddCredential(ctx, actor(), c.ID, n)
		if err != nil {
			return err
		}
		row := credentialRows([]tandem.Credential{made})[0]
		row.Secret = secret
		return showOne(r.stdout, c.output, row, []field{
			{"id", row.ID}, {"flow", string(row.Flow)}, {"secret", row.Secret}, {"expires_at", row.ExpiresAt.String()},
		})
	})
}

type credentialList struct {
	administering
	output
	ID string `arg:"" help:"ApplicationUri."`
}

// Run lists the credentials of an application.
func (c *credentialList) Run(ctx context.Context, r *run) error {
	return c.administer(ctx, r, false, func(a *platform.Administration) error {
		app, err := a.Apps.Get(ctx, c.ID)
		if err != nil {
			return err
		}
		return showList(r.stdout, c.output, credentialRows(app.Credentials), []column[credentialRow]{
			{"id", func(c credentialRow) string { return c.ID }},
			{"flow", func(c credentialRow) string { return string(c.Flow) }},
			{"kind", func(c credentialRow) string { return string(c.Kind) }},
			{"created", func(c credentialRow) string { return c.CreatedAt.String() }},
			{"expires", func(c credentialRow) string { return c.ExpiresAt.String() }},
			{"last used", func(c credentialRow) string { return c.LastUsedAt.String() }},
		})
	})
}

type credentialRevoke struct {
	administering
	ID         string `arg:"" help:"ApplicationUri."`
	Credential string `arg:"" help:"Id of the credential."`
}

// Run ends a credential.
func (c *credentialRevoke) Run(ctx context.Context, r *run) error {
	return c.administer(ctx, r, false, func(a *platform.Administration) error {
		if err := a.Apps.RevokeCredential(ctx, actor(), c.ID, c.Credential); err != nil {
			return err
		}
		_, err := fmt.Fprintf(r.stdout, "revoked %s\n", c.Credential)
		return err
	})
}
