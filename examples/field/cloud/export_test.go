package cloud

import "time"

// For tests of what has no door of its own.
var (
	FileName     = fileName
	ParseCommand = parseCommand
	CheckBody    = checkBody
	Once         = once[int]
)

// FileIn bounds what is done for a file in the background by another time than the usual one.
func (c *Config) FileIn(d time.Duration) { c.fileIn = d }

// BookIn bounds bookings whose sender waits by another time than the usual one.
func (c *Config) BookIn(d time.Duration) { c.bookIn = d }
