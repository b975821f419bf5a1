package tandemtest

import "github.com/hybridapps/tandem"

// By is who administers in tests.
var By = tandem.By{Login: "test", Via: tandem.ViaCommand}
