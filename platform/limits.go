package platform

import (
	"fmt"
	"strings"
	"time"

	"github.com/hybridapps/tandem/identity/token"
)

// lifetime is one that an operator may set, within bounds.
type lifetime struct {
	name        string
	least, most time.Duration
	of          func(c *InstanceConfig) *time.Duration
}

const day = 24 * time.Hour

// lifetimes are all of them. No access token outlives the default: commands end people's
// rights for as long, and know nothing of the flags of an instance. No sign-in outlives its
// default either, as ID tokens are good as hints for that long. No refresh token lives longer
// than a sign-in is kept after its end: by the sign-in it is listed, and ended with its
// person's rights.
var lifetimes = []lifetime{
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
	var names []string
	for _, l := range lifetimes {
		if l.name != name {
			names = append(names, l.name)
			continue
		}
		if d < l.least || d > l.most {
			return fmt.Errorf("the lifetime %s of %s: use %s to %s", name, d, l.least, l.most)
		}
		*l.of(c) = d
		return nil
	}
	return fmt.Errorf("there is no lifetime %q; there are %s", name, strings.Join(names, ", "))
}

// throttles are how many failures are free before somebody has to wait, by the names that
// an operator has for them.
var throttles = []struct {
	name        string
	least, most int
	of          func(c *InstanceConfig) *int
}{
	{"sign-in", 3, 100, func(c *InstanceConfig) *int { return &c.Throttling.Failures }},
	{"account", 10, 10_000, func(c *InstanceConfig) *int { return &c.Throttling.AccountFailures }},
	{"address", 10, 100_000, func(c *InstanceConfig) *int { return &c.Throttling.AddressFailures }},
	{"client", 10, 100_000, func(c *InstanceConfig) *int { return &c.ClientFailures }},
}

// SetThrottle sets how many failures are free, by the name of what is counted.
func (c *InstanceConfig) SetThrottle(name string, failures int) error {
	var names []string
	for _, t := range throttles {
		if t.name != name {
			names = append(names, t.name)
			continue
		}
		if failures < t.least || failures > t.most {
			return fmt.Errorf("the throttle %s of %d: use %d to %d", name, failures, t.least, t.most)
		}
		*t.of(c) = failures
		return nil
	}
	return fmt.Errorf("there is no throttle %q; there are %s", name, strings.Join(names, ", "))
}
