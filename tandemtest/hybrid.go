package tandemtest

import (
	"errors"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/data/datatest"
	"github.com/hybridapps/tandem/internalapi"
	"github.com/hybridapps/tandem/platform"
	"github.com/hybridapps/tandem/seal"
	"github.com/hybridapps/tandem/sqldb"
	"github.com/hybridapps/tandem/worker/workertest/workerdb"
)

// Hybrid is a running instance with the two halves of the hybrid app [Portal].
type Hybrid struct {
	*Instance
	// WebApp and Worker are where the halves listen.
	WebApp, Worker string
	// ChannelKey is what the web app proves itself to the worker with.
	ChannelKey internalapi.ChannelKey
	// Dir is the data folder: webapp/ and worker/ have what belongs to each.
	Dir string
	// WebAppDB and WorkerDB are the URLs of the halves' databases, which are of
	// the instance's engine.
	WebAppDB, WorkerDB string
}

// StartHybrid runs an instance, a web app and a worker until the test ends. They
// share nothing but the network and the channel key, as in production; only the
// process is the same.
func StartHybrid(t testing.TB, o Options) *Hybrid {
	t.Helper()
	h := &Hybrid{Instance: Start(t, o), Dir: t.TempDir()}
	o = h.options
	workerListener, webAppListener := h.listen(t), h.listen(t)
	h.Worker, h.WebApp = "http://"+workerListener.Addr().String(), "http://"+webAppListener.Addr().String()
	h.UpdateApp(Portal, func(a *tandem.TrustedApp) {
		a.RedirectURIs = append(a.RedirectURIs, h.WebApp+"/signin-callback")
		a.PostLogoutRedirectURIs = append(a.PostLogoutRedirectURIs, h.WebApp+"/signout-callback")
	})
	key, err := seal.LoadOrCreateKey(filepath.Join(h.Dir, "channel.key"))
	if err != nil {
		t.Fatal(err)
	}
	if h.ChannelKey, err = internalapi.NewChannelKey(key); err != nil {
		t.Fatal(err)
	}
	forWorker, forWebApp := h.half(t, "worker", h.ServiceSecret, workerdb.URL), h.half(t, "webapp", h.UserSecret, datatest.URL)
	workerdb.Fill(t, forWorker.DB, forWorker.Dir)
	h.WorkerDB, h.WebAppDB = forWorker.DB, forWebApp.DB
	worker, err := platform.NewWorker(t.Context(), platform.WorkerConfig{HalfConfig: forWorker})
	if err != nil {
		t.Fatal(err)
	}
	serve(t, worker, workerListener, o)
	webApp, err := platform.NewWebApp(t.Context(), platform.WebAppConfig{
		HalfConfig: forWebApp, PublicURL: h.WebApp, WorkerURL: h.Worker,
	})
	if err != nil {
		t.Fatal(err)
	}
	serve(t, webApp, webAppListener, o)
	return h
}

func (h *Hybrid) listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() }) // where no server came to do it
	return l
}

func (h *Hybrid) half(t testing.TB, name, secret string, database func(testing.TB, sqldb.Engine) string) platform.HalfConfig {
	t.Helper()
	dir := filepath.Join(h.Dir, name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	credential := filepath.Join(dir, "credential")
	if err := os.WriteFile(credential, []byte(secret), 0o600); err != nil {
		t.Fatal(err)
	}
	db := database(t, h.options.Engine)
	if file, ok := strings.CutPrefix(db, "sqlite:"); ok { // belongs into the folder; an empty one is no file yet
		own := filepath.Join(dir, name+".db")
		if err := os.Rename(file, own); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		db = "sqlite:" + own
	}
	return platform.HalfConfig{
		Issuer: h.Issuer, ApplicationURI: Portal, CredentialFile: credential, DB: db,
		Dir: dir, ChannelKeyFile: filepath.Join(h.Dir, "channel.key"), Log: h.options.Log, Clock: h.Clock.Now,
	}
}

// SignInToWebApp signs a person in to the web app with the browser and returns
// its page.
func (h *Hybrid) SignInToWebApp(b *Browser, login string) *Page {
	h.t.Helper()
	page := b.SignIn(h.WebApp+"/signin", login, Password)
	if own, err := url.Parse(h.WebApp); err != nil || page.Request.URL.Host != own.Host || page.StatusCode != 200 {
		h.t.Fatalf("%s was not signed in to the web app: %s answered %d: %s", login, page.Request.URL.Redacted(), page.StatusCode, page.Text)
	}
	return page
}
