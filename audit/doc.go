// Package audit is the record of what happened: sign-ins, tokens, sessions,
// administration, and service calls on behalf of people.
//
// The record is append-only: nothing here or in its store changes or removes
// an event. [Log.Record] returns when the event is committed, so that a token
// leaves only after the record that it was issued. Events that arrive while a
// commit runs are committed together with the next one (group commit), so that
// sixteen callers cost little more than one.
//
// The package knows no SQL: package data keeps the events.
package audit
