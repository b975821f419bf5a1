package jobs

import (
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// Schedules name times of the clock on the wall, which is put forward and back. A time
// that is left out begins at the first instant after it, one that comes twice is the first
// of the two. Schedules of every hour, or of each so many, go on by the hours that pass.

// byTheHour reports whether a schedule names no hours of the day: what it leaves out, or
// does twice, is made up for by its next time.
func byTheHour(spec string) bool {
	if alias, named := cronNames[spec]; named {
		spec = alias
	}
	fields := strings.Fields(spec)
	return len(fields) != 5 || strings.ContainsAny(fields[1], "*?/")
}

// nextOnTheWall is the first time after t that a schedule names; zero where it names none.
func nextOnTheWall(schedule cron.Schedule, t time.Time) time.Time {
	wall := time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
	for {
		if wall = schedule.Next(wall); wall.IsZero() {
			return wall
		}
		if next := instant(wall, t.Location()); next.After(t) {
			return next
		}
	}
}

// instant is when a clock in a zone shows a time, which is written as one of UTC.
func instant(wall time.Time, zone *time.Location) time.Time {
	by := func(t time.Time) time.Time {
		_, offset := t.Zone()
		return wall.Add(-time.Duration(offset) * time.Second)
	}
	before := wall.Add(-26 * time.Hour).In(zone) // no zone is so far from UTC
	_, turn := before.ZoneBounds()
	if first := by(before); turn.IsZero() || first.Before(turn) {
		return first
	}
	if second := by(turn.In(zone)); !second.Before(turn) {
		return second
	}
	return turn // the clock has never shown it
}
