package session_test

import "github.com/hybridapps/tandem"

// by is who administers.
var by = tandem.By{Login: "admin", Via: tandem.ViaManage, From: "192.0.2.1"}
