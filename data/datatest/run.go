package datatest

import (
	"context"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hybridapps/tandem/audit"
	"github.com/hybridapps/tandem/data"
	"github.com/hybridapps/tandem/identity"
	"github.com/hybridapps/tandem/identity/federation"
	"github.com/hybridapps/tandem/identity/signin"
	"github.com/hybridapps/tandem/identity/token"
	"github.com/hybridapps/tandem/internal/testkit/testdb"
	"github.com/hybridapps/tandem/registry"
	"github.com/hybridapps/tandem/session"
	"github.com/hybridapps/tandem/sqldb"
)

// Stores are what an instance keeps, as the boxes that use them declare them.
type Stores struct {
	Applications interface {
		registry.AppStore
		identity.CredentialUses
	}
	Users interface {
		signin.Users
		registry.Users
		registry.Accounts
	}
	SignIns    signin.SignIns
	Consents   signin.GrantStore
	Deliveries *data.Deliveries
	Factors    signin.FactorStore
	Attempts   signin.AttemptCounters
	Keys       token.KeyStore
	Codes      token.CodeStore
	Families   token.FamilyStore
	Assertions token.AssertionStore
	Failures   identity.FailureCounters
	Revoked    identity.Revocations
	References registry.ReferenceStore
	Outside    federation.Store
	Changes    registry.Changes
	Sessions   session.Store
	Audit      audit.Store
	Instance   interface {
		ID(ctx context.Context) (string, error)
	}
	// Reopen closes the stores and opens them again: a restart.
	Reopen func(t testing.TB) *Stores
}

// OpenStores opens the stores of package data on an empty database, which is
// gone after the test.
func OpenStores(t testing.TB, engine sqldb.Engine) *Stores {
	t.Helper()
	return storesOf(Open(t, engine))
}

// ThroughAPooler proves the same, of what is done by many at once, where a pooler
// gives each transaction another connection of the server.
func ThroughAPooler(t *testing.T) {
	direct, _ := migrated.Copy(t, sqldb.PostgreSQL)
	db, err := data.Open(t.Context(), testdb.Pooled(t, direct), sqldb.Options{})
	must(t, err)
	defer db.Close()
	if !db.Identity.Pooler || !db.ERP.Pooler {
		t.Error("the pooler was not noticed")
	}
	s := storesOf(db.Identity)
	for _, test := range []func(*testing.T, *Stores){
		OneNameHasOneOwner, auditGroupsOfEverySizeAreKeptWhole, auditUsesUpOnce, aSlotHasOneSession, codesAreUsedOnce, familiesRotateOnce, endsAreInOneOrder, instanceIDIsMadeOnce,
	} {
		test(t, s)
	}
}

func storesOf(db *sqldb.DB) *Stores {
	return &Stores{
		Applications: data.NewApplications(db),
		Users:        data.NewUsers(db),
		SignIns:      data.NewSignIns(db),
		Consents:     data.NewConsents(db),
		Deliveries:   data.NewDeliveries(db),
		Attempts:     data.NewThrottle(db),
		Keys:         data.NewKeys(db),
		Codes:        data.NewCodes(db),
		Families:     data.NewRefresh(db),
		Assertions:   data.NewAssertions(db),
		Failures:     data.NewClientFailures(db),
		Revoked:      data.NewRevoked(db),
		References:   data.NewReferences(db),
		Factors:      data.NewFactors(db),
		Outside:      data.NewOutsideProviders(db),
		Changes:      data.NewChanges(db),
		Sessions:     data.NewSessions(db),
		Audit:        data.NewAudit(db),
		Instance:     data.NewInstance(db),
		Reopen: func(t testing.TB) *Stores {
			t.Helper()
			must(t, db.Close())
			return storesOf(reopen(t, db.URL()))
		},
	}
}

// Run proves that stores keep what the boxes rely on: every field is read as it
// was written, what does not exist is tandem.ErrNotFound, of many who do at
// once what only one may do one wins, lists are in order, and a restart loses
// nothing. open makes empty stores for one test.
func Run(t *testing.T, open func(t testing.TB) *Stores) {
	for name, test := range map[string]func(*testing.T, *Stores){
		"Applications are read as written":                        applicationsAreReadAsWritten,
		"Applications are told apart":                             applicationsAreToldApart,
		"Applications change one after the other":                 applicationsChangeOneAfterTheOther,
		"Applications leave tombstones":                           applicationsLeaveTombstones,
		"Changes come in the order of commits":                    changesComeInTheOrderOfCommits,
		"Credentials come and go":                                 credentialsComeAndGo,
		"Deleted applications come back":                          deletedApplicationsComeBack,
		"The last sign-in is known":                               theLastSignInIsKnown,
		"Credential uses are in one order":                        credentialUsesAreInOneOrder,
		"Classic secrets are used":                                classicSecretsAreUsed,
		"Revoked credentials have a bound":                        revokedCredentialsHaveABound,
		"Users are listed in pages":                               usersAreListedInPages,
		"Applications are listed in pages":                        applicationsAreListedInPages,
		"Sessions are listed in pages":                            sessionsAreListedInPages,
		"Users are read as written":                               usersAreReadAsWritten,
		"User updates do not lose each other":                     userUpdatesDoNotLoseEachOther,
		"I7 One name has one owner":                               OneNameHasOneOwner,
		"Consents are added up":                                   consentsAreAddedUp,
		"What is withdrawn ends":                                  whatIsWithdrawnEnds,
		"Ended sign-ins are told":                                 endedSignInsAreTold,
		"Sign-ins live and end":                                   signInsLiveAndEnd,
		"Second factors are kept":                                 factorsAreKept,
		"Attempts are exact under race":                           attemptsAreExactUnderRace,
		"Keys have one of each generation":                        keysHaveOneOfEachGeneration,
		"Codes are read as written":                               codesAreReadAsWritten,
		"Codes are used once":                                     codesAreUsedOnce,
		"Codes are taken back":                                    codesAreTakenBack,
		"Families rotate once":                                    familiesRotateOnce,
		"Families end once":                                       familiesEndOnce,
		"Families end with what they hang on":                     familiesEndWithWhatTheyHangOn,
		"Ends of grants are in one order":                         endsAreInOneOrder,
		"Assertions are used once":                                assertionsAreUsedOnce,
		"Failures are counted exactly":                            failuresAreCountedExactly,
		"Revoked tokens stay revoked":                             revokedTokensStayRevoked,
		"Reference tokens are read as written":                    referencesAreReadAsWritten,
		"Reference tokens end and are told":                       referencesEndAndAreTold,
		"Reference tokens are bounded under race":                 referencesAreBoundedUnderRace,
		"Outside providers are read as written":                   outsideProvidersAreReadAsWritten,
		"Outside links are of one user":                           outsideLinksAreOfOneUser,
		"Sessions are read as written":                            sessionsAreReadAsWritten,
		"Sessions end at their edges":                             sessionsEndAtTheirEdges,
		"Ended sessions are told to other replicas":               endedSessionsAreToldToOtherReplicas,
		"Ended sessions are untold until somebody says otherwise": endedSessionsAreUntold,
		"Multiplexing is marked once":                             multiplexingIsMarkedOnce,
		"A slot has one session":                                  aSlotHasOneSession,
		"Reserved slots":                                          reservedSlots,
		"A smaller licence ends the longest idle":                 smallerLicenceEndsTheLongestIdle,
		"Audit groups of every size are kept whole":               auditGroupsOfEverySizeAreKeptWhole,
		"Audit uses up once":                                      auditUsesUpOnce,
		"Audit filters":                                           auditFilters,
		"The id of an instance is made once":                      instanceIDIsMadeOnce,
		"A restart loses nothing":                                 restartLosesNothing,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

// racers is how many try at once what one may do.
const racers = 32

var noon = time.Date(2026, 11, 24, 12, 0, 0, 123000, time.UTC)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Together runs f n times at the same moment.
func Together(t *testing.T, n int, f func(i int) error) {
	t.Helper()
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			if err := f(i); err != nil {
				t.Errorf("caller %d: %v", i, err)
			}
		})
	}
	close(start)
	wg.Wait()
}

// whole fails the test when a field of the example is empty, so that a field
// that is new is tried too. Those named may be.
func whole(t *testing.T, example any, empty ...string) {
	t.Helper()
	v := reflect.ValueOf(example)
	for _, f := range reflect.VisibleFields(v.Type()) {
		if !f.Anonymous && !slices.Contains(empty, f.Name) && v.FieldByIndex(f.Index).IsZero() {
			t.Errorf("the example of %s has nothing in %s", v.Type(), f.Name)
		}
	}
}
