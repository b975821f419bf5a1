// Package data is the data box, and the only room with SQL of the instance: it
// implements every store that another box declares, on SQLite and PostgreSQL,
// with one migration timeline.
//
// There is a type per box ([Sessions], [Audit], [ERP] …), each made from one
// opened [sqldb.DB]. Statements are written once for both engines; where the
// engines differ, package sqldb has the word for it. Tokens are kept as
// hashes, private keys sealed.
package data
