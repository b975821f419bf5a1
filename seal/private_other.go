//go:build !unix

package seal

import "io/fs"

func ofRootForOthers(fs.FileInfo) bool { return false }
