// Package worker is the reference back end of a hybrid app: the service
// component. It acts as the application itself, with the service token, and
// never as a person.
//
// It owns background jobs (stock sync, import, export), the schedules that
// start them, what was synced, and the rules of the portal: which rows an
// external person may see. People reach it only through the web app, over the
// internal API of package internalapi, with their ID token as evidence of who
// asks.
//
// Jobs are rows of the worker's own database; River is the queue beneath them.
// A job's row is leased by the process that runs it, so that a job of a process
// that died goes on elsewhere, or after a restart, and none is run twice to
// effect.
//
// The package uses the ERP through package client only and imports no box of
// the server.
package worker
