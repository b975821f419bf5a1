package client_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
)

// printed is each value in every way that a program is likely to print it.
func printed(values ...any) []string {
	var out []string
	for _, v := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			out = append(out, fmt.Sprintf(verb, v))
		}
		if text, err := json.Marshal(v); err == nil {
			out = append(out, string(text))
		}
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "value", v)
		slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "value", v)
		out = append(out, log.String())
	}
	return out
}
