package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/api/odata"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/query"
	"github.com/hybridapps/tandem/erp/write"
	"github.com/hybridapps/tandem/permission"
)

// DomainPath is where the Domain API's OData service is, below the public root
// of the instance.
const DomainPath = "/api/domain/odata/"

// Bounds of a request's body, in bytes. Beyond them the response is 413 and the
// connection is closed.
const (
	MaxBody       = 1 << 20
	MaxImportBody = 16 << 20
)

// Domain is the Domain API: the entity model over OData 4.0.
//
//	GET    Set, Set(guid), Set/$count, Set(guid)/Name, Set(guid)/Name/$count,
//	       View(ProductId=guid,…)
//	POST   Set, Set(guid)/Children, Set(guid)/Action, Import, $batch
//	PATCH  Set(guid)
//	DELETE Set(guid)
//	PUT    Set(guid)/Stream/$value, which GET reads
//	GET    the service document, $metadata, GetVersion, GetRenamedEntityTypes,
//	       GetAllowedSets, GetPerson, GetLicenceUsage, GetLastProof, GetLastProofReport
//
// GET needs the scope read, everything else update; the sets of the namespace
// Systems_Security need sec. Headers that would change what a request means are
// honoured or refused (headers.go). Which pages of other origins may read a
// response is decided by who mounts it.
type Domain struct {
	Model *model.Model
	Store write.Store
	// Access guards every call; see [Domain.Mount].
	Access *Access
	// Root is the public root of the instance without a slash at its end. All
	// absolute URLs in responses are made from it, never from the Host header.
	Root string
	// Sessions are the open sessions, for administrators; nil leaves out the set
	// Systems_Monitoring_CurrentSessions.
	Sessions func(ctx context.Context) ([]tandem.Session, error)
	// Usage tells how the licence is used, for everybody who may read; nil leaves
	// out the function GetLicenceUsage.
	Usage func(ctx context.Context) (LicenceUsage, error)
	// PersonOf is which Person of the ERP an account is, its id, empty for none; nil
	// leaves out the function GetPerson.
	PersonOf func(ctx context.Context, userID string) (string, error)
	// LastProof is the last run of tandem prove; nil leaves out the functions
	// GetLastProof and GetLastProofReport.
	LastProof func(ctx context.Context) (tandem.Proof, error)
	// Zone is the company's: printouts tell times of day in it. Nil is UTC.
	Zone *time.Location
	// Version is the program's, for GetVersion.
	Version string
	// Log gets internal errors; the default is slog.Default().
	Log *slog.Logger
	// Timeout bounds reading and writing one entity or page, DefaultTimeout
	// when zero. Import has none: its caller's context bounds it.
	Timeout time.Duration

	metadataOnce sync.Once
	metadataXML  []byte
}

// DefaultTimeout is how long one page or one entity may take.
const DefaultTimeout = 30 * time.Second

// Mount adds the API to mux, behind Access.
func (d *Domain) Mount(mux *http.ServeMux) {
	mux.Handle(DomainPath, d.Access.Guard(d))
	mux.Handle(DomainPath+"$batch", d.Access.GuardScope(tandem.ScopeRead, d)) // and each request in it needs its own
	mux.Handle("GET "+MetadataPath+"{$}", d.Metadata())
}

// ServeHTTP serves an admitted call. Without a guard before it nothing is
// checked but what the handlers check themselves: use [Domain.Mount].
func (d *Domain) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("OData-Version", "4.0")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	err := checkHeaders(r)
	if err == nil {
		err = d.route(w, r)
	}
	if err != nil {
		Errors{d.Log, d.Access.Metadata}.Write(w, r, d.denied(w, r, edge(err)))
	}
}

// edge turns errors of the grammar and of reading into those of the platform.
func edge(err error) error {
	var syntax *odata.Error
	var big *http.MaxBytesError
	var scope *model.ScopeError
	switch {
	case errors.As(err, &scope):
		return InsufficientScope(scope.Scope)
	case errors.As(err, &syntax):
		code := tandem.CodeInvalid
		if syntax.Where == "path" {
			code = tandem.CodeNotFound
		}
		return tandem.Errorf(code, "%s", syntax)
	case errors.As(err, &big):
		return tooLarge(big.Limit)
	}
	return err
}

func (d *Domain) root() string { return d.Root + DomainPath }

// bounded is the context for one page or one entity: of the caller's session, whose
// queries share its limits.
func (d *Domain) bounded(r *http.Request) (context.Context, context.CancelFunc) {
	timeout := d.Timeout
	if timeout <= 0 {
		timeout = DefaultTimeout
	}
	ctx := r.Context()
	if call := CallOf(ctx); call != nil && call.Session != nil {
		ctx = query.For(ctx, call.Session.ID)
		if call.OnBehalf != nil {
			ctx = query.OnBehalf(ctx, call.OnBehalf.UserID)
		}
	}
	return context.WithTimeout(ctx, timeout)
}

// route finds what the path names and calls the handler of the method.
func (d *Domain) route(w http.ResponseWriter, r *http.Request) error {
	path, err := odata.ParsePath(strings.TrimPrefix(r.URL.EscapedPath(), DomainPath))
	if err != nil {
		return err
	}
	if path.Resource != odata.Metadata && path.Resource != odata.Batch && path.Resource != odata.Count && !path.MemberCount && !path.MemberValue {
		if _, err := formOf(r); err != nil {
			return err
		}
	}
	switch path.Resource {
	case odata.ServiceDocument:
		return methods{"GET": d.serviceDocument}.serve(w, r)
	case odata.Metadata:
		return methods{"GET": d.serveMetadata}.serve(w, r)
	case odata.Batch:
		return methods{"POST": d.batch}.serve(w, r)
	case odata.Named:
		if op := d.operation(path.Name); op != nil {
			return op.serve(w, r)
		}
	}
	if path.Name == setSessions && d.Sessions != nil {
		switch {
		case path.Resource == odata.Named && path.Parameters == nil:
			return methods{"GET": d.monitor}.serve(w, r)
		case path.Resource == odata.Count:
			return methods{"GET": d.monitorCount}.serve(w, r)
		}
		return notFound("The rows of %s have no Id.", setSessions)
	}
	set, err := d.set(r, path.Name)
	if err != nil {
		return err
	}
	on := &target{Domain: d, set: set, path: path}
	if path.Resource == odata.Named && path.Parameters != nil {
		if len(set.RowKey()) == 0 {
			return notFound("%s is a set, not an operation.", set.Name)
		}
		return methods{"GET": on.entity}.serve(w, r)
	}
	switch path.Resource {
	case odata.Named:
		return methods{"GET": on.collection, "POST": on.create}.of(set).serve(w, r)
	case odata.Count:
		return methods{"GET": on.count}.serve(w, r)
	case odata.Entity:
		if set.View {
			return notFound("The rows of %s have no Id; use $filter, or the key that $metadata names.", set.Name)
		}
		return methods{"GET": on.entity, "PATCH": on.update, "DELETE": on.delete}.of(set).serve(w, r)
	}
	return on.member(w, r)
}

// set finds the set of a path, and checks that the call may see its rows.
func (d *Domain) set(r *http.Request, name string) (*model.Set, error) {
	set, err := d.Model.Lookup(name, d.root()+"GetRenamedEntityTypes")
	if err != nil {
		return nil, err
	}
	if set.Permit(grantedTo(r).Silent(), permission.Read) != nil { // whoever goes on with the set asks again
		return nil, set.Permit(grantedTo(r), permission.Read)
	}
	return set, nil
}

// grantedTo is what the caller was granted; nothing without a guard.
func grantedTo(r *http.Request) permission.Granted {
	if call := CallOf(r.Context()); call != nil {
		return permission.Granted{Scope: call.Principal.Scope, Rights: call.Rights, Watch: call.Watch}
	}
	return permission.Granted{}
}

// target is the entity set that a request's path names.
type target struct {
	*Domain
	set  *model.Set
	path odata.Path
}

// handler serves one method of a resource. What it returns is written as an
// error response; it returns nil once it has written anything itself.
type handler func(w http.ResponseWriter, r *http.Request) error

// methods are the handlers of a resource by HTTP method. HEAD is a GET whose
// body the server leaves out.
type methods map[string]handler

// of leaves out the methods that the set does not take.
func (m methods) of(s *model.Set) methods {
	if s.View || s.ReadOnly {
		return methods{"GET": m["GET"]}
	}
	return m
}

func (m methods) serve(w http.ResponseWriter, r *http.Request) error {
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	if h := m[method]; h != nil {
		return h(w, r)
	}
	w.Header().Set("Allow", m.allow())
	if method == http.MethodOptions {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	return methodNotAllowed(r.Method, m.allow())
}

func (m methods) allow() string {
	var names []string
	for _, name := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
		if m[name] != nil {
			names = append(names, name)
		}
		if name == "GET" && m[name] != nil {
			names = append(names, "HEAD")
		}
	}
	return strings.Join(append(names, "OPTIONS"), ", ")
}
