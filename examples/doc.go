// Package examples holds small programs that use the SDK, package client:
//
//	service   a back end: lists products with a service token
//	signin    a front end: a web page that people sign in to
//	hybrid    both halves in one process, kept apart by their types
//
// They read what they need from the environment. Against the demo that
// "tandem up" starts, the values are in the demo.json of its data directory:
//
//	TANDEM_ISSUER=http://localhost:8080/id TANDEM_APPLICATION_URI=com.example/portal \
//	TANDEM_CREDENTIAL_FILE=tandem-data/worker/credential go run ./examples/service
package examples
