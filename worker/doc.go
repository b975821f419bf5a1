// Package worker is the reference back end of a hybrid app: the service
// component. It acts as the application itself, with the service token, and
// never as a person.
//
// It owns the configuration, the internal API over which the web app reaches it
// (see package internalapi), the evidence that comes with a request (the ID
// token of who asks), and what a failure of the ERP means. The work is done in
// its rooms, which it wires together:
//
//	jobs      what runs in the background, how people see it, schedules
//	importer  CSV files into the ERP, by a mapping
//	stock     the copy of the ERP's stock, and its sync
//	export    orders to a file
//	portal    what external people see
//	schema    the tables of the worker's database
//
// The package uses the ERP through package client only and imports no box of
// the server.
package worker
