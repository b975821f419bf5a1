package cloud

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/hybridapps/tandem/client"
)

// The service stops where the application acts as another System User than before: whether
// it may go on as that one is for an administrator to say, by [Config].SystemUser.

const markSystemUser = "system_user"

// strangerError says that an administrator has to look.
type strangerError struct{ now, before string }

func (e *strangerError) Error() string {
	return fmt.Sprintf("the application acts as %s now, and did as %s: an administrator has to start the service with -system-user %[1]s", e.now, e.before)
}

// sameSystemUser refuses to go on as another System User. What is written after it is written
// with [Cloud.asKnown].
func (c *Cloud) sameSystemUser(ctx context.Context) error {
	token, err := c.writer.Token(ctx)
	if err != nil {
		return err
	}
	now := token.SystemUser()
	if now == "" || now == c.knownSelf.get() {
		return nil
	}
	mark, err := c.store.watermark(ctx, markSystemUser)
	if err != nil {
		return err
	}
	if mark.content != "" && mark.content != now && c.config.SystemUser != now {
		return &strangerError{now, mark.content}
	}
	mark.content, mark.syncedAt = now, c.clock.Now()
	if err := c.store.setWatermark(ctx, c.config.DB.Writer(), markSystemUser, mark); err != nil {
		return err
	}
	c.knownSelf.set(now)
	return nil
}

// asKnown lets a call be made as the System User that [Cloud.sameSystemUser] has let pass, or
// not at all: the token may be renewed after it.
func (c *Cloud) asKnown(ctx context.Context) context.Context {
	return client.OnlyAs(ctx, c.knownSelf.get())
}

// lookAgain tells what follows from a write that was not made because of [Cloud.asKnown].
func (c *Cloud) lookAgain(ctx context.Context, err error) error {
	var other *client.OtherSystemUserError
	if errors.As(err, &other) {
		if stranger := c.sameSystemUser(ctx); stranger != nil {
			return stranger
		}
	}
	return err
}

// self is whom the application acts as.
type self struct{ login atomic.Pointer[string] }

func (s *self) get() string {
	if login := s.login.Load(); login != nil {
		return *login
	}
	return ""
}

func (s *self) set(login string) { s.login.Store(&login) }
