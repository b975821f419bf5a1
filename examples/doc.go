// Package examples holds small programs that use the SDK, package client:
//
//	service   a back end: lists products with a service token
//	signin    a front end: a web page that people sign in to
//	hybrid    both halves in one process, kept apart by their types
//	prices    a whole integration: two processes, files, approval, jobs
//
// Beside the demo that "tandem up" starts, in the same folder, they need no
// settings: they read its tandem-data/demo.json and run as com.example/starter,
// which is registered for http://localhost:8090.
//
//	go run ./examples/service
//	go run ./examples/signin     # then open http://localhost:8090
//	go run ./examples/hybrid     # the same, and http://localhost:8090/stock
//
// Elsewhere package settings says which environment variables they read.
package examples
