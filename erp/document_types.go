package erp

import (
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/write"
	"github.com/hybridapps/tandem/permission"
)

const setDocumentTypes = "Systems_Documents_DocumentTypes"

// The types of documents: what is decided for all documents of a type.

func documentSets() []write.Declaration {
	return []write.Declaration{
		{
			Set: model.Root(setDocumentTypes, "Systems_Documents_DocumentType", "erp_document_types").Guarded("AccessKey").ForEverybody(permission.Read).
				Unique("Code").
				Code("Code").Named("TypeName").Display("{TypeName:T}").Search("Code", "TypeName").
				With(
					model.Text("Code", 16).Required().Can(eq|like|ord),
					model.Multilingual("TypeName", 254).Required(),
					model.Text("EntityName", 64).Required().Can(eq|in|ord),
					accessKey(),
				),
		},
	}
}
