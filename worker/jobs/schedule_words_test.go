package jobs

import (
	"strings"
	"testing"
	"time"

	"github.com/robfig/cron/v3"
)

func TestWords(t *testing.T) {
	t.Parallel()
	for spec, want := range map[string]string{
		"0 2 * * *":          "every day at 02:00, Europe/Sofia",
		"@daily":             "every day at 00:00, Europe/Sofia",
		"30 6,18 * * *":      "every day at 06:30 and 18:30, Europe/Sofia",
		"0 6 1 * *":          "on the 1st of every month at 06:00, Europe/Sofia",
		"0 6 1,11,22,23 * *": "on the 1st, 11th, 22nd and 23rd of every month at 06:00, Europe/Sofia",
		"5 4 * * sun":        "on Sunday at 04:05, Europe/Sofia",
		"5 4 * * 0,7":        "on Sunday at 04:05, Europe/Sofia",
		"0 8 * * 1-5":        "from Monday to Friday at 08:00, Europe/Sofia",
		"0 8 * * mon,WED":    "on Monday and Wednesday at 08:00, Europe/Sofia",
		"*/30 * * * *":       "every 30 minutes, Europe/Sofia",
		"* * * * *":          "every minute, Europe/Sofia",
		"*/15 8-17 * * 1-5":  "every 15 minutes from 08:00 to 17:59, from Monday to Friday, Europe/Sofia",
		"*/20 0,12 * * *":    "every 20 minutes in the hours 0 and 12, Europe/Sofia",
		"0 * * * *":          "every hour, Europe/Sofia",
		"15 * * * *":         "15 minutes past every hour, Europe/Sofia",
		"1 */6 * * *":        "1 minute past every 6 hours, Europe/Sofia",
		"0 9-17 * * *":       "every hour from 09:00 to 17:59, Europe/Sofia",
		"0 0 1 1 *":          "on the 1st of January at 00:00, Europe/Sofia",
		"0 0 * dec *":        "every day of December at 00:00, Europe/Sofia",
		"*/7 * * * *":        `at the times of cron "*/7 * * * *", Europe/Sofia`,
		"0 0 13 * 5":         `at the times of cron "0 0 13 * 5", Europe/Sofia`,
		"0,30 9 * * *":       `at the times of cron "0,30 9 * * *", Europe/Sofia`,
		"@every 90m":         `at the times of cron "@every 90m", Europe/Sofia`,
		"0 0 L * *":          `at the times of cron "0 0 L * *", Europe/Sofia`,
		"0 9-17/2 * * *":     `at the times of cron "0 9-17/2 * * *", Europe/Sofia`,
		"":                   `at the times of cron "", Europe/Sofia`,
		"99 99 99 99 99":     `at the times of cron "99 99 99 99 99", Europe/Sofia`,
		"0 0 1-2-3 * *":      `at the times of cron "0 0 1-2-3 * *", Europe/Sofia`,
		"TZ=UTC 0 2 * * *":   `at the times of cron "TZ=UTC 0 2 * * *", Europe/Sofia`,
	} {
		if got := Words(spec, "Europe/Sofia"); got != want {
			t.Errorf("%q\ngot  %s\nwant %s", spec, got, want)
		}
	}
}

// FuzzWords: what is said to start every day at some times starts at these and at
// no others, as cron reads it.
func FuzzWords(f *testing.F) {
	for _, spec := range []string{
		"0 2 * * *", "30 18,6 * * *", "5 0-1 * * *", "@daily", "7 8,8,20-21 * * *", "0 4 * * 0-6",
		"*/5 1-3,5 * JAN-MAR MON", "@weekly", "-", ",", "0 0 31 2 *", "*/0 * * * *",
	} {
		f.Add(spec)
	}
	f.Fuzz(func(t *testing.T, spec string) {
		words := Words(spec, "UTC")
		times, daily := strings.CutPrefix(strings.TrimSuffix(words, ", UTC"), "every day at ")
		schedule, err := cron.ParseStandard(spec)
		if err != nil || !daily {
			return
		}
		var starts []string
		begin := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
		for at := schedule.Next(begin.Add(-time.Second)); at.Before(begin.AddDate(0, 0, 1)); at = schedule.Next(at) {
			starts = append(starts, at.Format("15:04"))
		}
		if len(starts) == 0 || enumerated(starts) != times {
			t.Errorf("%q: %s, but it starts at %v", spec, words, starts)
		}
	})
}
