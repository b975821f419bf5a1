// Package e2e tells the whole story on the real thing: the built binary, its
// three processes, a real browser, both databases. It has tests only.
//
// Screenshots of every page go to artifacts/ at the root of the project, to be
// looked at.
package e2e
