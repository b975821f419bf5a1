package token

import (
	"errors"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/oauth"
)

// Refuse is [oauth.Refuse] with the rule that decided, which is for the record and never
// sent. Every refusal of the identity server has one.
func Refuse(rule tandem.Rule, code oauth.ErrorCode, format string, args ...any) *oauth.Error {
	return By(rule, oauth.Refuse(code, format, args...))
}

// By is the same refusal by the rule: where several look alike to the caller.
func By(rule tandem.Rule, e *oauth.Error) *oauth.Error {
	by := *e
	by.Rule = string(rule)
	return &by
}

// RuleOf is the rule by which something was refused; empty for an error that is no
// refusal.
func RuleOf(err error) tandem.Rule {
	var refusal *oauth.Error
	if errors.As(err, &refusal) {
		return tandem.Rule(refusal.Rule)
	}
	var known *tandem.Error
	if errors.As(err, &known) {
		return known.Rule
	}
	return ""
}
