package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/hybridapps/tandem"
)

// maxAPIResponse bounds what one call reads, in bytes.
const maxAPIResponse = 64 << 20

// OData is a client of an OData service (the Domain API) for one half: an
// OData[UserToken] calls as a person, an OData[ServiceToken] as the
// application. Neither can be used where the other is wanted.
type OData[T APIToken] struct {
	calls *authorised
	root  func(context.Context) (string, error)
	_     [0]T
}

// UserOData is the OData client of a signed-in person. root finds the service's
// root, for example [Provider.ODataRoot] or [Root]; the token may go to its
// origin.
func UserOData(root func(context.Context) (string, error), s *UserSession) *OData[UserToken] {
	return &OData[UserToken]{calls: s.calls, root: root}
}

// ServiceOData is the OData client of the application itself.
func ServiceOData(root func(context.Context) (string, error), s *ServiceTokens) *OData[ServiceToken] {
	return &OData[ServiceToken]{calls: s.calls, root: root}
}

// Root is a root that is known beforehand.
func Root(address string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return address, nil }
}

// odataRoot checks a root and gives it a slash at its end.
func odataRoot(address string) (*url.URL, error) {
	u, err := secureURL(address)
	if err != nil {
		return nil, err
	}
	if u.RawQuery != "" {
		return nil, fmt.Errorf("%q must have no query", address)
	}
	if !strings.HasSuffix(u.Path, "/") {
		u.Path += "/"
		u.RawPath = ""
	}
	return u, nil
}

// Do makes a call under the root: path is relative, its query encoded. body is
// sent as JSON unless nil; the response's JSON is read into into unless nil, with
// numbers exact where into has json.Number or any. A response that is no success
// is an [APIError]. Into a *[]byte goes the response as it came: $metadata is XML.
func (o *OData[T]) Do(ctx context.Context, method, path string, body, into any) error {
	return o.do(ctx, method, path, nil, body, into)
}

func (o *OData[T]) do(ctx context.Context, method, path string, header http.Header, body, into any) error {
	response, err := o.call(ctx, method, path, header, body)
	if err != nil || into == nil {
		return err
	}
	if raw, ok := into.(*[]byte); ok {
		*raw = response
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(response))
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		return fail(tandem.CodeUnavailable, err, "the answer of the API to %s %s is not what was expected: %v", method, withoutQuery(path), err)
	}
	return nil
}

func (o *OData[T]) call(ctx context.Context, method, path string, header http.Header, body any) ([]byte, error) {
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		content = bytes.NewReader(text)
		header = header.Clone()
		if header == nil {
			header = http.Header{}
		}
		header.Set("Content-Type", "application/json")
	}
	response, _, err := o.send(ctx, method, path, header, "application/json", content)
	return response, err
}

// send makes a call with a body as it is, and returns the body of the answer and its type.
func (o *OData[T]) send(ctx context.Context, method, path string, header http.Header, accept string, body io.Reader) ([]byte, string, error) {
	root, err := o.base(ctx)
	if err != nil {
		return nil, "", err
	}
	address, err := under(root, path)
	if err != nil {
		return nil, "", err
	}
	req, err := http.NewRequestWithContext(ctx, method, address.String(), body)
	if err != nil {
		return nil, "", err
	}
	if file, ok := body.(*io.SectionReader); ok { // content that can be had again, as for a token that was refused
		req.ContentLength = file.Size()
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(io.NewSectionReader(file, 0, file.Size())), nil }
	}
	maps.Copy(req.Header, header)
	req.Header.Set("Accept", accept)
	res, err := o.calls.do(req, origin(root))
	if err != nil {
		if ctx.Err() != nil {
			return nil, "", ctx.Err()
		}
		var u *url.Error
		if errors.As(err, &u) {
			return nil, "", fail(tandem.CodeUnavailable, u.Err, "the API does not answer at the moment; please try again shortly")
		}
		return nil, "", err
	}
	defer res.Body.Close()
	if res.StatusCode/100 != 2 {
		return nil, "", readAPIError(res, o.calls.clock.Now())
	}
	response, err := readLimited(res.Body, maxAPIResponse)
	if err != nil {
		return nil, "", fail(tandem.CodeUnavailable, err, "the answer of the API broke off; please try again shortly")
	}
	return response, res.Header.Get("Content-Type"), nil
}

func (o *OData[T]) base(ctx context.Context) (*url.URL, error) {
	address, err := o.root(ctx)
	if err != nil {
		return nil, err
	}
	root, err := odataRoot(address)
	if err != nil {
		return nil, tandem.Errorf(tandem.CodeInvalid, "OData root: %v", err)
	}
	return root, nil
}

// under is the address of a path, or of a link that the service gave, below the
// root. Nothing leads out of it: neither to another host, nor with dots.
func under(root *url.URL, ref string) (*url.URL, error) {
	out := func() (*url.URL, error) {
		return nil, tandem.Errorf(tandem.CodeInvalid, "the path of an API call leads out of the OData service")
	}
	u, err := root.Parse(ref)
	if err != nil || u.User != nil || u.Opaque != "" || strings.ContainsAny(ref, "\\#") {
		return out()
	}
	name, inside := strings.CutPrefix(u.Path, root.Path)
	if origin(u) != origin(root) || !inside || strings.HasPrefix(name, "/") {
		return out()
	}
	if name != "" && path.Clean("/"+name) != "/"+strings.TrimSuffix(name, "/") {
		return out()
	}
	// ".." was resolved by Parse; one that was meant to stay inside is refused
	// as well, because it hides what is called.
	if p, _, _ := strings.Cut(ref, "?"); strings.Contains(p, "..") {
		return out()
	}
	return u, nil
}

func withoutQuery(ref string) string {
	p, _, _ := strings.Cut(ref, "?")
	return p
}

// Count is how many entities of the set pass the filter and search of q.
func (o *OData[T]) Count(ctx context.Context, set string, q Query) (int64, error) {
	response, err := o.call(ctx, http.MethodGet, set+"/$count"+Query{Filter: q.Filter, Search: q.Search}.suffix(), nil, nil)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(strings.Trim(string(response), "\ufeff \r\n"), 10, 64)
	if err != nil {
		return 0, tandem.Errorf(tandem.CodeUnavailable, "the API's count of %s is no number", set)
	}
	return n, nil
}

// Import writes many objects in one call. That some were refused is no error:
// it is in the result, object by object.
func (o *OData[T]) Import(ctx context.Context, req ImportRequest) (ImportResult, error) {
	var result ImportResult
	ctx = Patient(ctx, patienceOf(ctx, importPatience))
	if err := o.Do(ctx, http.MethodPost, "Import", req, &result); err != nil {
		return ImportResult{}, err
	}
	if len(result.Objects) != len(req.Objects) {
		return ImportResult{}, tandem.Errorf(tandem.CodeUnavailable,
			"Import of %d objects gave %d results", len(req.Objects), len(result.Objects))
	}
	return result, nil
}

// Action calls a bound action of the entity with the id ("Set(guid)"), or an
// unbound one when id is empty.
func (o *OData[T]) Action(ctx context.Context, id, name string, args, into any) error {
	return o.action(ctx, id, name, nil, args, into)
}

// ActionAt is Action if the entity still has the ObjectVersion given, as it had when
// somebody looked at it. Otherwise nothing is done, and the [APIError] has the status
// 412 (If-Match, RFC 9110 section 13.1.1).
func (o *OData[T]) ActionAt(ctx context.Context, id, name string, version int64, args, into any) error {
	return o.action(ctx, id, name, http.Header{"If-Match": {fmt.Sprintf(`W/"%d"`, version)}}, args, into)
}

func (o *OData[T]) action(ctx context.Context, id, name string, header http.Header, args, into any) error {
	if id != "" {
		if err := checkID(id); err != nil {
			return err
		}
		name = id + "/" + name
	}
	if args == nil {
		args = struct{}{}
	}
	return o.do(ctx, http.MethodPost, name, header, args, into)
}

var entityID = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*\([0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\)$`)

// checkID refuses everything but the id of an entity, because ids tend to come
// from a browser.
func checkID(id string) error {
	if !entityID.MatchString(id) {
		return tandem.Errorf(tandem.CodeInvalid, "not the id of an entity; the form is Set(guid)")
	}
	return nil
}
