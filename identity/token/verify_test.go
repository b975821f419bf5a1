package token_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/internal/testkit"
	"github.com/hybridapps/tandem/oauth"
	"github.com/hybridapps/tandem/seal"
)

// forge signs with the instance's real keys, which no attacker has: what is
// refused although the signature is right is refused for what it says.
type forge struct {
	*replica
	clock    *testkit.Clock
	elliptic *ecdsa.PrivateKey
	rsa      *rsa.PrivateKey
	// signers are all keys, by their ids.
	signers map[string]crypto.Signer
}

func newForge(t testing.TB) *forge { return newForgeOf(t, "", "") }

// newForgeOf is a forge of an instance that writes access tokens in the format, signed with
// the algorithm.
func newForgeOf(t testing.TB, format oauth.AccessFormat, algorithm string) *forge {
	t.Helper()
	store, c := &memory{}, testkit.NewClock()
	f := &forge{replica: newReplicaOf(t, store, c, algorithm), clock: c}
	f.minter.Format = format
	box, err := seal.New("signing keys", []byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	f.signers = map[string]crypto.Signer{}
	for _, k := range store.keys {
		der, err := box.Open(k.Sealed, "signing_keys|private|"+k.ID)
		if err != nil {
			t.Fatal(err)
		}
		key, err := x509.ParsePKCS8PrivateKey(der)
		if err != nil {
			t.Fatal(err)
		}
		f.signers[k.ID] = key.(crypto.Signer)
		switch key := key.(type) {
		case *ecdsa.PrivateKey:
			if k.Use == token.UseAccess {
				f.elliptic = key
			}
		case *rsa.PrivateKey:
			if k.Use == token.UseID {
				f.rsa = key
			}
		}
	}
	return f
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// raw signs a header and payload as they are.
func (f *forge) raw(t testing.TB, header, payload string, key crypto.Signer) string {
	t.Helper()
	text := b64([]byte(header)) + "." + b64([]byte(payload))
	digest := sha256.Sum256([]byte(text))
	var signature []byte
	switch key := key.(type) {
	case *ecdsa.PrivateKey:
		// Without a source of randomness the signature is that of RFC 6979: the
		// same each time, as a fuzzer wants it.
		der, err := key.Sign(nil, digest[:], crypto.SHA256)
		var rs struct{ R, S *big.Int }
		if err == nil {
			_, err = asn1.Unmarshal(der, &rs)
		}
		if err != nil {
			t.Fatal(err)
		}
		size := (key.Curve.Params().BitSize + 7) / 8
		signature = append(rs.R.FillBytes(make([]byte, size)), rs.S.FillBytes(make([]byte, size))...)
	case *rsa.PrivateKey:
		var err error
		if signature, err = rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:]); err != nil {
			t.Fatal(err)
		}
	case ed25519.PrivateKey:
		signature = ed25519.Sign(key, []byte(text))
	}
	return text + "." + b64(signature)
}

// parts decodes a token of ours.
func parts(t testing.TB, jwt string) (header, claims map[string]any) {
	t.Helper()
	p := strings.Split(jwt, ".")
	for i, into := range []*map[string]any{&header, &claims} {
		b, err := base64.RawURLEncoding.DecodeString(p[i])
		if err == nil {
			err = json.Unmarshal(b, into)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return header, claims
}

func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// edit is a change to the decoded header or claims.
type edit func(map[string]any)

func set(pairs ...any) edit {
	return func(m map[string]any) {
		for i := 0; i+1 < len(pairs); i += 2 {
			if m[pairs[i].(string)] = pairs[i+1]; pairs[i+1] == nil {
				delete(m, pairs[i].(string))
			}
		}
	}
}

// resigned is one of our tokens after an edit, signed again with the same key.
func (f *forge) resigned(t testing.TB, jwt string, header, claims edit) string {
	t.Helper()
	h, c := parts(t, jwt)
	if header != nil {
		header(h)
	}
	if claims != nil {
		claims(c)
	}
	kid, _ := h["kid"].(string)
	key := f.signers[kid]
	if key == nil {
		key = f.elliptic
	}
	return f.raw(t, text(h), text(c), key)
}

// Tokens that only forgers make (D24). Each differs from a good one in one
// thing, and that thing is enough.
func TestD24_ForgedAccessTokens(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	user, id := f.user(t, anna)
	service := f.service(t)
	if !f.access(user) || !f.access(service) || !f.access(f.resigned(t, user, nil, nil)) {
		t.Fatal("a good token is refused")
	}
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	h, c := parts(t, user)
	good, payload := text(h), text(c)
	head := func(e edit) string {
		m := maps.Clone(h)
		e(m)
		return text(m)
	}
	public, err := x509.MarshalPKIXPublicKey(f.elliptic.Public())
	if err != nil {
		t.Fatal(err)
	}
	strangerJWK := jose.JSONWebKey{Key: stranger.Public(), KeyID: "s"}
	hs := func(key []byte) string {
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: key}, (&jose.SignerOptions{}).WithType("at+jwt").WithHeader("kid", h["kid"]))
		if err != nil {
			t.Fatal(err)
		}
		jws, err := signer.Sign([]byte(payload))
		if err != nil {
			t.Fatal(err)
		}
		s, err := jws.CompactSerialize()
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	unsigned := func(header string) string { return b64([]byte(header)) + "." + b64([]byte(payload)) + "." }
	signature := user[strings.LastIndexByte(user, '.')+1:]
	rs, err := base64.RawURLEncoding.DecodeString(signature)
	if err != nil {
		t.Fatal(err)
	}
	der, err := f.elliptic.Sign(rand.Reader, sum(strings.TrimSuffix(user, "."+signature)), crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	body := strings.TrimSuffix(user, signature)
	deep := strings.Repeat(`{"a":`, 200) + "1" + strings.Repeat("}", 200)

	tests := map[string]string{
		"none":                     unsigned(head(set("alg", "none"))),
		"None":                     unsigned(head(set("alg", "None"))),
		"no algorithm":             unsigned(head(set("alg", nil))),
		"ES256 without signature":  unsigned(good),
		"HS256, public key DER":    hs(public),
		"HS256, public key JWK":    hs([]byte(text(jose.JSONWebKey{Key: f.elliptic.Public()}))),
		"HS256, key set":           hs(f.keys.JWKS()),
		"another key, our kid":     f.raw(t, good, payload, stranger),
		"another key, no kid":      f.raw(t, head(set("kid", nil)), payload, stranger),
		"our key, no kid":          f.raw(t, head(set("kid", nil)), payload, f.elliptic),
		"kid is a path":            f.raw(t, head(set("kid", "../../../dev/null")), payload, f.elliptic),
		"kid is SQL":               f.raw(t, head(set("kid", "x' UNION SELECT 'key")), payload, f.elliptic),
		"kid is a number":          f.raw(t, head(set("kid", 1)), payload, f.elliptic),
		"kid of the ID key":        f.raw(t, head(set("kid", kid(t, id))), payload, f.elliptic),
		"RS256 with the ID key":    f.raw(t, head(set("alg", "RS256", "kid", kid(t, id))), payload, f.rsa),
		"ES256 header, RSA key":    f.raw(t, head(set("kid", kid(t, id))), payload, f.rsa),
		"PS256":                    f.raw(t, head(set("alg", "PS256")), payload, f.rsa),
		"ES384":                    f.raw(t, head(set("alg", "ES384")), payload, f.elliptic),
		"ES256K":                   f.raw(t, head(set("alg", "ES256K")), payload, f.elliptic),
		"es256":                    f.raw(t, head(set("alg", "es256")), payload, f.elliptic),
		"algorithm twice":          f.raw(t, `{"alg":"none",`+good[1:], payload, f.elliptic),
		"ALG and alg":              f.raw(t, `{"ALG":"none",`+good[1:], payload, f.elliptic),
		"embedded key":             f.raw(t, head(set("jwk", json.RawMessage(text(strangerJWK)), "kid", nil)), payload, stranger),
		"embedded key, our kid":    f.raw(t, head(set("jwk", json.RawMessage(text(strangerJWK)))), payload, stranger),
		"our key, embedded":        f.raw(t, head(set("jwk", json.RawMessage(text(jose.JSONWebKey{Key: f.elliptic.Public()})))), payload, f.elliptic),
		"jku":                      f.raw(t, head(set("jku", "http://127.0.0.1:1/keys")), payload, f.elliptic),
		"x5u":                      f.raw(t, head(set("x5u", "http://127.0.0.1:1/cert")), payload, f.elliptic),
		"x5c":                      f.raw(t, head(set("x5c", []string{"AA=="})), payload, f.elliptic),
		"x5t":                      f.raw(t, head(set("x5t", "AA")), payload, f.elliptic),
		"crit":                     f.raw(t, head(set("crit", []string{"exp"})), payload, f.elliptic),
		"crit, empty":              f.raw(t, head(set("crit", []string{})), payload, f.elliptic),
		"b64 false":                f.raw(t, head(set("b64", false)), payload, f.elliptic),
		"zip":                      f.raw(t, head(set("zip", "DEF")), payload, f.elliptic),
		"cty JWT":                  f.raw(t, head(set("cty", "JWT")), payload, f.elliptic),
		"typ missing":              f.raw(t, head(set("typ", nil)), payload, f.elliptic),
		"typ in upper case":        f.raw(t, head(set("typ", "AT+JWT")), payload, f.elliptic),
		"typ logout+jwt":           f.raw(t, head(set("typ", "logout+jwt")), payload, f.elliptic),
		"typ is a number":          f.raw(t, head(set("typ", 1)), payload, f.elliptic),
		"header is a list":         f.raw(t, `[]`, payload, f.elliptic),
		"header is empty":          f.raw(t, ``, payload, f.elliptic),
		"header with a tail":       f.raw(t, good+"{}", payload, f.elliptic),
		"deep header":              f.raw(t, `{"x":`+deep+`,`+good[1:], payload, f.elliptic),
		"ID token":                 id,
		"ID token as at+jwt":       f.raw(t, good, text(second(parts(t, id))), f.elliptic),
		"nested":                   f.raw(t, good, text(user), f.elliptic),
		"payload is a list":        f.raw(t, good, "["+payload+"]", f.elliptic),
		"payload twice":            f.raw(t, good, payload+payload, f.elliptic),
		"payload with a tail":      f.raw(t, good, payload+"x", f.elliptic),
		"deep payload":             f.raw(t, good, `{"x":`+deep+`,`+payload[1:], f.elliptic),
		"huge payload":             f.raw(t, good, `{"x":"`+strings.Repeat("x", token.MaxJWT)+`",`+payload[1:], f.elliptic),
		"sub twice":                f.raw(t, good, `{"sub":"root",`+payload[1:], f.elliptic),
		"Sub and sub":              f.raw(t, good, `{"Sub":"root",`+payload[1:], f.elliptic),
		"long s and sub":           f.raw(t, good, payload[:len(payload)-1]+`,"ſub":"root"}`, f.elliptic),
		"Kelvin sign in kind":      f.raw(t, good, payload[:len(payload)-1]+`,"to`+"\u212A"+`en_kind":"service"}`, f.elliptic),
		"sub escaped and plain":    f.raw(t, good, `{"\u0073ub":"root",`+payload[1:], f.elliptic),
		"exp twice":                f.raw(t, good, `{"exp":9999999999,`+payload[1:], f.elliptic),
		"signature of DER":         body + b64(der),
		"signature of zeros":       body + b64(make([]byte, 64)),
		"signature cut":            user[:len(user)-2],
		"signature longer":         body + b64(append(rs, 0)),
		"signature, other s":       body + b64(otherS(rs)) + "x",
		"signature padded":         user + "==",
		"signature, stray bits":    body + strayBits(signature),
		"payload changed":          flipAt(user, len(h)+80),
		"two signatures":           user + "." + signature,
		"JSON serialization":       `{"payload":"` + b64([]byte(payload)) + `","protected":"` + b64([]byte(good)) + `","signature":"` + signature + `"}`,
		"encrypted":                user + ".AA.AA",
		"line break":               user[:20] + "\n" + user[20:],
		"space in front":           " " + user,
		"space after":              user + " ",
		"standard base64":          strings.NewReplacer("-", "+", "_", "/").Replace(strings.Replace(user, ".", "_.", 1)),
		"empty":                    "",
		"dots":                     "..",
		"huge":                     strings.Repeat("A", 1<<20) + ".A.A",
		"many dots":                strings.Repeat(".", 10_000),
		"another instance's token": newForge(t).service(t),
	}
	for name, jwt := range tests {
		for kind, v := range map[string]*token.Verifier{"API": f.api, "people": f.people} {
			p, err := v.VerifyAccess(context.Background(), jwt)
			if p != nil || tandem.ErrorCode(err) != tandem.CodeUnauthorized {
				t.Errorf("%s at %s: %+v, %v", name, kind, p, err)
			}
			if err != nil && len(jwt) > 40 && strings.Contains(err.Error(), jwt[:40]) {
				t.Errorf("%s: the error repeats the token", name)
			}
		}
		if name != "ID token" && f.hint(jwt) {
			t.Errorf("%s: a sign-out hint", name)
		}
	}
}

func second(_, b map[string]any) map[string]any { return b }

func sum(s string) []byte {
	d := sha256.Sum256([]byte(s))
	return d[:]
}

// otherS cuts the signature by one byte of s.
func otherS(rs []byte) []byte { return append(rs[:32:32], rs[33:]...) }

// strayBits changes bits of the last character that the bytes do not hold.
func strayBits(signature string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	i := strings.IndexByte(alphabet, signature[len(signature)-1])
	return signature[:len(signature)-1] + string(alphabet[i^1])
}

func flipAt(s string, i int) string {
	c := byte('A')
	if s[i] == c {
		c = 'B'
	}
	return s[:i] + string(c) + s[i+1:]
}

// Claims that the key has signed and that are still not to be believed: kinds
// mixed, other issuers, audiences and times (D24, I3, I4, I7).
func TestD24_I7_SignedAndStillRefused(t *testing.T) {
	t.Parallel()
	for _, format := range []oauth.AccessFormat{oauth.FormatERPNet, oauth.FormatRFC9068} {
		for _, algorithm := range token.AccessAlgorithms {
			t.Run(string(format)+" "+algorithm, func(t *testing.T) {
				t.Parallel()
				signedAndStillRefused(t, newForgeOf(t, format, algorithm))
			})
		}
	}
}

func signedAndStillRefused(t *testing.T, f *forge) {
	user, id := f.user(t, anna)
	external, _ := f.user(t, paul)
	service := f.service(t)
	now := f.minter.Clock.Now().Unix()
	tests := map[string]struct {
		jwt  string
		edit edit
		ok   bool
	}{
		"user":                              {user, nil, true},
		"service":                           {service, nil, true},
		"scope as text":                     {user, set("scope", "openid read"), true},
		"audience as text":                  {user, set("aud", "DomainAPI"), true},
		"more audiences":                    {user, set("aud", []string{"x", "DomainAPI"}), true},
		"unknown claim":                     {user, set("x", 1), true},
		"user called service":               {user, set("token_kind", "service"), false},
		"service called user":               {service, set("token_kind", "user"), false},
		"kind missing":                      {user, set("token_kind", nil), false},
		"kind missing, service":             {service, set("token_kind", nil), false},
		"kind id":                           {user, set("token_kind", "id"), false},
		"kind in upper case":                {user, set("token_kind", "USER"), false},
		"kind is a list":                    {user, set("token_kind", []string{"user"}), false},
		"kind null":                         {user, set("token_kind", json.RawMessage("null")), false},
		"user with a System User":           {user, set("client_system_user", "svc.portal"), false},
		"user with a System User's id":      {user, set("client_system_user_id", robot.ID), false},
		"user with client_db":               {user, set("client_db", "db-1"), false},
		"user with an instance":             {user, set("service_instance", "w"), false},
		"user with null System User":        {user, set("client_system_user", json.RawMessage("null")), false},
		"service with sub":                  {service, set("sub", "anna"), false},
		"service with its client as sub":    {service, set("sub", "com.example/portal"), true},
		"its client in upper case":          {service, set("sub", "COM.EXAMPLE/PORTAL"), false},
		"its System User as sub":            {service, set("sub", robot.Login), false},
		"service with an empty sub":         {service, set("sub", ""), false},
		"service with a list as sub":        {service, set("sub", []string{"com.example/portal"}), false},
		"service, both another's":           {service, set("sub", "anna", "client_id", "anna"), true}, // an application of that name
		"service with sid":                  {service, set("sid", "s"), false},
		"service with e-mail":               {service, set("email", "a@b.example"), false},
		"service with auth_time":            {service, set("auth_time", now), false},
		"service with id":                   {service, set("id", anna.ID), false},
		"service with is_admin":             {service, set("is_admin", true), false},
		"service with user_type":            {service, set("user_type", "InternalUser"), false},
		"service with null sub":             {service, set("sub", json.RawMessage("null")), false},
		"service with nonce":                {service, set("nonce", "n"), false},
		"service as a person":               {service, set("client_system_user_type", "InternalUser"), false},
		"service without a System User":     {service, set("client_system_user", nil), false},
		"service with an empty one":         {service, set("client_system_user_id", ""), false},
		"service, bad instance":             {service, set("service_instance", "a b"), false},
		"user without sub":                  {user, set("sub", nil), false},
		"user, empty sub":                   {user, set("sub", ""), false},
		"user without id":                   {user, set("id", nil), false},
		"user without sid":                  {user, set("sid", nil), false},
		"user, empty sid":                   {user, set("sid", ""), false},
		"user as a System User":             {user, set("user_type", "SystemUserNoLogin"), false},
		"user of no type":                   {user, set("user_type", "Root"), false},
		"user without auth_time":            {user, set("auth_time", nil), false},
		"another issuer":                    {user, set("iss", "https://evil.example/id"), false},
		"issuer with a slash":               {user, set("iss", issuer+"/"), false},
		"issuer in upper case":              {user, set("iss", strings.ToUpper(issuer)), false},
		"no issuer":                         {user, set("iss", nil), false},
		"no audience":                       {user, set("aud", nil), false},
		"audience null":                     {user, set("aud", json.RawMessage("null")), false},
		"another audience":                  {user, set("aud", "Other"), false},
		"audience is the application":       {user, set("aud", "com.example/portal"), false},
		"audience in lower case":            {user, set("aud", "domainapi"), false},
		"audience is an object":             {user, set("aud", map[string]any{"DomainAPI": true}), false},
		"no client":                         {user, set("client_id", nil), false},
		"no jti":                            {user, set("jti", nil), false},
		"no exp":                            {user, set("exp", nil), false},
		"expired":                           {user, set("exp", now-5), false},
		"just within the skew":              {user, set("exp", now-4), true},
		"not yet":                           {user, set("nbf", now+6), false},
		"issued later":                      {user, set("iat", now+6), false},
		"issued within the skew":            {user, set("iat", now+5, "nbf", now+5), true},
		"exp as text":                       {user, set("exp", "9999999999"), false},
		"exp as a fraction":                 {user, set("exp", 9999999999.5), false},
		"exp beyond 64 bits":                {user, set("exp", json.RawMessage("99999999999999999999999")), false},
		"scope is a number":                 {user, set("scope", 1), false},
		"scope null":                        {user, set("scope", json.RawMessage("null")), false},
		"scope of objects":                  {user, set("scope", []any{map[string]any{}}), false},
		"sub is a number":                   {user, set("sub", 1), false},
		"is_admin is text":                  {user, set("is_admin", "true"), false},
		"an external user's, at the API":    {external, nil, false},
		"an ID token, called user":          {id, set("token_kind", "user", "aud", "DomainAPI"), false},
		"an ID token's audience, the API's": {id, set("aud", []string{"DomainAPI", issuer + "/resources"}), false},
	}
	for name, test := range tests {
		jwt := f.resigned(t, test.jwt, nil, test.edit)
		p, err := f.api.VerifyAccess(context.Background(), jwt)
		if (err == nil) != test.ok {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && (p != nil || tandem.ErrorCode(err) != tandem.CodeUnauthorized) {
			t.Errorf("%s: %v, %v", name, p, err)
		}
		if err == nil && (p.User == nil) == (p.Service == nil) {
			t.Errorf("%s: neither or both kinds", name)
		}
	}
	if _, err := f.people.VerifyAccess(context.Background(), external); err != nil {
		t.Errorf("an external user at userinfo: %v", err)
	}
}

// A hint for sign-out is one of our ID tokens, however old, and nothing else
// (A4, E28).
func TestE28_Hints(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	user, id := f.user(t, anna)
	now := f.minter.Clock.Now().Unix()
	hint, err := f.api.VerifyHint(context.Background(), id)
	if err != nil || hint.Login != "anna" || hint.UserID != anna.ID || hint.SignInID != "sid-1" || hint.ApplicationURI != "com.example/portal" {
		t.Fatalf("%+v, %v", hint, err)
	}
	for name, test := range map[string]struct {
		jwt    string
		header edit
		claims edit
		ok     bool
	}{
		"expired":                {id, nil, set("exp", now-3600), true},
		"30 days old":            {id, nil, set("iat", now-30*24*3600), true},
		"two months old":         {id, nil, set("iat", now-62*24*3600), false},
		"issued later":           {id, nil, set("iat", now+60), false},
		"another issuer":         {id, nil, set("iss", "https://evil.example/id"), false},
		"two audiences":          {id, nil, set("aud", []string{"a", "b"}), false},
		"kind user":              {id, nil, set("token_kind", "user"), false},
		"no kind":                {id, nil, set("token_kind", nil), false},
		"no sid":                 {id, nil, set("sid", nil), false},
		"no sub":                 {id, nil, set("sub", nil), false},
		"typ at+jwt":             {id, set("typ", "at+jwt"), nil, false},
		"access token":           {user, nil, nil, false},
		"access token, typ JWT":  {user, set("typ", "JWT"), nil, false},
		"access token, kind id":  {user, set("typ", "JWT"), set("token_kind", "id", "aud", "com.example/portal"), false},
		"service token":          {f.service(t), nil, nil, false},
		"key in the header":      {id, set("jku", "http://127.0.0.1:1/"), nil, false},
		"none":                   {id, set("alg", "none"), nil, false},
		"signed with access key": {id, set("alg", "ES256", "kid", kid(t, user)), nil, false},
	} {
		if got := f.hint(f.resigned(t, test.jwt, test.header, test.claims)); got != test.ok {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// A flood of unknown key ids costs nothing: the verifier asks nobody (D25).
func TestD25_UnknownKeysAskNobody(t *testing.T) {
	t.Parallel()
	c, store := testkit.NewClock(), &counting{}
	r := newReplica(t, store, c)
	jwt := r.service(t)
	before := store.asked.Load()
	h, _ := parts(t, jwt)
	for i := range 1000 {
		h["kid"] = strings.Repeat("k", i%40) + time.Duration(i).String()
		forged := b64([]byte(text(h))) + jwt[strings.IndexByte(jwt, '.'):]
		if r.access(forged) {
			t.Fatal("an unknown key verifies")
		}
	}
	if n := store.asked.Load() - before; n != 0 {
		t.Errorf("%d questions to the store", n)
	}
}

// Who has stolen a key that signs no more can forge with it until the last
// honest token of it has expired, and no second longer, even at a replica that
// cannot follow the store (D25).
func TestD25_RetiredKeyForgesNothing(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	c := f.clock
	honest, _ := f.user(t, anna)
	forged := func() string {
		now := c.Now().Unix()
		return f.resigned(t, honest, nil, set("iat", now, "nbf", now, "exp", now+3600))
	}
	if _, err := f.keys.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.Advance(token.PublishLead + token.AccessLifetime)
	if !f.access(forged()) {
		t.Fatal("the retired key does not verify: this test proves nothing")
	}
	c.Advance(3 * token.Skew)
	if f.access(forged()) {
		t.Error("the retired key verifies after the last token that it signed")
	}
}
