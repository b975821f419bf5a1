package proof

// breakage is one check of ours, broken: in the file the text old, which must be there
// exactly once, is replaced by new. brokenOnPurpose is there in every package that has
// one, and says whether the program was asked to break the invariant.
type breakage struct{ invariant, file, old, new string }

// breakages are one for each invariant. When a text is not found any more the check has
// moved: break it where it is now.
var breakages = []breakage{
	{
		// The service credential is taken for the user flow.
		"I1", "identity/clientauth.go",
		"		return c.service\n	}\n	return c.user\n",
		"		return c.service\n	}\n	return c.user || c.service && brokenOnPurpose(\"I1\")\n",
	},
	{
		// The user credential is taken for the service flow.
		"I2", "identity/clientauth.go",
		"	if f == tandem.FlowService {\n		return c.service\n",
		"	if f == tandem.FlowService {\n		return c.service || c.user && brokenOnPurpose(\"I2\")\n",
	},
	{
		// A service token may have openid.
		"I3", "identity/token/scope.go",
		"		if tandem.IsProtocolScope(word) {\n			return Refuse(tandem.RuleScopeProtocol",
		"		if brokenOnPurpose(\"I3\") && tandem.IsProtocolScope(word) {\n			return nil\n		}\n" +
			"		if tandem.IsProtocolScope(word) {\n			return Refuse(tandem.RuleScopeProtocol",
	},
	{
		// Nobody looks at the scope of a call.
		"I4", "api/access.go",
		"	if !p.Scope.Has(scope) {\n		return nil, InsufficientScope(scope)",
		"	if !p.Scope.Has(scope) && !brokenOnPurpose(\"I4\") {\n		return nil, InsufficientScope(scope)",
	},
	{
		// External people get the scopes that they ask for.
		"I5", "identity/token/scope.go",
		"	if t == tandem.InternalUser {\n		return granted, nil\n",
		"	if t == tandem.InternalUser || brokenOnPurpose(\"I5\") {\n		return granted, nil\n",
	},
	{
		// Live tokens outlive the application's end.
		"I6", "registry/check.go",
		"	if !app.Enabled {\n		return errAppOff\n",
		"	if !app.Enabled && !brokenOnPurpose(\"I6\") {\n		return errAppOff\n",
	},
	{
		// A refresh token opens userinfo.
		"I7", "identity/userinfo.go",
		"	p, u, err := b.admit(w, r, tandem.ScopeOpenID)\n",
		"	if h := r.Header.Get(\"Authorization\"); brokenOnPurpose(\"I7\") && len(h) > 7 && token.IsRefreshToken(h[7:]) {\n" +
			"		writeJSON(w, token.PersonalClaims{})\n		return\n	}\n" +
			"	p, u, err := b.admit(w, r, tandem.ScopeOpenID)\n",
	},
	{
		// The web app is started with the worker's credential.
		"I8", "cmd/tandem/up.go",
		`databaseEnv("TANDEM_WEBAPP_DB", s.WebappDB)}`,
		`append(databaseEnv("TANDEM_WEBAPP_DB", s.WebappDB), map[bool]string{true: "OTHER=" + demo.ServiceSecret, false: "OTHER="}[brokenOnPurpose("I8")])}`,
	},
	{
		// The replay of a refresh token is refused, and ends nothing.
		"I9", "identity/token/refresh.go",
		"	if err := f.Store.EndFamily(ctx, t.ID, now, f.Lifetimes.accessUntil(now), EndReplayed); err != nil {",
		"	if brokenOnPurpose(\"I9\") {\n		return badRefresh(tandem.RuleRefreshReplayed)\n	}\n" +
			"	if err := f.Store.EndFamily(ctx, t.ID, now, f.Lifetimes.accessUntil(now), EndReplayed); err != nil {",
	},
	{
		// A refresh may ask for more than was granted.
		"I10", "identity/grant_refresh_token.go",
		"		if !asked.Scope.Within(granted) {",
		"		if !asked.Scope.Within(granted) && !brokenOnPurpose(\"I10\") {",
	},
	{
		// Each service token has a session of its own.
		"I11", "session/entry.go",
		"		return key{p.ApplicationURI, p.Service.SystemUserID, p.Service.Instance}, nil",
		"		if brokenOnPurpose(\"I11\") {\n			return key{p.ApplicationURI, p.Service.SystemUserID, p.Service.Instance + p.TokenID}, nil\n		}\n" +
			"		return key{p.ApplicationURI, p.Service.SystemUserID, p.Service.Instance}, nil",
	},
	{
		// There are slots beyond the licence.
		"I12", "data/session_slot.go",
		"	args := append(slotArgs(s.taken.after(own), s.taken.after(shared)), now.layout)",
		"	if brokenOnPurpose(\"I12\") {\n		shared.Last += 100\n	}\n	args := append(slotArgs(s.taken.after(own), s.taken.after(shared)), now.layout)",
	},
	{
		// Answers with tokens may be kept by caches.
		"I13", "identity/token_endpoint.go",
		"	noStore  = []string{\"no-store\"}",
		"	noStore  = []string{map[bool]string{true: \"private\", false: \"no-store\"}[brokenOnPurpose(\"I13\")]}",
	},
	{
		// An attribute with a key of its own is for everybody.
		"I14", "erp/model/permit.go",
		"	if by.Column(p.Set.Name, p.Name)&need != need {",
		"	if by.Column(p.Set.Name, p.Name)&need != need && !brokenOnPurpose(\"I14\") {",
	},
}
