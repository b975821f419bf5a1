// Package workertest gives the tests of the worker's rooms a running worker, and
// a fake of the instance that it works for.
//
// It is for tests only.
package workertest
