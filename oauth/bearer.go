package oauth

import "strings"

// BearerToken is the token in the value of an Authorization header (RFC 6750
// section 2.1), as it stands after the scheme and one space; false when the
// scheme is another. Nothing is said of its form.
func BearerToken(credentials string) (token string, ok bool) {
	scheme, token, _ := strings.Cut(credentials, " ")
	if !strings.EqualFold(scheme, TokenTypeBearer) {
		return "", false
	}
	return token, true
}

// AccessToken is the scheme and the token in the value of an Authorization header: a
// bearer's, or one that is bound to a key (RFC 9449 section 7.1); false when the scheme
// is another. Nothing is said of its form.
func AccessToken(credentials string) (scheme, token string, ok bool) {
	scheme, token, _ = strings.Cut(credentials, " ")
	return scheme, token, strings.EqualFold(scheme, TokenTypeBearer) || strings.EqualFold(scheme, TokenTypeDPoP)
}
