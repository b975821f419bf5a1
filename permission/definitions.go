package permission

import (
	"strings"
	"time"

	"github.com/google/uuid"
)

// GroupType is the kind of a group, by ERP.net's names; AllData is ours.
type GroupType string

// The group types. All but NormalGroup are made by the platform: they cannot be
// created, renamed or deleted.
const (
	NormalGroup    GroupType = "NormalUserDefinableGroup"
	Administrators GroupType = "Administrators"
	Everybody      GroupType = "Everybody"
	PowerUsers     GroupType = "PowerUsers"
	// AllData groups are granted every set, attribute, row and document type, those
	// of later versions included. They do not administer.
	AllData GroupType = "AllData"
)

// The groups that the platform makes, by id.
const (
	EverybodyID      = "00000001-0000-5000-8000-74616e64656d"
	AdministratorsID = "00000002-0000-5000-8000-74616e64656d"
	PowerUsersID     = "00000003-0000-5000-8000-74616e64656d"
	AllDataID        = "00000004-0000-5000-8000-74616e64656d"
	// BeforeID is the group of the System Users that were there before there were
	// permissions. It holds all data, until somebody has given them their own.
	BeforeID = "00000005-0000-5000-8000-74616e64656d"
)

// Group is a group of accounts.
type Group struct {
	// ID is a GUID.
	ID   string
	Name string
	Type GroupType
	// Notes say what the group is for.
	Notes string
}

// KeyKind is what a key guards.
type KeyKind string

// The kinds of keys.
const (
	// SetKey guards an entity set, ColumnKey one attribute of it.
	SetKey    KeyKind = "set"
	ColumnKey KeyKind = "column"
	// RowKey guards the rows whose AccessKey it is.
	RowKey KeyKind = "row"
	// SystemKey is an ability: open to everybody as long as it is granted to no
	// group.
	SystemKey KeyKind = "system"
)

// Key is what rights are granted on.
type Key struct {
	// ID is a GUID: what AccessKey of a row refers to.
	ID   string
	Kind KeyKind
	// Name is what people call it.
	Name string
	// EntityName is the entity set, or the set of the rows that may have the key.
	EntityName string
	// Attribute is the one of a [ColumnKey].
	Attribute string
	// EntityID is the one row that may have the key; empty for keys that rows
	// share.
	EntityID string
	// CreatedAt is when the key was made; zero for keys that nobody can have waited
	// for.
	CreatedAt time.Time
}

// Settling is how long after it was made a key can be put on rows: by then every
// replica knows it, or refuses to decide (E10). Before, one that did not would take
// the rows that have it for everybody's.
const Settling = 5 * time.Second

// Settled reports whether every replica knows the key by now.
func (k *Key) Settled(now time.Time) bool { return !now.Before(k.CreatedAt.Add(Settling)) }

// keySpace is where the ids of keys come from that follow from a name.
var keySpace = uuid.MustParse("00000000-0000-5000-8000-74616e64656d")

// SetKeyID is the id of the key of an entity set, the same in every database.
func SetKeyID(set string) string { return named("set", set) }

// ColumnKeyID is the id of the key of an attribute of an entity set.
func ColumnKeyID(set, attribute string) string { return named("column", set, attribute) }

func named(parts ...string) string {
	return uuid.NewSHA1(keySpace, []byte(strings.Join(parts, "\x00"))).String()
}

// Grant is what a group may do with what a key guards.
type Grant struct {
	Group, Key string
	Rights     Right
	// UpdateAttributes are the only attributes that the right to update a set is
	// for; none means all. It speaks of this grant: another group may add others.
	UpdateAttributes []string
}

// Definitions are all groups, keys and grants of an instance, as of one moment.
type Definitions struct {
	// Version is the number of the last change of any of them, or of who is in
	// which group.
	Version int64
	Groups  []Group
	Keys    []Key
	Grants  []Grant
}
