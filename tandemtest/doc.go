// Package tandemtest runs a platform for tests: ours, and those of users of the
// SDK. It is a real instance on a free loopback port, in the test's process,
// with a database of its own that is gone after the test.
//
//	in := tandemtest.Start(t, tandemtest.Options{})
//	tokens := in.SignIn("anna")              // the authorization code flow, over HTTP
//	service := in.ServiceToken()             // client credentials
//	in.Advance(20 * time.Minute)             // the sessions opened are idle now
//
// [StartHybrid] adds the reference web app and worker, each with a store of its
// own, in the same process.
//
// Registered are the application [Portal] with a credential for each half, the
// public application [Field], and the people of [Users].
package tandemtest
