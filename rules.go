package tandem

// Rule names what decides. The names are stable: they are stored, and found in answers
// of tandem explain. Each is in [Rules], with what it means.
type Rule string

// The rules about who a client is.
const (
	RuleCredMissing   Rule = "cred.missing"
	RuleCredMalformed Rule = "cred.malformed"
	RuleCredUnknown   Rule = "cred.unknown"
	RuleCredExpired   Rule = "cred.expired"
	RuleCredEarly     Rule = "cred.early"
	RuleCredRevoked   Rule = "cred.revoked"
	RuleCredOtherFlow Rule = "cred.other_flow"
	RuleCredAssertion Rule = "cred.assertion"
	RuleCredReplayed  Rule = "cred.replayed"
	RuleCredMethod    Rule = "cred.method"
	RuleCredPublic    Rule = "cred.public"
	RuleAppUnknown    Rule = "app.unknown"
	RuleAppDisabled   Rule = "app.disabled"
	RuleAppType       Rule = "app.type"
	RuleAppReplaced   Rule = "app.replaced"
	RuleAppService    Rule = "app.service"
	RuleAppSystemUser Rule = "app.system_user"
	RuleAppSignIn     Rule = "app.sign_in"
	RuleThrottle      Rule = "throttle"
)

// The rules about what was asked.
const (
	RuleForm           Rule = "request.form"
	RuleParameter      Rule = "request.parameter"
	RuleUnsupported    Rule = "request.unsupported"
	RuleRequestUnknown Rule = "request.unknown"
	RuleRequestExpired Rule = "request.expired"
	RuleRequestUsed    Rule = "request.used"
	RuleRequestPushed  Rule = "request.pushed"
	RuleCrossSite      Rule = "request.cross_site"
	RuleGrantUnknown   Rule = "grant.unknown"
	RuleResource       Rule = "resource.unknown"
	// RuleResourceAccepts: the owner of the registered resource does not name the
	// application. RuleResourceOne: a token is for one resource.
	RuleResourceAccepts Rule = "resource.accepts"
	RuleResourceOne     Rule = "resource.one"
	RuleRedirect        Rule = "redirect.unregistered"
	RuleHint            Rule = "hint.invalid"
	RuleScopeMalformed  Rule = "scope.malformed"
	RuleScopeReserved   Rule = "scope.reserved"
	RuleScopeProtocol   Rule = "scope.protocol"
	RuleScopeFlow       Rule = "scope.flow"
	RuleScopeNone       Rule = "scope.none"
	RuleScopeGrant      Rule = "scope.grant"
	RuleScopeResource   Rule = "scope.resource"
	RuleScopeExternal   Rule = "scope.external"
	RuleScopeObsolete   Rule = "scope.obsolete"
	RuleCodeUnknown     Rule = "code.unknown"
	RuleCodeOtherApp    Rule = "code.other_app"
	RuleCodeExpired     Rule = "code.expired"
	RuleCodeUsed        Rule = "code.used"
	RuleCodeRedirect    Rule = "code.redirect"
	RulePKCE            Rule = "pkce"
	RulePKCEUnasked     Rule = "pkce.unasked"
	RulePKCENeeded      Rule = "pkce.needed"
	// What a device is refused for (RFC 8628).
	RuleDeviceFlow      Rule = "device.flow"
	RuleDeviceUnknown   Rule = "device.unknown"
	RuleDeviceExpired   Rule = "device.expired"
	RuleDeviceDenied    Rule = "device.denied"
	RuleRefreshUnknown  Rule = "refresh.unknown"
	RuleRefreshOtherApp Rule = "refresh.other_app"
	RuleRefreshExpired  Rule = "refresh.expired"
	RuleRefreshEnded    Rule = "refresh.ended"
	RuleRefreshReplayed Rule = "refresh.replayed"
	RuleRefreshAltered  Rule = "refresh.altered"
)

// The rules about people and System Users.
const (
	RuleUserUnknown   Rule = "user.unknown"
	RuleUserPassword  Rule = "user.password"
	RuleUserDisabled  Rule = "user.disabled"
	RuleUserType      Rule = "user.type"
	RuleUserChanged   Rule = "user.changed"
	RuleUserSystem    Rule = "user.system"
	RuleUserCancelled Rule = "user.cancelled"
	// What people allow applications: RuleConsentRequired is a request that may not ask,
	// RuleConsentDenied the person's no, and RuleConsentWithdrawn the end of their yes.
	RuleConsentRequired  Rule = "consent.required"
	RuleConsentDenied    Rule = "consent.denied"
	RuleConsentWithdrawn Rule = "consent.withdrawn"
	// RuleFactor: a second factor is wrong; RuleFactorUsed: it came a second time.
	// RulePasskey: the answer of a passkey is wrong; RulePasskeyCount: its count of
	// signatures went back. RuleContext: an essential acr that the person cannot have.
	// RuleStepUp: a change that wants a sign-in that is a few minutes old at most.
	RuleFactor       Rule = "user.factor"
	RuleFactorUsed   Rule = "user.factor_used"
	RulePasskey      Rule = "user.passkey"
	RulePasskeyCount Rule = "user.passkey_count"
	RuleContext      Rule = "user.context"
	RuleStepUp       Rule = "user.step_up"
	// RuleUserReset is of links for a new password, RuleUserWeak of the new password.
	RuleUserReset Rule = "user.reset"
	RuleUserWeak  Rule = "user.weak_password"
)

// The rules about people who come from an outside provider.
const (
	RuleOutsideUnknown     Rule = "outside.unknown"
	RuleOutsideUnreachable Rule = "outside.unreachable"
	RuleOutsideState       Rule = "outside.state"
	RuleOutsideIssuer      Rule = "outside.issuer"
	RuleOutsideRefused     Rule = "outside.refused"
	RuleOutsideToken       Rule = "outside.token"
	RuleOutsideStale       Rule = "outside.stale"
	RuleOutsideTenant      Rule = "outside.tenant"
	RuleOutsideAccount     Rule = "outside.account"
	RuleOutsideAdmin       Rule = "outside.admin"
)

// The rules about tokens, at the API and at userinfo, and about its calls.
const (
	RuleTokenMissing   Rule = "token.missing"
	RuleTokenMalformed Rule = "token.malformed"
	RuleTokenSignature Rule = "token.signature"
	RuleTokenIssuer    Rule = "token.issuer"
	RuleTokenKind      Rule = "token.kind"
	RuleTokenExpired   Rule = "token.expired"
	RuleTokenEarly     Rule = "token.early"
	RuleTokenAudience  Rule = "token.audience"
	RuleTokenRevoked   Rule = "token.revoked"
	RuleProof          Rule = "proof.invalid"
	RuleProofNonce     Rule = "proof.nonce"
	RuleProofKey       Rule = "proof.key"
	RuleProofNeeded    Rule = "proof.needed"
	RuleLicenceFull    Rule = "licence.full"
	RuleBusy           Rule = "query.busy"
	// RuleReferenceUnknown is of PATs and SATs, and RuleReferencePolicy of the
	// attribute AccessTokens of their application.
	RuleReferenceUnknown Rule = "reference.unknown"
	RuleReferencePolicy  Rule = "reference.policy"
	// RuleScope: the token has not the scope. RuleKind: the API is not for such an
	// account, or such a call.
	RuleScope Rule = "scope.missing"
	RuleKind  Rule = "call.kind"
)

// The rules about rights, by which the API refuses.
const (
	// RuleSet: no group of the account has the right on the set's key. RuleAttribute:
	// the same for an attribute's. RuleLimited: the right to update the set is for
	// other attributes. RuleRow: the same as RuleSet for a key that guards the row.
	// RuleKey: only who administers the row's key changes it. RuleType: a right on the
	// key of a document's type.
	RuleSet       Rule = "right.set"
	RuleAttribute Rule = "right.attribute"
	RuleLimited   Rule = "right.limited"
	RuleRow       Rule = "right.row"
	RuleKey       Rule = "right.key"
	RuleType      Rule = "right.type"
	// RuleAbility: the key of an ability is granted to others.
	RuleAbility Rule = "right.ability"
)

// The deeds by which rights are given: a right on a key to a group, and a group to an
// account.
const (
	RuleGranted Rule = "access.granted"
	RuleMember  Rule = "access.member"
)

// RuleMeaning is what a rule says, to an administrator.
type RuleMeaning struct {
	Rule Rule
	// Means is one sentence without its end: what was found.
	Means string
	// Mend says what to do: a command with ID for the application and LOGIN for the
	// account, or words; empty where there is nothing to mend.
	Mend string
	// Finding is the rule of the audit that looks after this; empty for none.
	Finding string
}

// Meaning is what is in [Rules] of the rule; false for a name that is not known.
func (r Rule) Meaning() (RuleMeaning, bool) {
	for i := range Rules {
		if Rules[i].Rule == r {
			return Rules[i], true
		}
	}
	return RuleMeaning{}, false
}
