// Package isolation proves on the wired system (instance, web app and worker,
// over HTTP, on both databases) what no part can prove alone: that the two
// halves of a hybrid app stay apart, and that people see what is theirs. It has
// tests only; docs/isolation.md says which test proves what.
package isolation
