package findings

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/hybridapps/tandem"
)

// Limits are the thresholds of the rules, which an operator may set. Those whose name ends
// in days are in days.
type Limits struct {
	ApplicationUnusedDays int `yaml:"application_unused_days" default:"90" help:"An application, a scope or an entity set that was not used for so long is unused."`
	ApplicationNewDays    int `yaml:"application_new_days" default:"30" help:"An application may wait so long for its first use."`
	ApplicationIdleDays   int `yaml:"application_idle_days" default:"180" help:"An application that is disabled for so long can go."`
	RedirectUnusedDays    int `yaml:"redirect_unused_days" default:"180" help:"A redirect URI that was not used for so long, while others were, can go."`

	SecretAgeDays        int `yaml:"secret_age_days" default:"365" help:"A secret without an expiry that is older is high."`
	ExpiryWarnDays       int `yaml:"expiry_warn_days" default:"30" help:"A credential that expires within so long is told."`
	ExpiryHighDays       int `yaml:"expiry_high_days" default:"7" help:"A credential that expires within so long is high."`
	CredentialNewDays    int `yaml:"credential_new_days" default:"30" help:"A credential may wait so long for its first use."`
	CredentialUnusedDays int `yaml:"credential_unused_days" default:"90" help:"A credential that was not used for so long is unused."`
	CredentialsOfAFlow   int `yaml:"credentials_of_a_flow" default:"2" help:"So many live credentials may one half have."`
	RotationDays         int `yaml:"rotation_days" default:"30" help:"Two credentials of a half may be in use side by side for so long."`
	Networks             int `yaml:"networks" default:"3" help:"One credential used from so many networks within a day is told."`

	AdministratorsMost    int `yaml:"administrators_most" default:"10" help:"More administrators than these are too many."`
	AdministratorsLeast   int `yaml:"administrators_least" default:"2" help:"Fewer administrators than these are too few."`
	AdministratorIdleDays int `yaml:"administrator_idle_days" default:"90" help:"An administrator who did not sign in for so long."`
	PersonIdleDays        int `yaml:"person_idle_days" default:"180" help:"An internal user who did not sign in for so long."`
	PasswordBySomeoneDays int `yaml:"password_by_someone_days" default:"7" help:"A password that an administrator has set may stay for so long."`
	AcceptanceWarnDays    int `yaml:"acceptance_warn_days" default:"14" help:"An acceptance that lapses within so long is told."`
	ProofDays             int `yaml:"proof_days" default:"30" help:"Isolation is to be proven at least so often."`
	UnsealedMinutes       int `yaml:"unsealed_minutes" default:"10" help:"The record may wait for its seal for so many minutes."`
	ClockSkewMilliseconds int `yaml:"clock_skew_milliseconds" default:"2000" help:"The clocks of a replica and of the database may differ by so much."`
	FailedAuthentications int `yaml:"failed_authentications" default:"100" help:"So many failed authentications of an application within an hour are told."`
	FailedSignIns         int `yaml:"failed_sign_ins" default:"100" help:"So many failed sign-ins from one network within a day are told."`
	ScopeAskedADay        int `yaml:"scope_asked_a_day" default:"10" help:"An application that asks so often a day for a scope that it may not have."`
	InstanceNamesADay     int `yaml:"instance_names_a_day" default:"10" help:"So many new names of service instances a day look like random ones."`
	SystemUserIdleDays    int `yaml:"system_user_idle_days" default:"90" help:"A System User of no application that had no session for so long."`
	RefreshFamilyIdleDays int `yaml:"refresh_family_idle_days" default:"14" help:"Refresh tokens of a person who was not seen for so long."`
	TokenUnusedDays       int `yaml:"token_unused_days" default:"60" help:"A reference token that was not used for so long is unused."`
	FailedBeforeSuccess   int `yaml:"failed_before_success" default:"10" help:"A sign-in that succeeds after so many failures, from a network new to the person."`
	SlotCyclesADay        int `yaml:"slot_cycles_a_day" default:"3" help:"Signing out and in again so often a day shares one licence slot."`
	LicenceUsedPercent    int `yaml:"licence_used_percent" default:"50" help:"A licence of which no more than this was ever used is too large."`
}

// MaxLimit bounds each of the thresholds.
const MaxLimit = 1_000_000

// Limit is one threshold, for a list of them.
type Limit struct {
	Name, Help string
	Default    int
}

// AllLimits are the thresholds with what they mean.
func AllLimits() (all []Limit) {
	l := DefaultLimits()
	v := reflect.ValueOf(l)
	for i := range v.NumField() {
		tag := v.Type().Field(i).Tag
		all = append(all, Limit{tag.Get("yaml"), tag.Get("help"), int(v.Field(i).Int())})
	}
	return all
}

// DefaultLimits are the thresholds where nobody says otherwise.
func DefaultLimits() (l Limits) {
	v := reflect.ValueOf(&l).Elem()
	for i := range v.NumField() {
		var n int64
		if _, err := fmt.Sscan(v.Type().Field(i).Tag.Get("default"), &n); err != nil {
			panic(err) // every field has a number
		}
		v.Field(i).SetInt(n)
	}
	return l
}

// ParseLimits reads a YAML file of thresholds: a name and a number in each line, those that
// are not in it as they are by default. A name that is none is refused.
func ParseLimits(text []byte) (Limits, error) {
	l := DefaultLimits()
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(&l); err != nil && !errors.Is(err, io.EOF) { // an empty file changes nothing
		return l, tandem.Errorf(tandem.CodeInvalid, "%v; tandem audit rules --thresholds lists what there is, with a number for each", err)
	}
	v := reflect.ValueOf(l)
	for i := range v.NumField() {
		if n := v.Field(i).Int(); n < 1 || n > MaxLimit {
			return l, tandem.Errorf(tandem.CodeInvalid, "%s: %d; use 1 to %d", v.Type().Field(i).Tag.Get("yaml"), n, MaxLimit)
		}
	}
	return l, nil
}

// day is one of the days of the thresholds.
const day = 24 * time.Hour

func inDays(n int) time.Duration { return time.Duration(n) * day }
