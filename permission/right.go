package permission

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hybridapps/tandem"
)

// Right is one of the things that may be done with what a key guards, or several
// of them. That a grant exists is the right to read.
type Right uint16

// The rights. Those from Release on are of document types.
const (
	Read Right = 1 << iota
	Create
	Update
	Delete
	// Administer permits to change which key a row has.
	Administer
	// Release permits to release documents of the type, Complete to complete them,
	// Reopen to return completed ones to Released.
	Release
	Complete
	Reopen
	// OtherDate permits to release on another day than the document's.
	OtherDate
	// Correct permits to correct released documents, which nothing does yet;
	// MakeVoid to void documents.
	Correct
	MakeVoid
	// Approve permits to set an exit status of documents that are not released,
	// ApproveReleased of released ones.
	Approve
	ApproveReleased

	// All are all of them.
	All = ApproveReleased<<1 - 1
	// OfSets and OfColumns are those that mean something for a set, and for an
	// attribute.
	OfSets    = Read | Create | Update | Delete
	OfColumns = Read | Create | Update
	// OfRows are those on a key that rows have, OfTypes on the key of a document
	// type.
	OfRows  = Read | Update | Delete | Administer
	OfTypes = All &^ Create
	// OfDocuments are those on a type that are about its documents. Their uses are
	// counted, those of the others on rows are not.
	OfDocuments = OfTypes &^ OfRows
)

var rightNames = []string{
	"read", "create", "update", "delete", "administer",
	"release", "complete", "reopen", "other-date", "correct", "void", "approve", "approve-released",
}

// String is the names of the rights, joined by commas: read,update.
func (r Right) String() string {
	var names []string
	for i, name := range rightNames {
		if r&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ",")
}

// words are the name of a right on document types as a sentence says it.
func (r Right) words() string {
	switch r {
	case OtherDate:
		return "release on another day"
	case ApproveReleased:
		return "approve released"
	}
	return r.String()
}

// ParseRights reads names of rights separated by commas. Names of attributes may
// follow update, each after a colon: "read,update:Name:Notes" lets only these two
// be changed. The right to read comes with any other. offered are the rights that
// mean something here; the error ([tandem.CodeInvalid]) names them.
func ParseRights(text string, offered Right) (rights Right, attributes []string, err error) {
	for word := range strings.SplitSeq(text, ",") {
		name, rest, limited := strings.Cut(strings.TrimSpace(word), ":")
		i := slices.Index(rightNames, strings.ToLower(name))
		if i < 0 || offered&(1<<i) == 0 {
			return 0, nil, tandem.Errorf(tandem.CodeInvalid, "there is no right %q here; use some of %s", tandem.Clip(name, 40), offered)
		}
		rights |= 1 << i
		if !limited {
			continue
		}
		if Right(1<<i) != Update || offered != OfSets {
			return 0, nil, tandem.Errorf(tandem.CodeInvalid, "only the update of a set can be limited to attributes, as in update:Name:Notes")
		}
		attributes = append(attributes, strings.Split(rest, ":")...)
	}
	if slices.Contains(attributes, "") {
		return 0, nil, tandem.Errorf(tandem.CodeInvalid, "an attribute after update: is empty; write update:Name:Notes")
	}
	return rights | Read, attributes, nil
}

// Denied refuses what the account is not granted. It names the set and the
// right, or the attribute, and nothing of what is hidden.
type Denied struct {
	// Set is the entity set, Attribute the attribute of it; empty where the whole
	// set is refused.
	Set, Attribute string
	Need           Right
	// Rule is what refused. Guard, Key and Row say more of it, to administrators: the
	// path to the key, its id, and the row as Set(id), as far as they are known.
	Rule            tandem.Rule
	Guard, Key, Row string
	// Cannot is what a document cannot without a right on its type: become Released.
	// Empty where the right is not one on a type.
	Cannot string
}

// Error implements error.
func (e *Denied) Error() string {
	if e.Cannot != "" {
		return fmt.Sprintf("the account has no right to %s documents of this type, so this one of %s cannot %s", e.Need.words(), e.Set, e.Cannot)
	}
	if e.Attribute != "" {
		return fmt.Sprintf("the account has no right to %s %s of %s", e.Need, e.Attribute, e.Set)
	}
	return fmt.Sprintf("the account has no right to %s %s", e.Need, e.Set)
}
