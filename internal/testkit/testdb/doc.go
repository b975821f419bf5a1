// Package testdb gives tests databases of their own: an empty one with [URL],
// or a copy of one that was filled before with [Template]. To migrate and seed a
// database takes seconds with the race detector, to copy it takes none.
//
// What `make test` runs shares its templates: the folder in [RunVariable] has
// those of SQLite and names those of PostgreSQL. A test that is run by hand
// makes its own.
package testdb

// PostgresVariable names the environment variable with the URL of a PostgreSQL
// database whose user may create schemas in it and databases beside it. `make
// test` sets it.
const PostgresVariable = "TANDEM_TEST_POSTGRES"

// RunVariable names the environment variable with the folder that the processes
// of one run share. Whoever makes the folder removes it at the end.
const RunVariable = "TANDEM_TEST_RUN"
