// Package odata is the URL grammar of the domain API alone: text in, a syntax
// tree or an error with its position out. It knows no SQL, no HTTP and no
// entity model: whether a name exists, and what may be done with it, is
// decided by whoever walks the tree.
//
// It reads what ERP.net documents of OData 4.0 (OASIS "OData Version 4.0 Part 2:
// URL Conventions"): resource paths ([ParsePath]), query options
// ([ParseQuery]) and entity ids ([ParseID]). What the API does not offer, such
// as the operator or, is an error that names it and says what to use instead;
// nothing is ever skipped in silence.
//
// Everything a caller types is bounded by the constants below, so that a tree
// is never larger than the machinery behind it can take.
package odata

// The bounds. Beyond them a text is refused, never cut.
const (
	// MaxPath is the longest resource path, in bytes, percent-encoding
	// included.
	MaxPath = 1 << 10
	// MaxQuery is the longest query string, in bytes, percent-encoding
	// included. A keyset page of 500 ids in a filter fits in 32 KiB.
	MaxQuery = 32 << 10
	// MaxOption is the longest value of one query option, in bytes, decoded.
	MaxOption = 24 << 10
	// MaxText is the longest string literal, in bytes.
	MaxText = 1 << 10
	// MaxSearch is the longest $search text, in bytes.
	MaxSearch = 256
	// MaxDepth is how deep parentheses of one $filter may nest.
	MaxDepth = 16
	// MaxConditions is how many conditions one request may have, those of
	// nested filters included.
	MaxConditions = 100
	// MaxInList is how many values one in (...) may have.
	MaxInList = 500
	// MaxPropertyPath is how many names one property path may have:
	// Party/PartyName has two.
	MaxPropertyPath = 4
	// MaxNames is how many names one $select may have.
	MaxNames = 250
	// MaxOrderBy is how many keys one $orderby may have.
	MaxOrderBy = 8
	// MaxExpandDepth is how deep $expand may nest.
	MaxExpandDepth = 4
	// MaxExpands is how many navigation properties one request may expand, on
	// all levels together.
	MaxExpands = 32
	// MaxTop is the largest page, in rows, and the page size without $top.
	MaxTop = 1000
	// MaxSkipToken is the longest $skiptoken, in bytes.
	MaxSkipToken = 4 << 10
	// MaxSkip is the largest $skip, in rows. Beyond it, page by Id.
	MaxSkip = 1_000_000
	// MaxParameters is how many parameters one operation call may have.
	MaxParameters = 16
)
