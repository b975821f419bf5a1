// Package site is what the pages of the instance share that people open while they are
// signed in: the profile site and the Instance Manager. It has their frame, the forms
// that only the right person can send, and the interface by which they learn who that
// is. How they look is in assets/look, as for the web apps; which languages they speak
// in site/words.
//
// It owns no page, and asks no store.
package site
