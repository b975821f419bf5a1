// Package tus takes files that come in pieces over bad lines: tus 1.0 (tus.io) with the
// extensions creation, termination, expiration and checksum.
//
// What the protocol leaves open, and people trip over, is settled here:
//
//   - Creation is idempotent. Upload-Metadata carries a key, the owner's own name for the
//     file, and the SHA-256 of the whole; the same owner and key get the same Location, with
//     the Upload-Offset at which to go on. So a lost answer makes no second upload, and a
//     client that kept nothing but its key resumes with one request.
//   - Offsets are exact. What an answer tells is forced to the disk and noted in the
//     database before; what a crash leaves beyond that is cut off. A body that is cut in
//     the middle keeps what came.
//   - One request writes at a time. A newer one of the same owner ends the older one, which
//     often hangs on a connection that is long dead, and goes on where that one stopped.
//   - The whole is compared with its SHA-256 at the end. A file that differs begins again,
//     twice; then it is gone.
//
// The package knows no visits and no ERP: who calls, and what may be created, is asked of
// functions, and what was finished is fetched by owner and key.
package tus
