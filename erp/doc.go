// Package erp is the standard entity model: one declaration for each set, in a
// file for each neighbourhood (products.go, parties.go, sales.go …), and the
// behaviour that only these sets have: the states of documents, the amounts and
// totals of sales, the log of imports.
//
// A set is added by one [write.Declaration] here and one migration in package
// data. Nothing else is kept in step: $metadata, the checks of requests, the SQL
// and the texts of errors are made from the declaration.
//
// The package does not own what a set is (erp/model), how rows are read and shown
// (erp/query) or how they are written (erp/write); these know no set by its name.
package erp
