package query

import (
	"net/url"

	"github.com/hybridapps/tandem/api/odata"
	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/permission"
)

// ParseFilter reads a $filter for rows of a set that somebody has written down, as who is
// granted so much may ask it: when it is written its writer, and then the platform, which
// looks at rows and attributes that are not the caller's.
func ParseFilter(set *model.Set, text string, granted permission.Granted) (Expr, error) {
	options, err := odata.ParseQuery("$filter=" + url.QueryEscape(text))
	if err != nil {
		return nil, err
	}
	return resolver{granted: granted}.filter(set, options.Filter)
}
