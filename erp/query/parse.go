package query

import (
	"net/url"

	"github.com/hybridapps/tandem/api/odata"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/permission"
)

// ParseFilter reads a $filter for rows of a set that somebody has written down, as the
// platform may ask it: the rows and attributes that it looks at are not the caller's.
func ParseFilter(set *model.Set, text string) (Expr, error) {
	options, err := odata.ParseQuery("$filter=" + url.QueryEscape(text))
	if err != nil {
		return nil, err
	}
	return resolver{granted: permission.ByPlatform()}.filter(set, options.Filter)
}
