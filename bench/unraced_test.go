//go:build !race

package bench

// perRound is how many tokens each server gives in a round.
const perRound = 8000
