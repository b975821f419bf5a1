package prove

import (
	"context"
	"errors"
	"io"

	"github.com/hybridapps/tandem"
)

// Inside looks into a system that is ours and runs on this machine. What it changes it
// puts back.
type Inside interface {
	// OpenSessions are the open ones, and slots how many there may be.
	OpenSessions(ctx context.Context) (open []tandem.Session, slots int, err error)
	// CloseSession closes one.
	CloseSession(ctx context.Context, id string) error
	// Open opens a session of the application's back end as another replica of the
	// instance would, and returns its id; full says that there was no slot.
	Open(ctx context.Context, application, serviceInstance string) (id string, full bool, err error)
	// SetEnabled switches an application on or off.
	SetEnabled(ctx context.Context, application string, enabled bool) error
	// ServiceScope gives an application's back end another scope, as narrow as the
	// application's where it is nil, and says which it had.
	ServiceScope(ctx context.Context, application string, scope []string) (was []string, err error)
	// TryNames tries to make a user with the application's name, and an application with
	// the user's. It takes away again what it made, and says which were made.
	TryNames(ctx context.Context, application, login string) (made []string, err error)
	// Halves looks at all processes and the folders of both halves of the application that
	// is tried. It says what of one it found at the other, and what it could not see, which
	// is also a half that has not its own secret.
	Halves(ctx context.Context) (found, unseen []string, err error)
	// Search calls look with everything that the system writes down: databases with their
	// logs, logs, metrics. Files that have to hold a secret are left out. It says what it
	// could not read.
	Search(ctx context.Context, look func(where string, text io.Reader) error) (unseen []string, err error)
}

var (
	errOutside  = errors.New("not visible on the wire: give --data, on the machine of the system")
	errDisturbs = errors.New("it would disturb others: give --disturb")
)

// inside is what looks in, or why nothing does.
func (r *run) inside() (Inside, error) {
	if r.config.Inside == nil {
		return nil, errOutside
	}
	return r.config.Inside, nil
}

// disturbing is inside, where it may change what others see.
func (r *run) disturbing() (Inside, error) {
	in, err := r.inside()
	if err == nil && !r.config.Disturb {
		return nil, errDisturbs
	}
	return in, err
}
