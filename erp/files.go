package erp

import (
	"path"
	"strings"
	"unicode"

	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/write"
)

const (
	setDataObjects = "Systems_Core_ExtensibleDataObjects"
	setObjectFiles = "Systems_Core_ObjectFiles"
)

// Who sees a file, beside who sees the row that it hangs on.
const (
	accessCreator int64 = iota
	accessInternal
	accessExternal
)

// locationEmbedded is where all files are: in the database.
const locationEmbedded = 0

// Files of rows: an ExtensibleDataObject stands for a row of whatever set, and has the
// files. Who sees a row sees its files, and who may change it may add to them.

func fileSets() []write.Declaration {
	access := model.NewEnum("Systems_Core_ObjectFile_AccessPermission", "Creator", "Internal", "External")
	location := model.NewEnum("Systems_Core_ObjectFile_ContentLocation", "Embedded", "Link", "FileSystemPath")
	return []write.Declaration{
		{
			Set: model.Root(setDataObjects, "Systems_Core_ExtensibleDataObject", "erp_data_objects").
				HangsOn("EntityType", "EntityItemId").ReachedByRow().
				Unique("EntityItemId", "EntityType").
				Display("{DisplayName}").Search("DisplayName").
				Child("Files", setObjectFiles).
				With(
					model.GUID("EntityItemId").Required().CreateOnly().Can(eq|in),
					model.Text("EntityType", 64).Required().CreateOnly().Can(eq),
					model.Text("DisplayName", 254),
				),
			Prepare: mayHang, Guard: mayHang,
		},

		{
			Set: model.Part(setObjectFiles, "Systems_Core_ObjectFile", "erp_object_files", "Object").
				PersonalWhen("AccessPermission", accessCreator, "CreationUser").
				ReachedWithOwner().ReachedOnly("AccessPermission", accessExternal).HiddenOutside("CreationUser", "Notes").
				Named("FileName").Display("{FileName}").Search("FileName").
				Stream("EmbeddedFileContents", "ContentId").
				With(
					model.Text("ExternalId", 254).Can(eq|in),
					model.Text("ExternalSystem", 64).Can(eq|in),
					model.Text("FileName", 254).Required().Can(eq|like|ord),
					model.OneOf("AccessPermission", access).Required().Is(model.IntValue(accessInternal)).Can(eq|in),
					model.OneOf("ContentLocation", location).Required().Is(model.IntValue(locationEmbedded)),
					model.Int("FileSizeBytes").ReadOnly(),
					model.Text("MediaType", 127).ReadOnly(),
					model.Int("MediaWidth").ReadOnly(),
					model.Int("MediaHeight").ReadOnly(),
					model.Text("ContentSha256", 64).ReadOnly(),
					model.Text("PurposeCode", 64).Can(eq),
					model.Text("Section", 64),
					model.Text("Notes", 254),
					model.DateTime("CreationTimeUtc").Required().ReadOnly().From(model.FromTime).Can(ord),
					model.DateTime("UpdateTimeUtc").Required().ReadOnly(),
					model.GUID("ContentId").ReadOnly().Explicit(),
					model.Ref("Object", setDataObjects),
					model.Ref("CreationUser", setUsers).ReadOnly(),
				),
			Prepare: prepareFile,
			Compute: func(c *write.Change) error {
				c.Put("UpdateTimeUtc", model.IntValue(c.Now().UnixMicro()))
				return nil
			},
			Rules: []write.Rule{
				{Code: "TF1", Text: "ContentLocation must be Embedded: links and paths of a file system are not kept here; send the content by PUT …/EmbeddedFileContents/$value.",
					Broken: func(c *write.Change) (bool, error) { return c.Get("ContentLocation").Int != locationEmbedded, nil }},
				{Code: "TF2", Text: "FileName must be a name alone, such as winch.jpg: no folder, no control character, no dot or blank at its ends.",
					Broken: func(c *write.Change) (bool, error) { return !fileName(c.Get("FileName").Text), nil }},
				{Code: "TF3", Text: "A row has at most 200 files, counting those that only their creator sees; delete one that is no longer needed, or ask whoever has one there.", Broken: tooManyFiles},
				{Code: "TF4", Text: "The files of a row have at most 500 MiB together, counting those that only their creator sees; delete one that is no longer needed, or send a smaller one.", Broken: tooMuchOfFiles},
			},
		},
	}
}

// mayHang refuses a data object of a row that the account may not change, or that is
// none.
func mayHang(c *write.Change) error {
	s := c.Record.Set.Model().Set(c.Get("EntityType").Text)
	if s == nil || !s.TakesFiles() {
		return c.Fail("EntityType must be a set whose rows can have files, such as %s.", setServiceActivities)
	}
	return c.PermittedRow(model.Entity{Set: s, ID: c.Get("EntityItemId").Text}, setObjectFiles)
}

func prepareFile(c *write.Change) error {
	c.Put("UpdateTimeUtc", c.Get("CreationTimeUtc"))
	user, err := c.Lookup(c.Property("CreationUser").Target, c.Actor().ID)
	if err == nil && user != nil {
		c.Put("CreationUser", model.TextValue(user.ID))
	}
	return err
}

// What the files of one row may be: as many, and so many bytes together.
const (
	maxFiles     = 200
	maxFileBytes = 500 << 20
)

func tooManyFiles(c *write.Change) (bool, error) {
	if !c.New {
		return false, nil
	}
	others, err := c.Others("Object")
	return len(others) >= maxFiles, err
}

// tooMuchOfFiles asks only of a file that grows: what was stored under other bounds can be
// renamed and replaced by less.
func tooMuchOfFiles(c *write.Change) (bool, error) {
	sum := c.Get("FileSizeBytes").Int
	if sum == 0 || !c.New && sum <= c.SavedValue("FileSizeBytes").Int {
		return false, nil
	}
	others, err := c.Others("Object")
	for _, f := range others {
		sum += f.Get(f.Set.Must("FileSizeBytes")).Int
	}
	return sum > maxFileBytes, err
}

// fileName reports whether a text is the name of a file wherever it is saved.
func fileName(name string) bool {
	if name == "" || name != path.Base(name) || strings.ContainsAny(name, `/\:*?"<>|`) || strings.ContainsFunc(name, forbidden) {
		return false
	}
	return strings.Trim(name, ". ") == name
}

// forbidden are characters that are not seen, or that turn a name around.
func forbidden(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)
}
