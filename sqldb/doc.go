// Package sqldb opens SQLite or PostgreSQL and makes them look alike.
//
// It owns connections, pools, pragmas, migrations and the few places where the
// two engines' SQL differs. It knows no table: each box that keeps data has
// its own statements, written once with $1 placeholders, times as integer
// microseconds UTC, and text that compares byte for byte on both engines.
//
// What is committed survives the end of the process, however it ends. Power
// loss is another matter. SQLite runs in WAL mode with synchronous NORMAL: the
// log is forced to the disk at checkpoints (about every 4 MB), so a machine that
// loses power may lose the transactions since the last one, whole ones and the
// newest first; it never has half of one and never a damaged file. Forcing each
// commit would cost a wait for the disk, shared by those who commit together.
// Where a record must outlive the machine's power use PostgreSQL, which forces
// every commit unless its administrator has switched that off.
package sqldb
