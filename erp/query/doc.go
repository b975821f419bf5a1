// Package query is what is read of the entity model: [Resolve] turns the query
// options of a request, as package odata has parsed them, into a [Query] in which
// every name is a pointer into the model and every constant a value of its
// property's type, after checking that the property may be used like this. A store
// implements [Reader]; encode.go writes the exact JSON of the rows that it yields.
//
// Operators, functions and literals are those of package odata. The package owns
// neither that grammar nor any SQL, and it asks its caller who may see what.
package query
