package client_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/hybridapps/tandem"
	"github.com/hybridapps/tandem/client"
)

const products = "General_Products_Products"

// product has the attributes that a program wants; others are left out.
type product struct {
	ID         string `json:"@odata.id"`
	PartNumber string
	Name       client.Text
}

// A list reads page after page. What a person typed goes into a filter with
// Quote only.
func ExampleList() {
	typed := "A-"
	q := client.Query{
		Filter:  client.And("Active eq true", "startswith(PartNumber,"+client.Quote(typed)+")"),
		OrderBy: "PartNumber desc",
		Select:  "PartNumber,Name",
		Top:     2, // a page
	}
	for p, err := range client.List[product](context.Background(), backEnd(), products, q) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(p.PartNumber, p.Name.In("bg"))
	}
	// Output:
	// A-300 Rooibos
	// A-200 Earl Grey
	// A-100 Чай
}

// Pages one at a time, for a program that shows them.
func ExampleFirstPage() {
	ctx, erp := context.Background(), backEnd()
	page, err := client.FirstPage[product](ctx, erp, products, client.Query{OrderBy: "PartNumber", Top: 2, Count: true})
	if err == nil {
		fmt.Println(*page.Count, "in all")
	}
	for {
		if err != nil {
			fmt.Println(err)
			return
		}
		for _, p := range page.Value {
			fmt.Println(p.PartNumber)
		}
		if page.NextLink == "" {
			return
		}
		page, err = client.NextPage[product](ctx, erp, page.NextLink)
	}
	// Output:
	// 3 in all
	// A-100
	// A-200
	// A-300
}

func ExampleOData_Count() {
	n, err := backEnd().Count(context.Background(), products, client.Query{Search: "chai"})
	fmt.Println(n, err)
	// Output: 1 <nil>
}

// References are read along with the entity.
func ExampleQuery_expand() {
	type withGroup struct {
		PartNumber   string
		ProductGroup struct{ Name client.Text }
	}
	page, err := client.FirstPage[withGroup](context.Background(), backEnd(), products, client.Query{
		Filter: "PartNumber eq 'A-100'", Expand: "ProductGroup($select=Name)",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range page.Value {
		fmt.Println(p.PartNumber, "is one of our", p.ProductGroup.Name.In("en"))
	}
	// Output: A-100 is one of our Teas
}

// What the API refuses is an APIError; it is told by the code of the glossary.
func ExampleCreate() {
	ctx, erp := context.Background(), backEnd()
	sencha := map[string]any{
		"PartNumber":   "B-100",
		"Name":         client.Text{"EN": "Sencha"},
		"ProductGroup": map[string]any{"Code": "TEA"},
	}
	made, err := client.Create[product](ctx, erp, products, sencha)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(made.PartNumber, made.Name.In("en"))

	delete(sencha, "ProductGroup")
	_, err = client.Create[product](ctx, erp, products, sencha)
	var refused *client.APIError
	if errors.As(err, &refused) {
		fmt.Println(refused.Status, tandem.ErrorCode(err))
	}
	fmt.Println(client.Delete(ctx, erp, made.ID))
	// Output:
	// B-100 Sencha
	// 422 rule
	// <nil>
}

// With ObjectVersion a change fails if somebody else was faster.
func ExampleUpdate() {
	ctx, erp := context.Background(), backEnd()
	type versioned struct {
		ID            string `json:"@odata.id"`
		ObjectVersion int64
	}
	page, err := client.FirstPage[versioned](ctx, erp, products, client.Query{
		Filter: "PartNumber eq 'A-300'", Select: "ObjectVersion",
	})
	if err != nil || len(page.Value) != 1 {
		fmt.Println(page, err)
		return
	}
	read := page.Value[0]
	change := map[string]any{"ObjectVersion": read.ObjectVersion, "ABCClass": "A"}
	fmt.Println(client.Update(ctx, erp, read.ID, change))
	change["ABCClass"] = "C"
	fmt.Println(tandem.ErrorCode(client.Update(ctx, erp, read.ID, change)))
	// Output:
	// <nil>
	// conflict
}

// Import writes many objects in one call; each has a result of its own.
func ExampleOData_Import() {
	tea := func(number string, rest map[string]any) map[string]any {
		object := map[string]any{
			"@odata.type": "Erp.General_Products_Product", "@erpnet.findBy": "PartNumber",
			"PartNumber": number, "Name": client.Text{"EN": "Tea " + number},
		}
		for name, value := range rest {
			object[name] = value
		}
		return object
	}
	group := map[string]any{"ProductGroup": map[string]any{"Code": "TEA"}}
	result, err := backEnd().Import(context.Background(), client.ImportRequest{
		Transaction: client.ImportPerObject,
		Objects: []any{
			tea("C-100", group),
			tea("C-200", map[string]any{"ProductGroup": map[string]any{"Code": "COFFEE"}}),
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, o := range result.Objects {
		if o.OK() {
			fmt.Println(o.State)
		} else {
			fmt.Println("refused:", o.Error)
		}
	}
	// Output:
	// Added
	// refused: ProductGroup: Object not found: General_Products_ProductGroups, action: find, findBy: {"Code":"COFFEE"}.
}

// A literal of a filter holds any text and any time.
func ExampleQuote() {
	fmt.Println("Name eq " + client.Quote("O'Neil"))
	// Output: Name eq 'O''Neil'
}
