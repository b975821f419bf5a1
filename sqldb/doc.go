// Package sqldb opens SQLite or PostgreSQL and makes them look alike.
//
// It owns connections, pools, pragmas, migrations and the few places where the
// two engines' SQL differs. It knows no table: each box that keeps data has
// its own statements, written once with $1 placeholders, times as integer
// microseconds UTC, and text that compares byte for byte on both engines.
package sqldb
