// Package dpop has proofs of possession (RFC 9449): a client signs each request with a
// key of its own, and a token that is bound to the key is of no use to anybody else.
//
// [Verify] checks a proof by itself; [Server] also that it comes once, and that a
// request has the proof that its token needs. [Key] makes proofs.
package dpop
