// Package prove tries every isolation invariant, I1 to I14, against a running
// system, and tells what became of each attempt. Most of it works against any
// OpenID provider; what only our own administration can see asks [Inside].
//
// It is an outsider: it knows what a registered application knows, speaks HTTP and
// takes nothing from the boxes that it tries. What it tells is a [Report], in which
// no secret of the run can stand ([Shown]).
package prove
