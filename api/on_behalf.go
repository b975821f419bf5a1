package api

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem"
)

// OnBehalfHeader is the request header with which a service says for whom it
// calls: the person's user id, the sign-in, and when the evidence was issued.
//
//	Tandem-On-Behalf-Of: 6f0c…-…;sid=9be1…;iat=1767225600
//
// It is a claim by the service: it is recorded and gives no right at all.
const OnBehalfHeader = "Tandem-On-Behalf-Of"

// NarrowHeader is the request header with which a service asks for no more than the
// person whom it calls for may see: its one value is person. The person is the one of
// [OnBehalfHeader]; as the header only takes away, that claim need not be trusted.
const NarrowHeader = "Tandem-Narrow"

// narrowed reports whether the call asks to be narrowed.
func (a *Access) narrowed(r *http.Request, call *Call) (bool, error) {
	values := r.Header[NarrowHeader]
	switch {
	case len(values) == 0:
		return false, nil
	case call.Principal.Service == nil:
		return false, invalid("%s is for service tokens; a user token sees what its own user may see", NarrowHeader)
	case len(values) > 1 || values[0] != "person":
		return false, invalid("%s has the value person, once", NarrowHeader)
	case call.OnBehalf == nil:
		return false, invalid("%s needs %s, which says who the person is", NarrowHeader, OnBehalfHeader)
	case a.Narrow == nil:
		return false, tandem.Errorf(tandem.CodeUnavailable, "%s is not offered here", NarrowHeader)
	}
	return true, nil
}

// OnBehalf is the person that a service call says it is made for.
type OnBehalf struct {
	UserID, SignInID string
	// Type is the kind of that account as the instance knows it; empty where there is
	// no such account.
	Type tandem.UserType
	// EvidenceAt is when the evidence of the person's presence, their ID
	// token, was issued.
	EvidenceAt time.Time
}

// maxSignInID bounds sid in bytes; ours are shorter.
const maxSignInID = 128

func parseOnBehalf(s string) (*OnBehalf, error) {
	bad := func(why string) (*OnBehalf, error) {
		return nil, invalid("%s %s; the form is <user id>;sid=<sign-in>;iat=<seconds since 1970>", OnBehalfHeader, why)
	}
	parts := strings.Split(s, ";")
	if len(parts) != 3 {
		return bad("does not have three parts")
	}
	if len(parts[0]) != 36 || uuid.Validate(parts[0]) != nil {
		return bad("does not begin with a GUID")
	}
	sid, ok := strings.CutPrefix(parts[1], "sid=")
	if !ok || sid == "" || len(sid) > maxSignInID || strings.ContainsFunc(sid, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return bad("has no good sid")
	}
	digits, ok := strings.CutPrefix(parts[2], "iat=")
	if !ok || len(digits) > 12 || strings.ContainsFunc(digits, func(r rune) bool { return r < '0' || r > '9' }) {
		return bad("has no good iat")
	}
	iat, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return bad("has no good iat")
	}
	return &OnBehalf{UserID: strings.ToLower(parts[0]), SignInID: sid, EvidenceAt: time.Unix(iat, 0).UTC()}, nil
}
