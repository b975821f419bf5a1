// Package bench measures the system as those see it who use it: an instance that
// gives tokens and answers the domain API, and the built binary with its three
// processes. What is compared with a yardstick is compared in the same run, in
// turns. It has benchmarks only; make bench runs them and docs/benchmarks.md tells
// the figures.
//
//	go test ./bench -run '^$' -bench ClientCredentials -benchtime 9x
package bench
