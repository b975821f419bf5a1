// Package webapp is the web app of the picture: the reference front end of a
// hybrid app, and a user of the SDK (package client) and of the worker's
// internal API (package internalapi) like any other.
//
// An internal user works in the ERP with their own user token, straight from
// here. What the back end does or keeps (jobs, synced stock, imports, exports)
// is asked of the worker, with the person's fresh ID token as evidence. An
// external user signs in for identity only and sees their company's documents
// through the worker.
//
// The package owns the pages and the store of signed-in people. It holds the
// user half's credential and tokens and nothing of the service half's; nothing
// of either is in what a browser receives, but the session cookie.
//
// Every page works without JavaScript; one small script adds live progress and
// refresh.
package webapp
