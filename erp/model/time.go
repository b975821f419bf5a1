package model

import (
	"errors"
	"time"
)

// ParseTime reads a date or a time as filters and bodies spell it: 2026-01-31,
// 2026-01-31Z, 2026-01-31T09:55:00.123Z, with or without a zone; no zone means
// UTC. The result is UTC, in microseconds.
func ParseTime(text string) (time.Time, error) {
	for _, layout := range [...]string{time.RFC3339Nano, "2006-01-02", "2006-01-02Z07:00", "2006-01-02T15:04:05.999999999",
		"2006-01-02T15:04Z07:00", "2006-01-02T15:04"} {
		if t, err := time.Parse(layout, text); err == nil {
			t = t.UTC()
			if t.Year() < 1 || t.Year() > 9999 {
				break
			}
			return t.Truncate(time.Microsecond), nil
		}
	}
	return time.Time{}, errors.New("not a date")
}

// Day is midnight UTC of the time's day.
func Day(t time.Time) time.Time {
	t = t.UTC()
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
}
