// Package profile is the profile site: the pages under /profile/ on which people see and
// change what is their own. Each page is a file, with a template of the same name, and
// stands in the navigation (navigation.go).
//
// It owns what the pages say and who may send their forms. What they show and do is
// asked of the boxes, by the interfaces that the pages declare.
package profile
