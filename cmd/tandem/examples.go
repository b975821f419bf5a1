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
	"demo add": {"tandem demo add prices", "tandem demo add field --url http://127.0.0.1:8093"},
	"app create": {
		`tandem app create --uri com.acme/portal --internal --system-user svc.acme --scope "read update" ` +
			"--secrets-to secrets --redirect https://portal.acme.example/signin-callback",
		"tandem app create --uri com.acme/field-cloud --system-user svc.acme --resource https://field.acme.example/api --resource-scopes visits --accepts-from com.acme/field",
	},
	"app list": {"tandem app list", "tandem app list -o json", "tandem app list --trash"},
	"app show": {"tandem app show com.acme/portal"},
	"app update": {
		`tandem app update com.acme/portal --service-scope read`,
		"tandem app update com.acme/portal --no-external",
	},
	"app enable":            {"tandem app enable com.acme/portal"},
	"app disable":           {"tandem app disable com.acme/portal"},
	"app delete":            {"tandem app delete com.acme/portal"},
	"app restore":           {"tandem app restore com.acme/portal"},
	"app roll":              {"tandem app roll com.acme/portal --flow service --overlap 24h"},
	"app credential add":    {`tandem app credential add com.acme/portal --flow service --name "worker A" --expires 90d`},
	"app credential roll":   {"tandem app credential roll com.acme/portal 0197c2d4-7a51-7a7e-8c1c-1f6f3f1f7d10 --overlap 7d"},
	"app credential list":   {"tandem app credential list com.acme/portal"},
	"app credential revoke": {"tandem app credential revoke com.acme/portal 0197c2d4-7a51-7a7e-8c1c-1f6f3f1f7d10"},
	"user create": {
		"tandem user create anna --type internal --name Anna --password-file anna.password",
		"tandem user create svc.acme --type system",
	},
	"user list":          {"tandem user list", "tandem user list -o yaml"},
	"user show":          {"tandem user show anna"},
	"user update":        {"tandem user update anna --email anna@acme.example --admin"},
	"user enable":        {"tandem user enable anna"},
	"user disable":       {"tandem user disable anna"},
	"user set-password":  {"tandem user set-password anna --password-file anna.password", "tandem user set-password anna --password-file anna.password --must-change", "tandem user set-password anna --password-file anna.password --reset-factors"},
	"user reset-link":    {"tandem user reset-link anna", "tandem user reset-link anna --valid 2h --url https://erp.acme.example"},
	"user factors":       {"tandem user factors anna", "tandem user factors anna -o json"},
	"user reset-factors": {"tandem user reset-factors anna"},
	"user sign-ins":      {"tandem user sign-ins anna", "tandem user sign-ins anna --all -o json"},
	"user end-sign-ins":  {"tandem user end-sign-ins anna"},
	"user grants":        {"tandem user grants anna"},
	"user withdraw":      {"tandem user withdraw anna com.partner/planner"},
	"user delete":        {"tandem user delete anna"},
	"user person":        {"tandem user person tom P0000131", "tandem user person tom --none"},
	"user link":          {"tandem user link anna --provider google --subject 110169484474386276334"},
	"user unlink":        {"tandem user unlink anna --provider google --subject 110169484474386276334"},
	"user links":         {"tandem user links anna", "tandem user links anna -o json"},
	"provider create": {
		"tandem provider create google --name Google --issuer https://accounts.google.com --client-id 1234.apps.googleusercontent.com " +
			"--client-secret-file google.secret --allow external",
		`tandem provider create acme --name "Acme login" --issuer https://login.acme.example --client-id tandem ` +
			"--client-secret-file acme.secret --allow internal --link verified-email --domain acme.example",
	},
	"provider list":    {"tandem provider list", "tandem provider list -o json"},
	"provider show":    {"tandem provider show google"},
	"provider update":  {"tandem provider update acme --trust-mfa", "tandem provider update acme --client-secret-file acme.secret"},
	"provider enable":  {"tandem provider enable google"},
	"provider disable": {"tandem provider disable google"},
	"provider delete":  {"tandem provider delete google"},
	"token create": {
		"tandem token create --user anna --application com.acme/portal --scope read --expires 90d --name reports",
		`tandem token create --kind sat --application com.acme/portal --scope "read update" --expires 90d -o json`,
	},
	"token list":                 {"tandem token list --unused 60d", "tandem token list --application com.acme/portal --all -o json"},
	"token roll":                 {"tandem token roll 0197c2d4-7a51-7a7e-8c1c-1f6f3f1f7d10 --overlap 24h"},
	"token revoke":               {"tandem token revoke 0197c2d4-7a51-7a7e-8c1c-1f6f3f1f7d10"},
	"session list":               {"tandem session list", "tandem session list --all -o json"},
	"session show":               {"tandem session show 0197c2d4-7a51-7a7e-8c1c-1f6f3f1f7d10"},
	"session close":              {"tandem session close 0197c2d4-7a51-7a7e-8c1c-1f6f3f1f7d10 --reason maintenance"},
	"access group create":        {`tandem access group create "Knows cost" --notes "Managers and purchasing"`},
	"access group list":          {"tandem access group list"},
	"access group show":          {"tandem access group show Everybody"},
	"access group delete":        {`tandem access group delete "Knows cost"`},
	"access group add-member":    {`tandem access group add-member "Knows cost" maria tom`},
	"access group remove-member": {`tandem access group remove-member "Knows cost" tom`},
	"access key create":          {`tandem access key create "Board only" --set Crm_Sales_SalesOrders`},
	"access key list":            {"tandem access key list", "tandem access key list --all -o json"},
	"access key show":            {`tandem access key show "Board only"`},
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
	"audit run":              {"tandem audit --fail-on medium", "tandem audit run --app com.acme/portal -o json", "tandem audit -o html > audit.html"},
	"audit rules":            {"tandem audit rules", "tandem audit rules --thresholds"},
	"audit accept":           {`tandem audit accept CRED-08@com.acme/portal --reason "the vendor's host has no key store" --until 2027-03-31`},
	"audit accepted":         {"tandem audit accepted"},
	"audit take-back":        {"tandem audit take-back 3f2a9c1e77b0"},
	"audit alert-key":        {"tandem audit alert-key"},
	"usage show":             {"tandem usage", "tandem usage --app com.acme/portal", "tandem usage --days 30 -o json"},
	"usage licence":          {"tandem usage licence --days 30"},
	"usage events":           {"tandem usage events --kind token_refused", "tandem usage events --app com.acme/portal --moments --days 1 -o json"},
	"explain": {
		"tandem explain --as anna 'GET General_Products_Products?$select=StandardCostPerLot'",
		"tandem explain --as anna 'PATCH Crm_Sales_Customers(0197c2d4-7a51-7a7e-8c1c-1f6f3f1f7d10) CreditLimit'",
		"tandem explain 0197c2d4-7a51-7a7e-8c1c-1f6f3f1f7d10",
		"tandem explain --token-file token.jwt", "tandem explain - < token.jwt",
		"tandem explain --what-if --app com.acme/portal --flow service --scope \"read update\"",
		"tandem explain --what-if --app com.acme/portal --flow user --as paul",
	},
	"prove verify": {"tandem prove verify report.json --key prove.key.pub", "tandem prove verify report.json --key prove.key.pub --jwks issuer.jwks --html report.html"},
	"prove run": {
		"tandem prove --data ./tandem-data --disturb --out proof.json --html proof.html",
		"tandem prove --issuer https://id.acme.example --application-uri portal --user-credential-file front.secret " +
			"--service-credential-file back.secret --redirect https://portal.acme.example/callback --sign-in anna --password-file anna.password",
	},
	"record list": {
		"tandem record list --kind administration --since 2026-11-01T00:00:00Z",
		"tandem record list --application com.acme/portal -o json",
		"tandem record list --rule cred.other_flow --from 10.0.0.9",
	},
	"record verify":  {"tandem record verify --anchor /mnt/other/record.anchor", "tandem record verify --since 2026-11-01 -o json"},
	"record proof":   {"tandem record proof 0197c2d4-7a51-7a7e-8c1c-1f6f3f1f7d10 > event.tlog-proof"},
	"record check":   {"tandem record check event.tlog-proof --key tandem/2f1c…/1+5b0f6c1e+AeHx…"},
	"record key":     {"tandem record key > record.key"},
	"record restart": {`tandem record restart --reason "restored by hand from the dump of 28 November"`},
	"record export":  {"tandem record export --until 2026-01-01T00:00:00Z > record-2025.jsonl"},
	"record tail":    {"tandem record tail --actor anna", "tandem record tail -n 0 -o json"},
	"key list":       {"tandem key list"},
	"key rotate":     {"tandem key rotate"},
	"key distrust":   {"tandem key distrust Xk3pQ0fUe2lZ0c7o0w3uJ9m1R5tY8bN4vA6sD2fG7hE"},
	"backup":         {"tandem backup /backups/tandem-2026-11-29"},
	"restore":        {"tandem restore /backups/tandem-2026-11-29 --data /srv/tandem", "tandem restore --mark --db-file db.url"},
	"migrate":        {"tandem migrate --db-file db.url"},
	"version":        {"tandem version", "tandem version -o json"},
	"licences":       {"tandem licences", "tandem licences --list"},
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
