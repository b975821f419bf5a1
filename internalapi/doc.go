// Package internalapi is the wire between the two halves of a hybrid app: what
// the web app asks of its worker, over HTTP with JSON.
//
// Two things come with every request that is made for a person:
//
//   - the channel key (header [HeaderChannelKey]), which proves that the caller
//     is this worker's web app. It is a shared secret of the two processes and
//     no OAuth credential: it gets no token anywhere.
//   - the evidence (header [HeaderEvidence]): the fresh ID token of the person
//     who asks. The worker verifies it and decides by its own rules what that
//     person may see. It is evidence, never authority: the worker calls the
//     ERP with its service token.
//
// The package owns paths, request and response types, the channel key and a
// client for the web app. It knows neither the jobs nor the rules; those are
// in package worker.
package internalapi
