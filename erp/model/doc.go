// Package model is the entity model as data: what a [Set], a [Property], a [Path],
// an [Enum] and a [Value] are, the words in which sets are declared (declare.go),
// how their names become pointers (link.go), and the texts and numbers that the
// kinds of properties hold.
//
// A name that a caller typed ends at a look-up here: what goes on from there are
// pointers into the [Model].
//
// The package does not own which sets there are (package erp), nor what reading
// and writing them means (erp/query, erp/write).
package model
