package tandem

import "time"

// Proof is a run of tandem prove against an instance, as the instance remembers it.
// There is no secret in it.
type Proof struct {
	// ID is the run's, a UUIDv7; At is when the run began, and Milliseconds how long it took.
	ID           string
	At           time.Time
	Milliseconds int64
	// By is who ran it, as the record names whoever administers.
	By string
	// Issuer and ApplicationURI are what was tried.
	Issuer, ApplicationURI string
	// Holds, Fails and NotTested are how many invariants have which verdict.
	Holds, Fails, NotTested int
	// Rows are the invariants in their order.
	Rows []ProofRow
	// Report is the signed report, Digest its SHA-256 in hexadecimal, and KeyID the
	// name of the key that signed it.
	Report        []byte
	Digest, KeyID string
}

// ProofRow is what became of an invariant: holds, fails or not tested.
type ProofRow struct {
	ID, Title, Meaning, Verdict, Why string
}
