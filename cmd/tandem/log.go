package main

import (
	"io"
	"log/slog"
)

// logger logs to w as the flags say, nothing below the level least.
func (r *run) logger(w io.Writer, least slog.Level) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(r.LogLevel)) // the flag admits levels only
	o := &slog.HandlerOptions{Level: max(level, least)}
	if r.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}
