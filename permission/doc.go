// Package permission is what one account may do inside the Domain API.
//
// A token's scope says what an application may ask for. What is asked for is
// then done in the name of an account, a person or a System User, and that
// account has rights of its own: effective rights are what the scope allows and
// what the account is granted, both at once. Neither replaces the other, and no
// token carries a right, so that a change acts on tokens that are already held.
//
// Only groups are granted anything, and an account has the union of its groups.
// A grant is on a key. Every entity set has a key; an attribute has one when
// somebody may not see or change it; a row has one when its AccessKey names it.
// Who holds no grant on a key does nothing with what it guards.
//
// Everybody is the group of all internal users, by itself, and is granted every
// set at first. System Users are not in it: they hold nothing but what the
// groups they were put into are granted. External users have no access to the
// API at all (invariant I5).
//
// The package decides nothing about rows and knows no entity: it turns the
// definitions ([Definitions]) into [Rights], which package erp asks where a name
// becomes a set, and package data where a set becomes SQL.
package permission
