package registry_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/registry"
)

// credential is one of the portal's, by its id.
func (w *world) credential(id string) *tandem.Credential {
	w.Helper()
	a, err := w.apps.Get(w.Context(), portal)
	w.must(err)
	i := slices.IndexFunc(a.Credentials, func(c tandem.Credential) bool { return c.ID == id })
	if i < 0 {
		w.Fatalf("there is no credential %s", id)
	}
	return &a.Credentials[i]
}

// usable reports whether the live view takes the credential, and knows it.
func (w *world) usable(id string) (good, known bool) {
	w.Helper()
	w.refresh()
	a, _ := w.live.App(portal)
	for i := range a.Credentials {
		if c := &a.Credentials[i]; c.ID == id {
			return c.UsableAt(w.clock.Now()), true
		}
	}
	return false, false
}

func TestRevokedCredentialsStayListed(t *testing.T) {
	each(t, func(w *world) {
		c, _, err := w.apps.AddCredential(t.Context(), by, portal, registry.NewCredential{Flow: tandem.FlowService, Name: " worker A "})
		w.must(err)
		if c.Name != "worker A" || c.CreatedBy != by.Login {
			t.Errorf("made %+v", c)
		}
		w.clock.Advance(time.Minute)
		w.must(w.apps.RevokeCredential(t.Context(), by, portal, c.ID))
		got := w.credential(c.ID)
		if !got.RevokedAt.Equal(w.clock.Now()) || got.RevokedBy != by.Login || got.Name != "worker A" {
			t.Errorf("revoked %+v", got)
		}
		// A program of the version before knows of no revocation, but of the expiry.
		if !got.ExpiresAt.Equal(got.RevokedAt) {
			t.Errorf("it expires %v", got.ExpiresAt)
		}
		if good, known := w.usable(c.ID); good || !known {
			t.Errorf("the live view takes it: %v, knows it: %v", good, known)
		}
		err = w.apps.RevokeCredential(t.Context(), by, portal, c.ID)
		if tandem.ErrorCode(err) != tandem.CodeNotFound || !strings.Contains(err.Error(), "was revoked on") || !strings.Contains(err.Error(), by.Login) {
			t.Errorf("revoked twice: %v", err)
		}
		// It stands in nobody's way: not in the bound, nor when the application becomes public.
		for range registry.MaxCredentials - 2 {
			_, _, err := w.apps.AddCredential(t.Context(), by, portal, registry.NewCredential{Flow: tandem.FlowUser})
			w.must(err)
		}
		a, err := w.apps.Get(t.Context(), portal)
		w.must(err)
		for _, c := range a.Live() {
			w.must(w.apps.RevokeCredential(t.Context(), by, portal, c.ID))
		}
		w.edit(func(a *tandem.TrustedApp) {
			a.ClientType, a.SystemUserAllowed, a.SystemUserID = tandem.ClientPublic, false, ""
		})
		w.clock.Advance(registry.KeepRevoked - time.Minute)
		w.must(w.apps.Purge(t.Context()))
		w.credential(c.ID)
		w.clock.Advance(2 * time.Minute)
		w.must(w.apps.Purge(t.Context()))
		if a, err := w.apps.Get(t.Context(), portal); err != nil || len(a.Credentials) != 0 {
			t.Errorf("after %s: %d credentials, %v", registry.KeepRevoked, len(a.Credentials), err)
		}
	})
}

func TestCredentialsAreRolled(t *testing.T) {
	const day = 24 * time.Hour
	each(t, func(w *world) {
		roll := func(r registry.Roll) registry.Rolled {
			t.Helper()
			made, err := w.apps.RollCredential(t.Context(), by, portal, r)
			w.must(err)
			if !strings.HasPrefix(made.Secret, registry.ServiceSecretPrefix) || made.Flow != tandem.FlowService || made.CreatedBy != by.Login {
				t.Errorf("made %+v", made.Credential)
			}
			return made
		}
		first, _, err := w.apps.AddCredential(t.Context(), by, portal, registry.NewCredential{
			Flow: tandem.FlowService, Name: "worker A", ExpiresAt: w.clock.Now().Add(90 * day),
		})
		w.must(err)
		w.clock.Advance(10 * day)
		second := roll(registry.Roll{CredentialID: first.ID, Overlap: day})
		if second.SuccessorOf != first.ID || second.Name != "worker A" || !second.ExpiresAt.Equal(w.clock.Now().Add(90*day)) {
			t.Errorf("the successor %+v", second.Credential)
		}
		for _, id := range []string{first.ID, second.ID} {
			if good, _ := w.usable(id); !good {
				t.Errorf("%s is not good in the overlap", id)
			}
		}
		w.clock.Advance(day)
		if good, _ := w.usable(first.ID); good || w.credential(first.ID).Revoked() {
			t.Error("the old one is good after the overlap, or was revoked")
		}
		// Without an overlap the old one is revoked; all of the half, when none is named.
		third := roll(registry.Roll{Flow: tandem.FlowService, New: registry.NewCredential{Name: "worker B", ExpiresAt: w.clock.Now().Add(day)}})
		if len(third.Old) != 2 || third.SuccessorOf != second.ID || third.Name != "worker B" || !third.ExpiresAt.Equal(w.clock.Now().Add(day)) {
			t.Errorf("the third %+v follows %v", third.Credential, third.Old)
		}
		for _, old := range third.Old {
			if good, known := w.usable(old.ID); good || !known || !w.credential(old.ID).Revoked() || w.credential(old.ID).RevokedBy != by.Login {
				t.Errorf("%+v is good: %v, known: %v", w.credential(old.ID), good, known)
			}
		}
		// One that ends sooner by itself is not kept longer.
		if fourth := roll(registry.Roll{CredentialID: third.ID, Overlap: 7 * day}); !fourth.Old[0].ExpiresAt.Equal(third.ExpiresAt) {
			t.Errorf("the old one is good until %v, and was until %v", fourth.Old[0].ExpiresAt, third.ExpiresAt)
		}
		e := w.record.All()[len(w.record.All())-2:]
		if f, err := tandem.ParseFacts(e[0].Facts); err != nil || f.After["successor_of"] != third.ID || !strings.Contains(e[0].Detail, "in the place of "+third.ID) ||
			e[1].Detail != "credential "+third.ID+" ends" {
			t.Errorf("recorded %+v", e)
		}
	})
}

func TestRollingHasBounds(t *testing.T) {
	each(t, func(w *world) {
		roll := func(r registry.Roll) error {
			made, err := w.apps.RollCredential(t.Context(), by, portal, r)
			if err != nil && made.Secret != "" {
				t.Error("a refused credential has a secret")
			}
			return err
		}
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		w.must(err)
		der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
		w.must(err)
		public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
		c, _, err := w.apps.AddCredential(t.Context(), by, portal, registry.NewCredential{Flow: tandem.FlowUser, PublicKey: public})
		w.must(err)
		gone, _, err := w.apps.AddCredential(t.Context(), by, portal, registry.NewCredential{Flow: tandem.FlowUser})
		w.must(err)
		w.must(w.apps.RevokeCredential(t.Context(), by, portal, gone.ID))
		w.refused(roll(registry.Roll{CredentialID: c.ID}), tandem.CodeInvalid, "a secret in the place of a public key")
		w.must(roll(registry.Roll{CredentialID: c.ID, Overlap: time.Hour, New: registry.NewCredential{PublicKey: public}}))
		// A new secret takes the place of secrets, and a key that of keys.
		for kind, n := range map[tandem.CredentialKind]registry.NewCredential{tandem.CredentialSecret: {}, tandem.CredentialPublicKey: {PublicKey: public}} {
			made, err := w.apps.RollCredential(t.Context(), by, portal, registry.Roll{Flow: tandem.FlowUser, Overlap: time.Hour, New: n})
			if w.must(err); len(made.Old) == 0 || slices.ContainsFunc(made.Old, func(c tandem.Credential) bool { return c.Kind != kind }) {
				t.Errorf("a new %s follows %v", kind, made.Old)
			}
		}
		w.refused(roll(registry.Roll{CredentialID: gone.ID}), tandem.CodeNotFound, "one that was revoked")
		w.refused(roll(registry.Roll{CredentialID: "none"}), tandem.CodeNotFound, "none")
		w.refused(roll(registry.Roll{Flow: "both"}), tandem.CodeNotFound, "no half")
		w.refused(roll(registry.Roll{Flow: tandem.FlowUser, Overlap: -1}), tandem.CodeInvalid, "an overlap before now")
		w.refused(roll(registry.Roll{Flow: tandem.FlowUser, Overlap: registry.MaxOverlap + 1}), tandem.CodeInvalid, "an overlap for years")
		w.refused(roll(registry.Roll{Flow: tandem.FlowUser, New: registry.NewCredential{PublicKey: public, Name: strings.Repeat("x", 101)}}), tandem.CodeInvalid, "a long name")
		a, err := w.apps.Get(t.Context(), portal)
		w.must(err)
		for range registry.MaxCredentials - len(a.Live()) {
			_, _, err := w.apps.AddCredential(t.Context(), by, portal, registry.NewCredential{Flow: tandem.FlowService})
			w.must(err)
		}
		w.refused(roll(registry.Roll{Flow: tandem.FlowService, Overlap: time.Hour}), tandem.CodeInvalid, "one too many")
		w.must(roll(registry.Roll{Flow: tandem.FlowService}))
	})
}
