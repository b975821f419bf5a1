// Package bench measures an instance as a client sees it: servers run as
// processes of their own, so that their CPU can be told from the loader's, and
// each is compared with a bare handler in the same run. It has benchmarks only.
//
//	go test ./bench -run '^$' -bench ClientCredentials -benchtime 9x
package bench
