package cloud

import (
	"os"
	"runtime/debug"
)

// growth is by how many per cent the heap may grow between two collections. What the cloud
// keeps is so little that Go's own 100 would have it collect all the time under load.
const growth = 400

// LetGrow spares the process of a cloud most collections of garbage, unless an operator has
// said otherwise by GOGC. It is called once, at the start.
func LetGrow() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(growth)
	}
}
