package data

import (
	"bytes"
	"crypto/sha256"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"strings"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/sqldb"
)

// scopeField keeps a scope as OAuth writes it.
func scopeField(s *tandem.Scope) sqldb.Field {
	return sqldb.TextField(s, tandem.Scope.String, tandem.ParseScope)
}

// claimsField keeps the claims that were asked for by their names.
func claimsField(c *token.AskedClaims) sqldb.Field {
	return sqldb.TextField(c, token.AskedClaims.String, token.ParseAskedClaims)
}

// authenticationField keeps how a person proved who they are.
func authenticationField(a *token.Authentication) sqldb.Field {
	return sqldb.TextField(a, token.Authentication.String, token.ParseAuthentication)
}

// wordsField keeps words, which have no spaces.
func wordsField(words *[]string) sqldb.Field {
	return sqldb.TextField(words, func(w []string) string { return strings.Join(w, " ") }, strings.Fields)
}

// linesField keeps URIs, which have no line breaks.
func linesField(uris *[]string) sqldb.Field {
	return sqldb.TextField(uris, func(u []string) string { return strings.Join(u, "\n") }, func(text string) []string {
		if text == "" {
			return nil
		}
		return strings.Split(text, "\n")
	})
}

// jsonField keeps JSON as a text; none is an empty one.
func jsonField(text *[]byte) sqldb.Field {
	return sqldb.TextField(text, func(b []byte) string { return string(b) }, func(text string) []byte {
		if text == "" {
			return nil
		}
		return []byte(text)
	})
}

// nullableScope keeps the difference between no narrower scope and an empty one.
type nullableScope tandem.Scope

func (f *nullableScope) Value() (driver.Value, error) {
	if *f == nil {
		return nil, nil
	}
	return tandem.Scope(*f).String(), nil
}

func (f *nullableScope) Scan(stored any) error {
	var text sql.NullString
	if err := text.Scan(stored); err != nil || !text.Valid {
		*f = nil
		return err
	}
	if *f = nullableScope(tandem.ParseScope(text.String)); *f == nil {
		*f = nullableScope{}
	}
	return nil
}

// bytesField keeps bytes in a column that takes no NULL: none are written as an
// empty value, which is read as none on both engines.
type bytesField []byte

func (f *bytesField) Value() (driver.Value, error) {
	if *f == nil {
		return []byte{}, nil
	}
	return []byte(*f), nil
}

func (f *bytesField) Scan(stored any) error {
	b, ok := stored.([]byte)
	if !ok {
		return fmt.Errorf("bytes are stored as %T", stored)
	}
	*f = nil
	if len(b) > 0 {
		*f = bytes.Clone(b)
	}
	return nil
}

// hashField keeps a SHA-256.
type hashField [sha256.Size]byte

func (f *hashField) Value() (driver.Value, error) { return f[:], nil }

func (f *hashField) Scan(stored any) error {
	b, ok := stored.([]byte)
	if !ok || len(b) != len(f) {
		return fmt.Errorf("a SHA-256 is stored as %d bytes of %T", len(b), stored)
	}
	copy(f[:], b)
	return nil
}
