// Package usage is the box of what is used: which of the things that an application was
// granted it has used, on which day and how often ([Use]), and how many of which events
// there were ([Tally]).
//
// Counting is done in memory, in a [Meter], and written behind: what was counted since
// the last writing, at most [Every] ago, is lost when a process dies. Replicas write
// sums, so each may count for itself.
//
// The package knows no SQL and no HTTP.
package usage
