// Package mapping reads the mapping file of an import: what file becomes what
// entity, and what column what attribute. It checks the file against the
// metadata of the domain API, and turns rows into the JSON of Import objects.
//
// The file is YAML that a person writes. Every fault is told with its line.
// northwind.yaml, beside the code, is the example that ships.
package mapping

import _ "embed"

//go:embed northwind.yaml
var northwind []byte

// Northwind is the text of the mapping file that ships as the example.
func Northwind() []byte { return northwind }
