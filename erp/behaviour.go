package erp

// Rule is a condition that every saved row keeps.
type Rule struct {
	// Code is shown as (Constraint CODE).
	Code string
	// Text says what is wrong and how to mend it.
	Text string
	// Broken reports whether the row breaks the rule.
	Broken func(*Change) (bool, error)
}
