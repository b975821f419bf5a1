package cloud

// For tests of what has no door of its own.
var (
	FileName     = fileName
	ParseCommand = parseCommand
	CheckBody    = checkBody
	Once         = once[int]
)
