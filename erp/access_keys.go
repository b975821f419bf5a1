package erp

import (
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/write"
)

const setAccessKeys = "Systems_Security_AccessKeys"

// AccessKeys: what rows are guarded by. Reading them needs the scope sec; they are
// made and granted by the administrators' commands, and a row is given one by its
// AccessKey.

func accessKeySets() []write.Declaration {
	level := model.NewEnum("Systems_Security_AccessKey_ShareLevel", "Private", "Referenceable", "Referencing", "Inheriting", "Shared")
	keys := model.Plain(setAccessKeys, "Systems_Security_AccessKey", "erp_access_keys").Unguarded().
		Named("Name").Display("{Name}").Search("Name").
		With(
			model.GUID("Id").ReadOnly().Explicit().Required().Can(eq|in),
			model.Computed("DisplayText", "").Explicit(),
			model.Text("Name", 254).Required().Can(eq|like),
			model.Text("EntityName", 64).Required().Can(eq|like|ord),
			model.GUID("EntityId").Can(eq|in),
			model.OneOf("ShareLevel", level).Required(),
		)
	return []write.Declaration{{Set: keys.ReadOnly().Secured()}}
}

// accessKey is the key that guards a row.
func accessKey() model.PropertyDeclaration { return model.Ref("AccessKey", setAccessKeys) }
