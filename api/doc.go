// Package api is the APIs box: the instance's Domain API over HTTP.
//
// A call passes [Access] first: bearer check, live check of application and
// account, scope, session and licence slot, in this order, so that a call that
// is refused opens nothing. What went wrong is written in one place, by
// [Errors]. The package knows no SQL and no token format.
package api
