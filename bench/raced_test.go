//go:build race

package bench

// perRound is how many tokens each server gives in a round. With the race detector
// nothing is measured: the benchmark is only to run.
const perRound = 400
