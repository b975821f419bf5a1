// Package platform builds the boxes from one configuration and runs the chosen
// ones: it is the only place that knows them all.
//
//   - [Administration] is an opened database with everything that changes it:
//     what the commands work with, and the base of an instance.
//   - [Instance] is identity server, domain API and discovery behind one
//     handler. It keeps nothing that a restart would lose, so any number of
//     replicas can share a database.
//   - [NewWebApp] and [NewWorker] build the two halves of the reference hybrid
//     app. Each gets its own credential, key and database (invariant I8).
//   - [Serve] runs one of them behind an HTTP server with its limits, and ends
//     it in order.
package platform
