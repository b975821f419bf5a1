package registry

import (
	"encoding/binary"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem"
)

// packed is an [App] in one piece of memory, a third of what it takes otherwise: of
// ten thousand applications a few are asked about in the same minute.
type packed string

// pack is what [packed.open] makes an application of again.
func pack(a *App) packed {
	var w packer
	w.number(a.Version)
	w.id(a.ID)
	w.text(a.ApplicationURI)
	w.text(a.Name)
	w.text(string(a.ClientType))
	w.text(string(a.AccessTokens))
	w.id(a.SystemUserID)
	w.number(a.CreatedAt.UnixMicro())
	w.flags(a.Enabled, a.InternalUsers, a.ExternalUsers, a.SystemUserAllowed, a.CreatedAt.IsZero(), a.PushedOnly, a.BoundOnly, a.FAPI, a.DeviceFlow, a.FirstParty, a.ProofNonce)
	w.number(int64(slices.Index(tandem.IDTokenAlgorithms, a.IDTokenAlgorithm)))
	w.text(string(a.classicSecret))
	w.text(a.userFlow.String())
	w.text(a.serviceFlow.String())
	w.texts(a.RedirectURIs)
	w.texts(a.PostLogoutRedirectURIs)
	w.resource(a.Resource)
	w.number(int64(len(a.Credentials)))
	for i := range a.Credentials {
		c := &a.Credentials[i]
		w.id(c.ID)
		w.text(string(c.Kind))
		w.text(string(c.Flow))
		w.text(string(c.Proof))
		w.number(c.notBefore)
		w.number(c.expiresAt)
		w.flags(c.revoked)
	}
	return packed(w.all)
}

// head are the first values.
func (p packed) head() (version int64, id, uri string) {
	r := unpacker{p}
	return r.number(), r.id(), r.text()
}

// open makes the application again. Its texts are parts of the packed one.
func (p packed) open() *App {
	r := unpacker{p}
	a := &App{
		Version: r.number(), ID: r.id(), ApplicationURI: r.text(), Name: r.text(), ClientType: tandem.ClientType(r.text()),
		AccessTokens: tandem.AccessTokensPolicy(r.text()), SystemUserID: r.id(),
		CreatedAt: time.UnixMicro(r.number()).UTC(),
	}
	var neverMade bool
	r.flags(&a.Enabled, &a.InternalUsers, &a.ExternalUsers, &a.SystemUserAllowed, &neverMade, &a.PushedOnly, &a.BoundOnly, &a.FAPI, &a.DeviceFlow, &a.FirstParty, &a.ProofNonce)
	if n := r.number(); n >= 0 {
		a.IDTokenAlgorithm = tandem.IDTokenAlgorithms[n]
	}
	if neverMade {
		a.CreatedAt = time.Time{}
	}
	if secret := r.text(); secret != "" {
		a.classicSecret = []byte(secret)
	}
	a.userFlow, a.serviceFlow = strings.Fields(r.text()), strings.Fields(r.text())
	a.RedirectURIs, a.PostLogoutRedirectURIs = r.texts(), r.texts()
	a.Resource = r.resource(a)
	a.Credentials = make([]Credential, r.number())
	for i := range a.Credentials {
		a.Credentials[i] = Credential{
			ID: r.id(), Kind: tandem.CredentialKind(r.text()), Flow: tandem.Flow(r.text()), Proof: []byte(r.text()),
			notBefore: r.number(), expiresAt: r.number(),
		}
		r.flags(&a.Credentials[i].revoked)
	}
	return a
}

// resource writes nothing but a zero for none.
func (w *packer) resource(of *Resource) {
	if of == nil {
		w.text("")
		return
	}
	w.text(of.URI)
	w.texts(of.Scopes)
	w.texts(of.AcceptsFrom)
}

func (r *unpacker) resource(owner *App) *Resource {
	uri := r.text()
	if uri == "" {
		return nil
	}
	return &Resource{URI: uri, Scopes: r.texts(), AcceptsFrom: r.texts(), Owner: owner.ApplicationURI, Name: owner.Name, Enabled: owner.Enabled}
}

// orNil is nil for none.
func (p packed) orNil() *App {
	if p == "" {
		return nil
	}
	return p.open()
}

// packer writes one value after another.
type packer struct{ all []byte }

func (w *packer) number(n int64) { w.all = binary.AppendVarint(w.all, n) }

func (w *packer) text(s string) {
	w.number(int64(len(s)))
	w.all = append(w.all, s...)
}

func (w *packer) texts(all []string) {
	w.number(int64(len(all)))
	for _, s := range all {
		w.text(s)
	}
}

func (w *packer) flags(all ...bool) {
	var bits int64
	for i, yes := range all {
		if yes {
			bits |= 1 << i
		}
	}
	w.number(bits)
}

// id writes a GUID, as all ids are that are made here, in half of its length. What has
// the length of -1 is a GUID.
func (w *packer) id(s string) {
	id, err := uuid.Parse(s)
	if err != nil || id.String() != s {
		w.text(s)
		return
	}
	w.number(-1)
	w.all = append(w.all, id[:]...)
}

// unpacker reads what a [packer] has written, in the same order.
type unpacker struct{ left packed }

func (r *unpacker) number() int64 {
	var n uint64
	for shift := 0; ; shift += 7 {
		b := r.left[0]
		r.left = r.left[1:]
		if n |= uint64(b&0x7f) << shift; b < 0x80 {
			return int64(n>>1) ^ -int64(n&1) // as binary.Varint has it
		}
	}
}

func (r *unpacker) next(n int64) string {
	part := r.left[:n]
	r.left = r.left[n:]
	return string(part)
}

func (r *unpacker) text() string { return r.next(r.number()) }

func (r *unpacker) texts() []string {
	n := r.number()
	if n == 0 {
		return nil
	}
	all := make([]string, n)
	for i := range all {
		all[i] = r.text()
	}
	return all
}

func (r *unpacker) flags(all ...*bool) {
	bits := r.number()
	for i, yes := range all {
		*yes = bits&(1<<i) != 0
	}
}

func (r *unpacker) id() string {
	n := r.number()
	if n >= 0 {
		return r.next(n)
	}
	var id uuid.UUID
	copy(id[:], r.next(int64(len(id))))
	return id.String()
}
