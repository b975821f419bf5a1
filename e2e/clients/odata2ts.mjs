// The domain API with the client that odata2ts generates from $metadata: reads,
// pages, a row from its creation to its end. It prints one line of JSON for each
// step; the Go test generates erp-service, bundles this, and reads the lines.
//
// usage: node odata2ts.js '{"odata":…,"token":…}'
import { FetchClient } from '@odata2ts/http-client-fetch'
import { ErpService } from 'erp-service'

const t = JSON.parse(process.argv[2])
const step = (name, facts = {}) => console.log(JSON.stringify({ step: name, ...facts }))
const erp = new ErpService(new FetchClient({ headers: { Authorization: `Bearer ${t.token}` } }), t.odata.replace(/\/$/, ''))
const refusal = (call) => call.then(() => 'not refused', (e) => e.status)

const products = await erp.General_Products_Products().query((b, q) => b
  .select('Id', 'PartNumber', 'ABCClass').filter(q.Active.eq(true), q.PartNumber.startsWith('TENT-'))
  .expand('ProductGroup').orderBy(q.PartNumber.desc()).count().top(2))
step('read', {
  status: products.status, numbers: products.data.value.map((p) => p.PartNumber), groups: products.data.value.map((p) => p.ProductGroup.Code),
  more: products.data['@odata.count'] > 2 && '@odata.nextLink' in products.data,
})

const orders = await erp.Crm_Sales_SalesOrders().query((b, q) => b.select('Id', 'DocumentNo').top(1).expanding('Lines', (l) => l.select('LineNo').top(1)))
step('lines', { orders: orders.data.value.length, lines: orders.data.value[0].Lines.length })

const balances = await erp.Logistics_Inventory_CurrentBalances().query((b, q) => b.filter(q.QuantityBase.props.Value.ge(1)).top(2))
const { ProductId, StoreId, EnterpriseCompanyId } = balances.data.value[0]
const balance = await erp.Logistics_Inventory_CurrentBalances({ ProductId, StoreId, EnterpriseCompanyId }).query((b) => b.select('QuantityBase').expand('Product'))
const same = await erp.Logistics_Inventory_CurrentBalances().query((b, q) => b.filter(q.ProductId.eq(ProductId), q.StoreId.eq(StoreId)))
step('view', {
  rows: balances.data.value.length, unit: typeof balances.data.value[0].QuantityBase.Unit,
  one: balance.data.QuantityBase.Value === balances.data.value[0].QuantityBase.Value, product: typeof balance.data.Product.PartNumber,
  filtered: same.data.value.length,
})

const groups = erp.General_Products_ProductGroups()
const created = await groups.create({ Code: 'TS', Name: { EN: 'TypeScript', BG: 'Език' } })
const id = created.data.Id
const key = groups.parseKey(groups.createKey(id))
step('created', { status: created.status, code: created.data.Code, same: key === id })

const one = erp.General_Products_ProductGroups(id)
const row = await one.query((b) => b.select('Code', 'Name', 'ObjectVersion'))
step('row', { name: row.data.Name, version: row.data.ObjectVersion })
const ifMatch = (etag) => ({ headers: { 'If-Match': etag } })
const patched = await one.patch({ Notes: 'written by a generated client' }, ifMatch(row.data['@odata.etag']))
step('patched', { status: patched.status })
step('stale', { status: await refusal(one.patch({ Notes: 'lost' }, ifMatch(row.data['@odata.etag']))) })
step('notes', { notes: (await one.query((b) => b.select('Notes'))).data.Notes })
step('wrong', { status: await refusal(groups.query((b, q) => b.filter(q.Code.eq('Säcke & + 50%')).top(-1))) })
step('encoded', { rows: (await groups.query((b, q) => b.filter(q.Code.eq('Säcke & + 50%')))).data.value.length })

const imported = await erp.Import({
  transaction: 'all-objects', loggingLevel: 0,
  objects: [{ '@odata.type': 'Erp.General_Products_ProductGroup', '@erpnet.action': 'merge', '@erpnet.findBy': { Code: 'TS' }, Notes: 'imported' }],
})
step('import', { status: imported.status, notes: (await one.query((b) => b.select('Notes'))).data.Notes })
step('version', { version: typeof (await erp.GetVersion()).data.version })
const current = await one.query((b) => b.select('Id'))
step('deleted', { status: (await one.delete(ifMatch(current.data['@odata.etag']))).status })
step('gone', { status: await refusal(one.query()) })
