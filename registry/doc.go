// Package registry is the live view, in memory, of who may act: the Trusted
// Applications with their credentials, the users seen lately, and the tokens
// revoked before their time. The identity server and the APIs ask it on every
// call, without SQL.
//
// The view follows the database: it asks every second what has changed, so
// that a switch turned anywhere (an application, a user, a System User) holds
// on every replica within five seconds. When the database cannot be asked for
// longer, the view refuses instead of answering from old knowledge.
//
// [TrustedApps] is the administration of Trusted Applications: the checks
// that every change passes, wherever it is made.
package registry
