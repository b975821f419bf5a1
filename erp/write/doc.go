// Package write is what it means to write rows of the entity model: the ordered
// [Object] that a caller sent, the [Writer] that gives it its meaning, and the
// small [Tx] that it works on.
//
// An object is written as its @erpnet.action says: found (find.go), created,
// found or created (upsert.go), updated, deleted, its members assigned in their order
// (assign.go, value.go, reference.go), then settled: defaults, numbers, what the
// set computes, rules, totals and the version of the aggregate (save.go).
// import.go does it with many.
//
// What writing the rows of a set means besides is a [Declaration] beside the
// model; the package knows no set by its name. It owns no SQL and no HTTP: package
// data implements Tx and [Store], package api calls them.
package write
