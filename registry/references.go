package registry

import (
	"context"
	"crypto/sha256"
	"sync"
	"sync/atomic"

	"github.com/hybridapps/tandem"
)

// MaxReferences bounds the reference tokens kept in memory; beyond it the view starts
// afresh.
const MaxReferences = 20_000

// referenceLooks is how many questions for a token that is not known may wait for the
// database at a time: anybody can invent tokens.
const referenceLooks = 4

// References finds reference tokens, also those that have ended.
type References interface {
	// ReferenceByHash finds one by the SHA-256 of its text. One that was never made is
	// [tandem.ErrNotFound], and so it is for ReferenceByID.
	ReferenceByHash(ctx context.Context, hash [sha256.Size]byte) (tandem.ReferenceToken, error)
	ReferenceByID(ctx context.Context, id string) (tandem.ReferenceToken, error)
	// ReferencesAfter tells the ids of those that ended, or will end earlier, by a
	// change after the one with the number: see [Marks].
	ReferencesAfter(ctx context.Context, change int64, tell func(id string)) error
}

// Why a reference token is refused. What is wrong with one that was never made helps
// only who guesses.
var (
	errReferenceUnknown = refused(tandem.RuleReferenceUnknown, "the reference token is unknown, revoked or expired")
	errReferenceRevoked = refused(tandem.RuleTokenRevoked, "the reference token was revoked")
	errReferenceExpired = refused(tandem.RuleTokenExpired, "the reference token has expired")
	errReferencePolicy  = refused(tandem.RuleReferencePolicy, "the application does not admit reference tokens of this account")
	errReferenceBusy    = tandem.Errorf(tandem.CodeUnavailable, "too many unknown tokens are looked up at the moment; try again")
)

// references are the reference tokens that calls came with, as last read.
type references struct {
	mu     sync.RWMutex // guards what follows
	byHash map[[sha256.Size]byte]*heldReference
	byID   map[string]*heldReference
	mark   int64

	once  sync.Once
	looks chan struct{} // one place for each question that may wait
	uses  referenceUses
}

// heldReference is a token as last read, with whom it speaks for.
type heldReference struct {
	tandem.ReferenceToken
	hash    *[sha256.Size]byte // nil while only the id is known
	speaker atomic.Pointer[speaker]
}

// speaker is whom a token speaks for, made of one state of the account.
type speaker struct {
	*tandem.Principal
	of *tandem.User
}

// Reference is whom a reference token speaks for: to be asked before
// [Registry.Check], which says whether they still may act. The usual answer comes
// from memory, without allocating; a token that was not seen yet is looked up. The
// principal is shared and must not be changed.
//
// A refusal has [tandem.CodeUnauthorized]; while the database does not answer the code
// is [tandem.CodeUnavailable].
func (r *Registry) Reference(ctx context.Context, text string) (*tandem.Principal, error) {
	if r.Ready() != nil {
		return nil, errStaleRegistry
	}
	if r.References == nil || !tandem.IsReferenceToken(text) {
		return nil, errReferenceUnknown.By(tandem.RuleTokenMalformed)
	}
	hash := sha256.Sum256([]byte(text))
	r.references.mu.RLock()
	held := r.references.byHash[hash]
	r.references.mu.RUnlock()
	if held == nil {
		var err error
		held, err = r.readReference(ctx, func(ctx context.Context) (tandem.ReferenceToken, error) {
			return r.References.ReferenceByHash(ctx, hash)
		}, &hash)
		if err != nil {
			return nil, err
		}
	}
	return r.speaker(ctx, held)
}

// speaker makes the principal of a token.
func (r *Registry) speaker(ctx context.Context, t *heldReference) (*tandem.Principal, error) {
	u, err := r.User(ctx, t.UserID)
	if err != nil {
		return nil, notFoundIs(err, errUserGone)
	}
	if s := t.speaker.Load(); s != nil && s.of == u {
		return s.Principal, nil
	}
	p := &tandem.Principal{
		ApplicationURI: t.ApplicationURI, TokenID: t.ID, Reference: true, Scope: t.Scope, IssuedAt: t.CreatedAt, ExpiresAt: t.ExpiresAt,
	}
	if t.Kind == tandem.ReferenceSAT {
		p.Service = &tandem.ServiceIdentity{SystemUserID: u.ID, SystemUserLogin: u.Login}
	} else {
		p.User = &tandem.UserIdentity{ID: u.ID, Login: u.Login, Type: u.Type, Admin: u.Admin}
	}
	t.speaker.Store(&speaker{p, u})
	return p, nil
}

// readReference asks the database, for a bounded number of callers at a time, and
// keeps the answer unless changes were read meanwhile: one of them may be later than
// what was read here. The hash is nil where it is not known.
func (r *Registry) readReference(ctx context.Context, ask func(context.Context) (tandem.ReferenceToken, error), hash *[sha256.Size]byte) (*heldReference, error) {
	r.references.once.Do(func() { r.references.looks = make(chan struct{}, referenceLooks) })
	ctx, cancel := context.WithTimeout(ctx, MaxStale)
	defer cancel()
	select {
	case r.references.looks <- struct{}{}:
	case <-ctx.Done():
		return nil, errReferenceBusy
	}
	defer func() { <-r.references.looks }()
	r.references.mu.RLock()
	mark := r.references.mark
	r.references.mu.RUnlock()
	t, err := ask(ctx)
	if err != nil {
		return nil, notFoundIs(err, errReferenceUnknown)
	}
	held := &heldReference{ReferenceToken: t, hash: hash}
	r.references.keep(held, mark)
	return held, nil
}

func (s *references) keep(t *heldReference, mark int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mark != mark {
		return
	}
	if s.byID == nil || len(s.byID) >= MaxReferences {
		s.byHash, s.byID = map[[sha256.Size]byte]*heldReference{}, map[string]*heldReference{}
	}
	s.byID[t.ID] = t
	if t.hash != nil {
		s.byHash[*t.hash] = t
	}
}

// checkReference is [Registry.Check] for a reference token, of which the application
// is enabled: the token has not ended, and the application and the account still are
// such that it could be made.
func (r *Registry) checkReference(ctx context.Context, app *App, p *tandem.Principal) error {
	t, err := r.referenceOf(ctx, p.TokenID)
	if err != nil {
		return err
	}
	switch {
	case !t.RevokedAt.IsZero():
		return errReferenceRevoked
	case !r.Clock.Now().Before(t.ExpiresAt):
		return errReferenceExpired
	case t.ApplicationID != app.ID:
		return errOlderThanApp
	case app.AccessTokens == tandem.AccessTokensNone:
		return errReferencePolicy
	case t.Kind == tandem.ReferenceSAT:
		return r.checkService(ctx, app, p)
	}
	u, err := r.User(ctx, p.User.ID)
	if err != nil {
		return notFoundIs(err, errUserGone)
	}
	switch {
	case !u.Enabled:
		return errUserOff
	case u.Type != p.User.Type || u.Admin != p.User.Admin || u.Login != p.User.Login:
		return errUserChanged
	case !app.AllowsPAT(u):
		return errReferencePolicy
	case !p.Scope.Within(app.FlowScope(tandem.FlowUser)):
		return errScopeShrunk
	}
	return nil
}

// referenceOf is the token with the id, as it is now.
func (r *Registry) referenceOf(ctx context.Context, id string) (*heldReference, error) {
	r.references.mu.RLock()
	t := r.references.byID[id]
	r.references.mu.RUnlock()
	if t != nil {
		return t, nil
	}
	return r.readReference(ctx, func(ctx context.Context) (tandem.ReferenceToken, error) {
		return r.References.ReferenceByID(ctx, id)
	}, nil)
}

// MayReference is [Registry.Check] for the reference token with the id.
func (r *Registry) MayReference(ctx context.Context, id string) error {
	if r.Ready() != nil || r.References == nil {
		return errStaleRegistry
	}
	t, err := r.referenceOf(ctx, id)
	if err != nil {
		return err
	}
	p, err := r.speaker(ctx, t)
	if err != nil {
		return err
	}
	return r.Check(ctx, p)
}

// refreshReferences forgets the tokens that have changed: they are read again when they
// are seen again.
func (r *Registry) refreshReferences(ctx context.Context, newest int64) error {
	mark := r.references.mark // only written here
	if r.References == nil || newest == mark {
		return nil
	}
	var changed []string
	all := mark == 0 || newest < mark || newest-mark > MaxReferences
	if !all {
		if err := r.References.ReferencesAfter(ctx, mark, func(id string) { changed = append(changed, id) }); err != nil {
			return err
		}
	}
	s := &r.references
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mark = newest
	if all {
		s.byHash, s.byID = nil, nil
		return nil
	}
	for _, id := range changed {
		if t := s.byID[id]; t != nil {
			delete(s.byID, id)
			if t.hash != nil {
				delete(s.byHash, *t.hash)
			}
		}
	}
	return nil
}
