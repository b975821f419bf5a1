// Package jsontext appends JSON to a buffer, for the few places that write so
// much of it that encoding/json would be most of their work: rows of the domain
// API, token responses and claim sets. It owns how a string is written, and
// knows nothing of ours.
package jsontext
