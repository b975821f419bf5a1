// Package erp is the entity model of the domain API as data, and everything
// about it that needs neither SQL nor HTTP:
//
//   - the [Model]: every entity set with its [Property] list, capabilities,
//     children, defaults and rules, one file for each neighbourhood
//     (products.go, parties.go, sales.go …);
//   - the read contract: a resolved [Query] whose every name is a pointer into
//     the Model, the [Row] that a store yields for it, and the exact JSON of a
//     row (encode.go);
//   - the write contract: the ordered [Object] that a caller sent, the
//     [Writer] that gives it its meaning (references looked up, defaults,
//     rules, aggregate versions), and the small [Tx] it works on.
//
// A store never sees a name that a caller typed: only pointers of the Model,
// and values, which are always parameters of a statement.
package erp
