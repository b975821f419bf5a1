// Package sealing makes the record tamper-evident: a Merkle tree (RFC 6962 section
// 2.1) grows over the events that are there, its heads are signed, and copies of the
// heads are kept where who may write the database may not.
//
// A leaf is one event exactly as it is stored, see [AppendLeaf]. One replica adds the
// leaves of new events in the order of their ids, behind everything else: an event is
// sealed when its id is older than [Settle], so that none can come before it any more.
// The tree is kept as tiles of height 8 (c2sp.org/tlog-tiles without the files), a head
// as a checkpoint (c2sp.org/tlog-checkpoint) with one Ed25519 signature, which is a
// signed note (c2sp.org/signed-note). Who has the heads of one hour shows of every
// event of before that it was not changed, removed, added or moved since.
//
// An epoch is one life of the log. A new one begins when the old tree cannot go on,
// such as after a restore from a backup, by an event that names the last head of the
// one before.
//
// The package knows no SQL: package data keeps tiles and heads.
package sealing
