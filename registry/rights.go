package registry

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/permission"
)

// Permissions tells what groups are granted, and who is in them: a part of
// [permission.Store].
type Permissions interface {
	Definitions(ctx context.Context) (permission.Definitions, error)
	GroupsOf(ctx context.Context, userID string) (groups []string, version int64, err error)
}

// rights are what accounts may do, as last read.
type rights struct {
	table atomic.Pointer[permission.Table]

	mu   sync.RWMutex // guards seen
	seen map[string]heldRights
}

// heldRights are an account's, of one state of the definitions and of the account. A
// version alone would not tell: after a backup was restored they come again.
type heldRights struct {
	*permission.Rights
	from *permission.Table
	of   *tandem.User
}

// Rights is what the account of a principal that [Registry.Check] has let pass may
// do inside the API. The usual answer comes from memory, without allocating;
// after a change of the definitions or of a membership an account's groups are
// read anew. The error has [tandem.CodeUnavailable] when the database has not
// answered for longer than [MaxStale]: old decisions are never given.
func (r *Registry) Rights(ctx context.Context, p *tandem.Principal) (*permission.Rights, error) {
	if r.stale.Load() {
		return nil, errStaleRegistry
	}
	u, err := r.User(ctx, p.ActorID())
	if err != nil {
		return nil, err
	}
	return r.rightsOf(ctx, u)
}

// rightsOf are the rights of an account.
func (r *Registry) rightsOf(ctx context.Context, u *tandem.User) (*permission.Rights, error) {
	table := r.rights.table.Load()
	if table == nil {
		return permission.None(), nil // nothing has been said of rights
	}
	r.rights.mu.RLock()
	held, ok := r.rights.seen[u.ID]
	r.rights.mu.RUnlock()
	if ok && held.from == table && held.of == u {
		return held.Rights, nil
	}
	return r.readRights(ctx, u)
}

func (r *Registry) readRights(ctx context.Context, u *tandem.User) (*permission.Rights, error) {
	ctx, cancel := context.WithTimeout(ctx, MaxStale)
	defer cancel()
	groups, version, err := r.Permissions.GroupsOf(ctx, u.ID)
	if err != nil {
		return nil, err
	}
	if r.rights.table.Load().Version < version { // the groups are newer than what is known of them
		if err := r.CatchUp(ctx); err != nil {
			return nil, errStaleRegistry
		}
	}
	table := r.rights.table.Load()
	made := table.Rights(permission.GroupsOf(u, groups)).As(u.ID)
	r.rights.mu.Lock()
	defer r.rights.mu.Unlock()
	if r.rights.seen == nil || len(r.rights.seen) >= MaxUsers {
		r.rights.seen = map[string]heldRights{}
	}
	// Groups that were read before a change that the table has are not kept.
	if table.Version <= version {
		r.rights.seen[u.ID] = heldRights{made, table, u}
	}
	return made, nil
}

// Groups are the names of the groups that a person is in, in order; nobody's for
// those who are in none, such as external users.
func (r *Registry) Groups(ctx context.Context, u *tandem.User) ([]string, error) {
	if r.Permissions == nil {
		return nil, nil
	}
	put, _, err := r.Permissions.GroupsOf(ctx, u.ID)
	if err != nil {
		return nil, err
	}
	return r.rights.table.Load().Names(permission.GroupsOf(u, put)), nil
}

// Narrow are the rights that a service call made for a person has, when it asks for no
// more than the person may see: what its account and the person have in common. They
// never are more than the account's, whoever is named. An account that is not there, is
// disabled or is no person's has nothing.
func (r *Registry) Narrow(ctx context.Context, rights *permission.Rights, personID string) (*permission.Rights, error) {
	if r.stale.Load() {
		return nil, errStaleRegistry
	}
	table := r.rights.table.Load()
	u, err := r.User(ctx, personID)
	switch {
	case errors.Is(err, tandem.ErrNotFound), err == nil && (!u.Enabled || table == nil):
		return permission.None(), nil
	case err != nil:
		return nil, err
	case u.Type == tandem.InternalUser:
		own, err := r.rightsOf(ctx, u)
		if err != nil {
			return nil, err
		}
		return table.Narrow(rights, own), nil
	case u.Type == tandem.ExternalCommunityUser && r.Outside != nil:
		return table.Narrow(rights, r.Outside).For(u.ID, r.Clock.Now()), nil
	}
	return permission.None(), nil
}

// refreshRights reads all definitions when any has changed. A number that is smaller
// than before is that of a backup.
func (r *Registry) refreshRights(ctx context.Context, newest int64) error {
	old := r.rights.table.Load()
	if r.Permissions == nil || old != nil && old.Version == newest {
		return nil
	}
	d, err := r.Permissions.Definitions(ctx)
	if err != nil {
		return err
	}
	r.rights.table.Store(permission.NewTable(d).After(old))
	return nil
}
