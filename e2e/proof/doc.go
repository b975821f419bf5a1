// Package proof proves the prover: a build of ours with one check broken on purpose
// for each invariant fails that invariant's row and no other, and providers of others,
// started by the tests, give row by row what they are known to give. It has tests
// only.
package proof
