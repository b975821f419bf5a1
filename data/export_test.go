package data

// SetGathered makes the bound of the rows that are expanded at once small.
func (e *ERP) SetGathered(n int) { e.atOnce = n }
