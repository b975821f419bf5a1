package main

import (
	"strings"

	"github.com/alecthomas/kong"
)

// examples are what stands at the end of each command's --help.
var examples = map[string][]string{
	"up": {"tandem up", "tandem up --listen :0 --webapp-listen :0 --worker-listen :0 --data ./try"},
	"instance": {
		"tandem instance --seed base",
		"tandem instance --db-file db.url --url https://erp.acme.example --listen 10.0.0.5:8080",
	},
	"webapp": {"tandem webapp --application-uri com.acme/portal --credential-file user.secret"},
	"worker": {
		"tandem worker --application-uri com.acme/portal --credential-file service.secret --mapping shop.yaml",
	},
	"demo add": {"tandem demo add prices"},
	"app create": {
		`tandem app create --uri com.acme/portal --internal --system-user svc.acme --scope "read update" ` +
			"--secrets-to secrets --redirect https://portal.acme.example/signin-callback",
	},
	"app list": {"tandem app list", "tandem app list -o json"},
	"app show": {"tandem app show com.acme/portal"},
	"app update": {
		`tandem app update com.acme/portal --service-scope read`,
		"tandem app update com.acme/portal --no-external",
	},
	"app enable":            {"tandem app enable com.acme/portal"},
	"app disable":           {"tandem app disable com.acme/portal"},
	"app delete":            {"tandem app delete com.acme/portal"},
	"app credential add":    {"tandem app credential add com.acme/portal --flow service --expires 90d"},
	"app credential list":   {"tandem app credential list com.acme/portal"},
	"app credential revoke": {"tandem app credential revoke com.acme/portal 0197c2d4-7a51-7a7e-8c1c-1f6f3f1f7d10"},
	"user create": {
		"tandem user create anna --type internal --name Anna --password-file anna.password",
		"tandem user create svc.acme --type system",
	},
	"user list":                  {"tandem user list", "tandem user list -o yaml"},
	"user show":                  {"tandem user show anna"},
	"user update":                {"tandem user update anna --email anna@acme.example --admin"},
	"user enable":                {"tandem user enable anna"},
	"user disable":               {"tandem user disable anna"},
	"user set-password":          {"tandem user set-password anna --password-file anna.password"},
	"user end-sign-ins":          {"tandem user end-sign-ins anna"},
	"user delete":                {"tandem user delete anna"},
	"session list":               {"tandem session list", "tandem session list --all -o json"},
	"session close":              {"tandem session close 0197c2d4-7a51-7a7e-8c1c-1f6f3f1f7d10 --reason maintenance"},
	"access group create":        {`tandem access group create "Knows cost" --notes "Managers and purchasing"`},
	"access group list":          {"tandem access group list"},
	"access group show":          {"tandem access group show Everybody"},
	"access group delete":        {`tandem access group delete "Knows cost"`},
	"access group add-member":    {`tandem access group add-member "Knows cost" maria tom`},
	"access group remove-member": {`tandem access group remove-member "Knows cost" tom`},
	"access key create":          {`tandem access key create "Board only" --set Crm_Sales_SalesOrders`},
	"access key list":            {"tandem access key list", "tandem access key list --all -o json"},
	"access key put":             {`tandem access key put "Board only" "Crm_Sales_SalesOrders(0197c2d4-7a51-7a7e-8c1c-1f6f3f1f7d10)"`},
	"access key take":            {`tandem access key take "Crm_Sales_SalesOrders(0197c2d4-7a51-7a7e-8c1c-1f6f3f1f7d10)"`},
	"access grant": {
		`tandem access grant "Knows cost" --column General_Products_Products.StandardCostPerLot --rights read,update`,
		`tandem access grant "Price feed" --set General_Products_Products --rights read,update:StandardPricePerLot`,
		`tandem access grant Managers --type SO --rights release,complete,void,approve`,
		`tandem access grant Managers --system unit-price,line-discount`,
	},
	"access revoke": {
		"tandem access revoke Everybody --set Crm_Invoicing_Invoices --dry-run", "tandem access revoke Everybody --set Crm_Invoicing_Invoices",
	},
	"access suggest":         {"tandem access suggest svc.portal --days 30"},
	"access show":            {"tandem access show svc.portal --used", "tandem access show anna", "tandem access show svc.portal -o json"},
	"access external add":    {"tandem access external add paul --customer VINET --role Billing --days-back 90"},
	"access external list":   {"tandem access external list paul"},
	"access external remove": {"tandem access external remove paul --customer VINET"},
	"audit run":              {"tandem audit --fail-on medium", "tandem audit run --rule PA1,PA2 -o json"},
	"audit rules":            {"tandem audit rules"},
	"explain": {
		"tandem explain --as anna 'GET General_Products_Products?$select=StandardCostPerLot'",
		"tandem explain --as anna 'PATCH Crm_Sales_Customers(0197c2d4-7a51-7a7e-8c1c-1f6f3f1f7d10) CreditLimit'",
		"tandem explain 0197c2d4-7a51-7a7e-8c1c-1f6f3f1f7d10",
	},
	"record list": {
		"tandem record list --kind administration --since 2026-11-01T00:00:00Z",
		"tandem record list --application com.acme/portal -o json",
	},
	"record export": {"tandem record export --until 2026-01-01T00:00:00Z > record-2025.jsonl"},
	"record tail":   {"tandem record tail --actor anna", "tandem record tail -n 0 -o json"},
	"key list":      {"tandem key list"},
	"key rotate":    {"tandem key rotate"},
	"backup":        {"tandem backup /backups/tandem-2026-11-29"},
	"restore":       {"tandem restore /backups/tandem-2026-11-29 --data /srv/tandem", "tandem restore --mark --db-file db.url"},
	"migrate":       {"tandem migrate --db-file db.url"},
	"version":       {"tandem version", "tandem version -o json"},
	"licences":      {"tandem licences", "tandem licences --list"},
	"completion": {
		"tandem completion bash > /etc/bash_completion.d/tandem",
		`tandem completion zsh > "${fpath[1]}/_tandem"`,
		"tandem completion fish > ~/.config/fish/completions/tandem.fish",
	},
}

// addExamples puts them into the description of the command line.
func addExamples(model *kong.Application) {
	for _, leaf := range model.Leaves(true) {
		if lines := examples[commandPath(leaf)]; len(lines) > 0 {
			leaf.Detail = "Example:\n\n    " + strings.Join(lines, "\n\n    ")
		}
	}
}

// commandPath is a command without the program's name and arguments: "app create".
func commandPath(n *kong.Node) string {
	path := n.Name
	for up := n.Parent; up != nil && up.Type == kong.CommandNode; up = up.Parent {
		path = up.Name + " " + path
	}
	return path
}

// showDefault is the help of a flag with its default, which kong shows only where
// nothing else stands for the value.
func showDefault(v *kong.Value) string {
	help := kong.DefaultHelpValueFormatter(v)
	if v.HasDefault && v.Default != "" && !strings.Contains(v.Help, "default") {
		help += " Default: " + v.Default + "."
	}
	return help
}
