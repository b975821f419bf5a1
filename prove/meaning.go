package prove

// meanings say what each invariant means to somebody who runs the system, and does
// not read protocols.
var meanings = map[string]string{
	"I1":  "Whoever has the back end’s secret cannot sign anybody in with it, and cannot use or renew a person’s tokens.",
	"I2":  "Whoever has the web app’s secret, a code or a refresh token does not get the back end’s rights with it.",
	"I3":  "The back end’s token is of no person: it carries none, opens no profile and cannot be renewed.",
	"I4":  "A person’s token does what that person may do, and nothing that only the back end may.",
	"I5":  "Customers and partners who sign in get an identity. The ERP stays closed to them, and they take no licence.",
	"I6":  "Signing out, or ending one half’s tokens, leaves the other half at work. Switching the application off ends both.",
	"I7":  "No token passes for one of another kind, and nobody’s login passes for an application.",
	"I8":  "The two processes hold nothing of each other: not on disk, not in their environment, not in an open file.",
	"I9":  "A stolen refresh token is noticed when it is used, and everything that came of it ends.",
	"I10": "Rights never grow: not by asking twice, not by renewing, not by mixing the two flows.",
	"I11": "One back end takes one licence slot, however often its token is renewed.",
	"I12": "There are never more sessions than the licence has, also when many begin at once.",
	"I13": "No secret, code or token stands in an address, a page, a header, a log or a database.",
	"I14": "Everybody sees the rows, columns and actions that they were granted. What they may not see changes no answer.",
}

// Invariants is how many there are.
func Invariants() int { return len(titles) }

// Meaning is what an invariant means, in plain words; empty for an id that is none.
func Meaning(id string) string { return meanings[id] }
