package platform

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/hybridapps/tandem/identity/token"
)

// limit is what an operator may set by its name, within bounds.
type limit[T cmp.Ordered] struct {
	name        string
	least, most T
	of          func(c *InstanceConfig) *T
}

const day = 24 * time.Hour

// lifetimes are all of them. No access token outlives the default: commands end people's
// rights for as long, and know nothing of the flags of an instance. No sign-in outlives its
// default either, as ID tokens are good as hints for that long. No refresh token lives longer
// than a sign-in is kept after its end: by the sign-in it is listed, and ended with its
// person's rights.
var lifetimes = []limit[time.Duration]{
	{"code", 10 * time.Second, 10 * time.Minute, func(c *InstanceConfig) *time.Duration { return &c.Lifetimes.Code }},
	{"access", time.Minute, token.AccessLifetime, func(c *InstanceConfig) *time.Duration { return &c.Lifetimes.Access }},
	{"id", time.Minute, time.Hour, func(c *InstanceConfig) *time.Duration { return &c.Lifetimes.ID }},
	{"refresh", time.Hour, token.SignInAbsolute, func(c *InstanceConfig) *time.Duration { return &c.Lifetimes.RefreshConfidential }},
	{"refresh-public", time.Hour, token.SignInAbsolute, func(c *InstanceConfig) *time.Duration { return &c.Lifetimes.RefreshPublic }},
	{"device", time.Minute, time.Hour, func(c *InstanceConfig) *time.Duration { return &c.Lifetimes.Device }},
	{"pushed", 10 * time.Second, 10 * time.Minute, func(c *InstanceConfig) *time.Duration { return &c.Lifetimes.Pushed }},
	{"sign-in", 5 * time.Minute, token.SignInAbsolute, func(c *InstanceConfig) *time.Duration { return &c.Lifetimes.SignInIdle }},
	{"sign-in-kept", time.Hour, token.SignInAbsolute, func(c *InstanceConfig) *time.Duration { return &c.Lifetimes.SignInAbsolute }},
	{"session", time.Minute, day, func(c *InstanceConfig) *time.Duration { return &c.Idle }},
	{"service-session", 5 * time.Minute, day, func(c *InstanceConfig) *time.Duration { return &c.ServiceAbsolute }},
	{"key", day, token.RotateEvery, func(c *InstanceConfig) *time.Duration { return &c.RotateKeys }},
}

// SetLifetime sets one of the lifetimes by its name.
func (c *InstanceConfig) SetLifetime(name string, d time.Duration) error {
	return set(c, "lifetime", lifetimes, name, d)
}

// throttles are how many failures are free before somebody has to wait, by the names that
// an operator has for them.
var throttles = []limit[int]{
	{"sign-in", 3, 100, func(c *InstanceConfig) *int { return &c.Throttling.Failures }},
	{"account", 10, 10_000, func(c *InstanceConfig) *int { return &c.Throttling.AccountFailures }},
	{"address", 10, 100_000, func(c *InstanceConfig) *int { return &c.Throttling.AddressFailures }},
	{"client", 10, 100_000, func(c *InstanceConfig) *int { return &c.ClientFailures }},
}

// SetThrottle sets how many failures are free, by the name of what is counted.
func (c *InstanceConfig) SetThrottle(name string, failures int) error {
	return set(c, "throttle", throttles, name, failures)
}

// set finds the one of that name; kind is what all of them are.
func set[T cmp.Ordered](c *InstanceConfig, kind string, all []limit[T], name string, to T) error {
	var names []string
	for _, l := range all {
		if l.name != name {
			names = append(names, l.name)
			continue
		}
		if to < l.least || to > l.most {
			return fmt.Errorf("the %s %s of %v: use %v to %v", kind, name, to, l.least, l.most)
		}
		*l.of(c) = to
		return nil
	}
	return fmt.Errorf("there is no %s %q; there are %s", kind, name, strings.Join(names, ", "))
}
