package sqldb

import (
	"database/sql/driver"

	"modernc.org/sqlite"
)

// SQLiteFunction gives statements on SQLite a function of an integer and a text, which
// must say the same of the same arguments; NULL, or another type, is false. It is for
// packages to call before any database is opened, and panics when there is a function
// of the name.
func SQLiteFunction(name string, f func(n int64, text string) bool) {
	sqlite.MustRegisterDeterministicScalarFunction(name, 2, func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
		n, isNumber := args[0].(int64)
		text, isText := args[1].(string)
		if isNumber && isText && f(n, text) {
			return int64(1), nil
		}
		return int64(0), nil
	})
}
