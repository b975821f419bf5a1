// Package base makes what an ERP without data needs before people can enter
// anything: currencies, units, product types, document types, and one company of
// ours with a location and a store.
//
// It owns what there is. Everything is found by its code, or made: done again, or
// where somebody has made some of it, it changes nothing.
package base
