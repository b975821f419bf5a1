package platform

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/prove"
	"github.com/hybridapps/tandem/session"
)

// Insight looks into a system on this machine for the prover; it implements
// [prove.Inside]. What it changes it puts back.
type Insight struct {
	*Administration
	// By is who proves, for the record.
	By tandem.By
	// Dir is the data folder, Secrets those of the two halves of the application that is
	// tried, and Metrics the addresses of what the programs measure.
	Dir     string
	Secrets DemoSecrets
	Metrics []string
	// Client asks for the metrics; nil is the default one.
	Client *http.Client

	mu      sync.Mutex
	manager *session.Manager
}

var _ prove.Inside = (*Insight)(nil)

// OpenSessions implements [prove.Inside].
func (i *Insight) OpenSessions(ctx context.Context) ([]tandem.Session, int, error) {
	licence, err := i.sessions.Licence(ctx)
	if err != nil {
		return nil, 0, err
	}
	open, err := i.Sessions.List(ctx)
	return open, licence.Slots, err
}

// endedByProof is why a session of a proof was closed.
const endedByProof = "tandem prove"

// CloseSession implements [prove.Inside].
func (i *Insight) CloseSession(ctx context.Context, id string) error {
	err := i.Sessions.Close(ctx, i.By, id, endedByProof)
	if errors.Is(err, tandem.ErrNotFound) { // ended meanwhile
		return nil
	}
	return err
}

// Open implements [prove.Inside]. The session is opened as an instance opens it, and is
// on record.
func (i *Insight) Open(ctx context.Context, application, serviceInstance string) (id string, full bool, err error) {
	app, err := i.Apps.Get(ctx, application)
	if err != nil {
		return "", false, err
	}
	user, err := i.users.ByID(ctx, app.SystemUserID)
	if err != nil {
		return "", false, err
	}
	manager, err := i.replica(ctx)
	if err != nil {
		return "", false, err
	}
	s, err := manager.Acquire(ctx, &tandem.Principal{
		ApplicationURI: app.ApplicationURI,
		Service:        &tandem.ServiceIdentity{SystemUserID: user.ID, SystemUserLogin: user.Login, Instance: serviceInstance},
	}, "")
	switch {
	case tandem.ErrorCode(err) == tandem.CodeLicenceFull:
		return "", true, nil
	case err != nil:
		return "", false, err
	}
	return s.ID, false, nil
}

// replica opens sessions with the licence that counts.
func (i *Insight) replica(ctx context.Context) (*session.Manager, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.manager == nil {
		licence, err := i.sessions.Licence(ctx)
		if err != nil {
			return nil, err
		}
		i.manager = &session.Manager{Store: i.sessions, Licence: licence, Auditor: i.audit, Log: i.config.Log, Clock: i.config.Clock}
	}
	return i.manager, nil
}

// SetEnabled implements [prove.Inside].
func (i *Insight) SetEnabled(ctx context.Context, application string, enabled bool) error {
	if enabled {
		return i.Apps.Enable(ctx, i.By, application)
	}
	return i.Apps.Disable(ctx, i.By, application)
}

// ServiceScope implements [prove.Inside].
func (i *Insight) ServiceScope(ctx context.Context, application string, scope []string) (was []string, err error) {
	_, err = i.Apps.Update(ctx, i.By, application, func(app *tandem.TrustedApp) error {
		was, app.ServiceScope = app.ServiceScope, scope
		return nil
	})
	return was, err
}

// TryNames implements [prove.Inside].
func (i *Insight) TryNames(ctx context.Context, application, login string) (made []string, err error) {
	_, err = i.Accounts.Create(ctx, i.By, signin.NewUser{Login: application, Name: "tandem prove", Type: tandem.SystemUserNoLogin})
	if err == nil {
		made = append(made, "a user named like the application")
		err = i.Accounts.Delete(ctx, i.By, application)
	} else if err = taken(err); err != nil {
		return nil, err
	}
	if err != nil {
		return made, err
	}
	_, _, err = i.Apps.Create(ctx, i.By, tandem.TrustedApp{
		ApplicationURI: login, Name: "tandem prove", ClientType: tandem.ClientPublic, InternalUsers: true,
		RedirectURIs: []string{"https://tandem-prove.invalid/callback"}, Scope: tandem.Scope{tandem.ScopeRead},
	})
	if err == nil {
		return append(made, "an application named like the user"), i.Apps.Delete(ctx, i.By, login)
	}
	return made, taken(err)
}

// taken is nil for the refusal of a name that somebody has, or that nobody of the kind
// can have.
func taken(err error) error {
	if code := tandem.ErrorCode(err); code == tandem.CodeConflict || code == tandem.CodeInvalid {
		return nil
	}
	return err
}

// secretFile says that a file of the data folder has to hold a secret.
func secretFile(name string) bool {
	return name == "demo.json" || name == ".demo.json" || name == "credential" || strings.HasSuffix(name, ".key") || name == "key"
}

// Search implements [prove.Inside]: files of the data folder, which on SQLite are the
// databases with their logs; the tables; the logs of the processes, where they are
// files; the metrics.
func (i *Insight) Search(ctx context.Context, look func(where string, text io.Reader) error) (unseen []string, err error) {
	err = filepath.WalkDir(i.Dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) { // gone meanwhile
			return nil
		}
		if err != nil || !d.Type().IsRegular() || secretFile(d.Name()) {
			return err
		}
		return searchFile(path, look)
	})
	if err != nil {
		return nil, err
	}
	if err := i.db.Dump(ctx, func(table string, text io.Reader) error { return look("the table "+table, text) }); err != nil {
		return nil, err
	}
	if unseen, err = i.searchLogs(look); err != nil {
		return nil, err
	}
	for _, address := range i.Metrics {
		if err := i.searchPage(ctx, address, look); err != nil {
			unseen = append(unseen, address)
		}
	}
	return unseen, nil
}

func searchFile(path string, look func(string, io.Reader) error) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	return look("the file "+filepath.Base(path), f)
}

func (i *Insight) searchPage(ctx context.Context, address string, look func(string, io.Reader) error) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	client := i.Client
	if client == nil {
		client = http.DefaultClient
	}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("it answered %d", res.StatusCode)
	}
	return look("the page "+req.URL.Path, res.Body)
}
