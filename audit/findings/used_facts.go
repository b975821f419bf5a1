package findings

import "time"

// UsageFacts are what the rules about use look at.
type UsageFacts struct {
	// ByApp is what halves have used. Families are the live refresh families, by
	// ApplicationURI.
	ByApp    Uses
	Families map[string]int
	// LastUse is when System Users used a right last.
	LastUse map[string]time.Time
	// Lately is what happened in the last days. LiveSignIns are the logins of those
	// sign-ins that it names and that have not ended; KnownPlace are those that were made
	// from a network that the person had signed in from before.
	Lately      *Events
	LiveSignIns map[string]string
	KnownPlace  map[string]bool
	// Obsolete is how often applications asked for what gives nothing, by id.
	Obsolete map[string]int64
	Licence  LicenceFacts
	// Stale are people with refresh tokens who were not seen for long.
	Stale []StalePerson
}

// LicenceFacts are how the licence is used.
type LicenceFacts struct {
	Slots, Peak7, Peak30 int
	IdleReserved         []IdleReserved
}

// IdleReserved is an account that had reserved slots free while others were refused.
type IdleReserved struct {
	Login        string
	Slots, InUse int
	At           time.Time
}

// StalePerson is a person who was not seen for long, and what goes on in their name.
type StalePerson struct {
	Person
	Families     int
	Applications []string
}
