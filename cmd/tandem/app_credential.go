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
	List   credentialList   `cmd:"" help:"List an application's credentials, also those that were revoked in the last 400 days."`
	Roll   credentialRoll   `cmd:"" help:"Put a new credential in the place of one, which stays good for a while. A secret is shown once."`
	Revoke credentialRevoke `cmd:"" help:"End a credential at once, and the access tokens that were got with it."`
}

// credentialRow is a credential in JSON.
type credentialRow struct {
	ID           string                `json:"id"`
	Name         string                `json:"name"`
	Flow         tandem.Flow           `json:"flow"`
	Kind         tandem.CredentialKind `json:"kind"`
	State        string                `json:"state"`
	Secret       string                `json:"secret,omitempty"`
	CreatedAt    stamp                 `json:"created_at"`
	CreatedBy    string                `json:"created_by"`
	NotBefore    stamp                 `json:"not_before"`
	ExpiresAt    stamp                 `json:"expires_at"`
	LastUsedAt   stamp                 `json:"last_used_at"`
	LastUsedFrom string                `json:"last_used_from"`
	RevokedAt    stamp                 `json:"revoked_at"`
	RevokedBy    string                `json:"revoked_by"`
	SuccessorOf  string                `json:"successor_of"`
}

// The kind and the flow of the classic secret, which is no credential of one half.
const (
	classicKind tandem.CredentialKind = "secret_hash"
	classicFlow tandem.Flow           = "both"
)

// credentialRows are the credentials of an application, its classic secret first.
func credentialRows(app *tandem.TrustedApp) []credentialRow {
	now := tandem.SystemTime()
	rows := make([]credentialRow, 0, len(app.Credentials)+1)
	if app.SecretHash != "" {
		rows = append(rows, credentialRow{
			ID: tandem.ClassicCredential, Name: "ApplicationSecretHash", Flow: classicFlow, Kind: classicKind, State: credentialActive,
			LastUsedAt: stamp{app.SecretUsedAt}, LastUsedFrom: app.SecretUsedFrom,
		})
	}
	for i := range app.Credentials {
		rows = append(rows, credentialRowOf(&app.Credentials[i], now))
	}
	return rows
}

func credentialRowOf(c *tandem.Credential, now time.Time) credentialRow {
	return credentialRow{
		ID: c.ID, Name: c.Name, Flow: c.Flow, Kind: c.Kind, State: credentialState(c, now), CreatedAt: stamp{c.CreatedAt}, CreatedBy: c.CreatedBy,
		NotBefore: stamp{c.NotBefore}, ExpiresAt: stamp{c.ExpiresAt}, LastUsedAt: stamp{c.LastUsedAt}, LastUsedFrom: c.LastUsedFrom,
		RevokedAt: stamp{c.RevokedAt}, RevokedBy: c.RevokedBy, SuccessorOf: c.SuccessorOf,
	}
}

// What a credential is at the moment.
const (
	credentialActive  = "active"
	credentialEarly   = "not yet"
	credentialExpired = "expired"
	credentialRevoked = "revoked"
)

func credentialState(c *tandem.Credential, now time.Time) string {
	switch {
	case c.Revoked():
		return credentialRevoked
	case c.UsableAt(now):
		return credentialActive
	case now.Before(c.NotBefore):
		return credentialEarly
	}
	return credentialExpired
}

type credentialAdd struct {
	administering
	output
	ID        string      `arg:"" help:"ApplicationUri."`
	Flow      tandem.Flow `help:"Which half it is for: user or service." required:"" enum:"user,service"`
	Name      string      `help:"What people tell it by: \"worker A\"." placeholder:"TEXT"`
	Expires   days        `help:"For how long it is good (90d, 12h); for ever where not given." placeholder:"SPAN"`
	PublicKey string      `help:"File with a public key (JWK or PEM) for private_key_jwt, instead of a secret." placeholder:"FILE"`
}

// Run adds a credential.
func (c *credentialAdd) Run(ctx context.Context, r *run) error {
	n, err := newCredential(c.Name, c.PublicKey, c.Expires)
	if err != nil {
		return err
	}
	n.Flow = c.Flow
	return c.administer(ctx, r, false, func(a *platform.Administration) error {
		made, secret, err := a.Apps.AddCredential(ctx, operator(), c.ID, n)
		if err != nil {
			return err
		}
		row := credentialRowOf(&made, tandem.SystemTime())
		row.Secret = secret
		return showOne(r.stdout, c.output, row, row.fields())
	})
}

func (c *credentialRow) fields() []field {
	return []field{
		{"id", c.ID}, {"name", c.Name}, {"flow", string(c.Flow)}, {"secret", c.Secret}, {"expires_at", c.ExpiresAt.String()}, {"successor_of", c.SuccessorOf},
	}
}

// newCredential reads what a credential is made of.
func newCredential(name, publicKey string, expires days) (n registry.NewCredential, err error) {
	n.Name = name
	if publicKey != "" {
		if n.PublicKey, err = os.ReadFile(publicKey); err != nil {
			return n, fmt.Errorf("public key: %w", err)
		}
	}
	if expires > 0 {
		n.ExpiresAt = tandem.SystemTime().Add(time.Duration(expires))
	}
	return n, nil
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
		return showList(r.stdout, c.output, credentialRows(&app), []column[credentialRow]{
			{"id", func(c credentialRow) string { return c.ID }},
			{"name", func(c credentialRow) string { return c.Name }},
			{"flow", func(c credentialRow) string { return string(c.Flow) }},
			{"kind", func(c credentialRow) string { return string(c.Kind) }},
			{"state", func(c credentialRow) string { return c.State }},
			{"created", func(c credentialRow) string { return then(c.CreatedAt, c.CreatedBy) }},
			{"expires", func(c credentialRow) string { return c.ExpiresAt.String() }},
			{"last used", func(c credentialRow) string { return then(c.LastUsedAt, c.LastUsedFrom) }},
			{"revoked", func(c credentialRow) string { return then(c.RevokedAt, c.RevokedBy) }},
			{"successor of", func(c credentialRow) string { return c.SuccessorOf }},
		})
	})
}

// then tells of a moment, and of who or where.
func then(at stamp, of string) string {
	if at.IsZero() || of == "" {
		return at.String()
	}
	return at.String() + " " + of
}

type credentialRevoke struct {
	administering
	ID         string `arg:"" help:"ApplicationUri."`
	Credential string `arg:"" help:"Id of the credential."`
	KeepTokens bool   `help:"Leave the access tokens that were got with it alone until they expire, as when it is only no longer needed."`
}

// Run ends a credential.
func (c *credentialRevoke) Run(ctx context.Context, r *run) error {
	return c.administer(ctx, r, false, func(a *platform.Administration) error {
		ended, err := a.RevokeCredential(ctx, operator(), c.ID, c.Credential, !c.KeepTokens)
		if err != nil {
			return err
		}
		told := "revoked " + c.Credential
		if ended > 0 {
			told += fmt.Sprintf(", and %d access tokens that were got with it", ended)
		}
		_, err = fmt.Fprintln(r.stdout, told)
		return err
	})
}
