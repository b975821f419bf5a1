package model

import (
	"errors"
	"time"
)

// ParseTime reads a date or a time as filters and bodies spell it: 2026-01-31,
// 2026-01-31Z, 2026-01-31T09:55:00.123Z, with or without an offset; none means
// UTC. The result is in the offset that was written, in microseconds.
func ParseTime(text string) (time.Time, error) {
	for _, layout := range [...]string{time.RFC3339Nano, "2006-01-02", "2006-01-02Z07:00", "2006-01-02T15:04:05.999999999",
		"2006-01-02T15:04Z07:00", "2006-01-02T15:04"} {
		t, err := time.Parse(layout, text)
		if err != nil {
			continue
		}
		if t.Year() < 1 || t.Year() > 9999 || t.UTC().Year() < 1 || t.UTC().Year() > 9999 {
			break
		}
		return t.Truncate(time.Microsecond), nil
	}
	return time.Time{}, errors.New("not a date")
}

// ParseTime is [ParseTime] for a value of the property, as it is kept. Where a
// day is what counts, the day that was written is kept, whatever offset follows:
// 2026-03-01T00:00:00+02:00 is the first of March, also in UTC. Where the instant
// counts ([Property].KeepTime) the offset is reckoned in.
func (p *Property) ParseTime(text string) (Value, error) {
	t, err := ParseTime(text)
	switch {
	case err != nil:
		return Value{}, err
	case p.KeepTime:
		t = t.UTC()
	case p.Kind == KindDate:
		t = Day(t)
	default:
		_, offset := t.Zone()
		t = t.Add(time.Duration(offset) * time.Second).UTC()
	}
	return IntValue(t.UnixMicro()), nil
}

// Day is midnight UTC of the day that the time has where it is.
func Day(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
}

// DayOf is midnight UTC of the day of a time that is kept.
func DayOf(v Value) Value { return IntValue(Day(time.UnixMicro(v.Int).UTC()).UnixMicro()) }
