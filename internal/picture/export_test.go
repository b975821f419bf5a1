package picture

// SetMemory bounds children, and returns how it was.
func SetMemory(bound int64) (before int64) {
	before, memory = memory, bound
	return before
}

// Orientation is for the fuzzer.
var Orientation = orientation

// Sniff is for the fuzzer.
var Sniff = sniff
