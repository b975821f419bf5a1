package main

import (
	"io"
	"log/slog"
)

// logger logs to w as the flags say, nothing below the level least.
func (r *run) logger(w io.Writer, least slog.Level) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(r.LogLevel)) // the flag admits levels only
	o := &slog.HandlerOptions{Level: max(level, least), ReplaceAttr: maskAttr}
	if r.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

// maskAttr keeps passwords of databases out of the log: what an error or a text
// repeats of a URL.
func maskAttr(_ []string, a slog.Attr) slog.Attr {
	switch v := a.Value.Any().(type) {
	case string:
		a.Value = slog.StringValue(masked(v))
	case error:
		a.Value = slog.StringValue(masked(v.Error()))
	}
	return a
}
