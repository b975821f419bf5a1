package jobs

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Words says when a schedule starts its job, for people: "every day at 02:00,
// Europe/Sofia". The specification is five-field cron or one of its names
// (@hourly, @daily …). One that has no short words is repeated as it stands.
func Words(spec, zone string) string {
	if words := cronWords(spec); words != "" {
		return words + ", " + zone
	}
	return fmt.Sprintf("at the times of cron %q, %s", spec, zone)
}

// cronNames are the names that stand for a specification.
var cronNames = map[string]string{
	"@hourly":   "0 * * * *",
	"@daily":    "0 0 * * *",
	"@midnight": "0 0 * * *",
	"@weekly":   "0 0 * * 0",
	"@monthly":  "0 0 1 * *",
	"@yearly":   "0 0 1 1 *",
	"@annually": "0 0 1 1 *",
}

// cronWords is empty for what has no short words.
func cronWords(spec string) string {
	if full, ok := cronNames[spec]; ok {
		spec = full
	}
	fields := strings.Fields(spec)
	if len(fields) != 5 {
		return ""
	}
	at, often := timesOfDay(fields[0], fields[1])
	days, daily := daysOf(fields[2], fields[3], fields[4])
	switch {
	case at == "" || days == "":
		return ""
	case often && daily:
		return at
	case often:
		return at + ", " + days
	}
	return days + " at " + at
}

// timesOfDay are the words for minute and hour; often when they name more than
// single times of a day.
func timesOfDay(minute, hour string) (words string, often bool) {
	every, stepped := step(minute, 60)
	hours, listed := numbers(hour, 0, 23, nil)
	minutes, fixed := numbers(minute, 0, 59, nil)
	switch {
	case hour == "*" && stepped:
		return each(every, "minute"), true
	case stepped && listed:
		return each(every, "minute") + " " + span(hours), true
	case !fixed || len(minutes) != 1:
		return "", false
	case listed && consecutive(hours) && len(hours) > 2:
		return past(minutes[0], "every hour") + " " + span(hours), true
	case listed:
		for _, h := range hours {
			words += "\x00" + fmt.Sprintf("%02d:%02d", h, minutes[0])
		}
		return enumerated(strings.Split(words[1:], "\x00")), false
	case hour == "*":
		return past(minutes[0], "every hour"), true
	}
	if every, stepped := step(hour, 24); stepped {
		return past(minutes[0], each(every, "hour")), true
	}
	return "", false
}

// daysOf are the words for day of month, month and day of week; daily when they
// name every day.
func daysOf(day, month, weekday string) (words string, daily bool) {
	months, _ := numbers(month, 1, 12, monthNumbers)
	ofMonth := "of every month"
	if month != "*" {
		if months == nil {
			return "", false
		}
		ofMonth = "of " + enumerated(called(months, func(n int) string { return time.Month(n).String() }))
	}
	switch days, ok := numbers(day, 1, 31, nil); {
	case day == "*" && weekday == "*" && month == "*":
		return "every day", true
	case day == "*" && weekday == "*":
		return "every day " + ofMonth, false
	case day == "*" && month == "*":
		return weekdays(weekday), false
	case ok && weekday == "*":
		return "on the " + enumerated(called(days, ordinal)) + " " + ofMonth, false
	}
	return "", false // cron takes either of the two days, which has no short words
}

func weekdays(field string) string {
	days, ok := numbers(field, 0, 7, dayNumbers)
	if !ok {
		return ""
	}
	for i := range days {
		days[i] = (days[i] + 6) % 7 // Monday first, and 7 is Sunday, too
	}
	slices.Sort(days)
	days = slices.Compact(days)
	name := func(n int) string { return time.Weekday((n + 1) % 7).String() }
	switch {
	case len(days) == 7:
		return "every day"
	case len(days) > 2 && consecutive(days):
		return "from " + name(days[0]) + " to " + name(days[len(days)-1])
	}
	return "on " + enumerated(called(days, name))
}

// step reads "*" and "*/n", where n divides the whole.
func step(field string, whole int) (n int, ok bool) {
	if field == "*" {
		return 1, true
	}
	n, err := strconv.Atoi(strings.TrimPrefix(field, "*/"))
	return n, err == nil && strings.HasPrefix(field, "*/") && n > 0 && n < whole && whole%n == 0
}

// numbers reads a list of numbers, names and ranges, in order and without
// repeats.
func numbers(field string, low, high int, named []string) (list []int, ok bool) {
	read := func(s string) (int, bool) {
		if i := slices.Index(named, strings.ToUpper(s)); i >= 0 {
			return i + low, true
		}
		n, err := strconv.Atoi(s)
		return n, err == nil && n >= low && n <= high
	}
	for part := range strings.SplitSeq(field, ",") {
		from, to, isRange := strings.Cut(part, "-")
		a, ok := read(from)
		b := a
		if ok && isRange {
			b, ok = read(to)
		}
		if !ok || b < a {
			return nil, false
		}
		for n := a; n <= b; n++ {
			list = append(list, n)
		}
	}
	slices.Sort(list)
	return slices.Compact(list), true
}

var (
	dayNumbers   = []string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}
	monthNumbers = []string{"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}
)

func consecutive(list []int) bool { return list[len(list)-1]-list[0] == len(list)-1 }

// span says from when until when a list of hours lasts.
func span(hours []int) string {
	if !consecutive(hours) {
		return "in the hours " + enumerated(called(hours, strconv.Itoa))
	}
	return fmt.Sprintf("from %02d:00 to %02d:59", hours[0], hours[len(hours)-1])
}

func each(n int, unit string) string {
	if n == 1 {
		return "every " + unit
	}
	return fmt.Sprintf("every %d %ss", n, unit)
}

func past(minute int, hours string) string {
	switch minute {
	case 0:
		return hours
	case 1:
		return "1 minute past " + hours
	}
	return fmt.Sprintf("%d minutes past %s", minute, hours)
}

func ordinal(n int) string {
	suffix := "th"
	if n/10 != 1 && n%10 >= 1 && n%10 <= 3 {
		suffix = []string{"st", "nd", "rd"}[n%10-1]
	}
	return strconv.Itoa(n) + suffix
}

func called(list []int, name func(int) string) []string {
	out := make([]string, len(list))
	for i, n := range list {
		out[i] = name(n)
	}
	return out
}

func enumerated(list []string) string {
	if n := len(list); n > 1 {
		return strings.Join(list[:n-1], ", ") + " and " + list[n-1]
	}
	return list[0]
}
