// Command tokenserver is the yardstick of the token benchmark: the least that a
// server of service tokens can do. It prints where it listens and the secret of
// its one application, and ends with its standard input.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "tokenserver:", err)
		os.Exit(1)
	}
}

func run() error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	const secret = "bare-secret"
	handler, err := newBare(secret)
	if err != nil {
		return err
	}
	go http.Serve(listener, handler) //nolint:errcheck,gosec // loopback, for the length of a benchmark
	err = json.NewEncoder(os.Stdout).Encode(map[string]string{
		"Address": listener.Addr().String(), "Application": "com.example/bench", "Secret": secret,
	})
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}
