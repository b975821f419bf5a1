package sqldb

import (
	"database/sql/driver"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/hybridapps/tandem"
)

// errNoText is what people see of a text that no database is asked about. Rooms look at
// what comes to them, and say it better; this is for what they have not looked at.
var errNoText = tandem.Errorf(tandem.CodeInvalid, "what was sent holds bytes that are no text: U+0000, or no UTF-8").By(tandem.RuleParameter)

// noText is an argument that PostgreSQL found to be no text. It is a [tandem.Error] with
// [tandem.CodeInvalid] for who answers a person, and says its cause to a log.
type noText struct{ cause error }

func (n *noText) Error() string { return errNoText.Message + ": " + n.cause.Error() }
func (n *noText) Unwrap() error { return errNoText }

// foundNoText reports whether PostgreSQL says so of an argument: character_not_in_repertoire,
// untranslatable_character (a \u0000 within JSON).
func foundNoText(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "22021" || pg.Code == "22P05")
}

// checkText refuses an argument that is no text before it is sent, on both engines alike:
// SQLite would take it, and PostgreSQL would end the transaction.
func checkText(v *driver.NamedValue) error {
	switch value := v.Value.(type) {
	case string:
		return isText(value)
	case *string:
		if value != nil {
			return isText(*value)
		}
	case []string:
		for _, one := range value {
			if err := isText(one); err != nil {
				return err
			}
		}
	}
	return nil
}

func isText(s string) error {
	if strings.IndexByte(s, 0) >= 0 || !utf8.ValidString(s) {
		return errNoText
	}
	return nil
}
