// Package testkit has the fixtures that the tests of many rooms share: a
// [Clock] that the test moves, an audit [Record] in memory, a [Buffer] for logs,
// and [Eventually] for what takes a moment. Package chromium below it opens a
// browser. Only tests and the packages made for tests may import it;
// imports_test.go enforces that.
package testkit
