// Package conformance tries what the certification suites of the OpenID Foundation try,
// module by module and by their names, against the wired server: the plans for the
// Basic, Form Post Basic and Hybrid (code id_token) profiles, for configuration, logout
// and the FAPI 2.0 Security Profile. Each test is ours and does what the module's
// standard asks; the suites themselves are run elsewhere. It has tests only.
package conformance
