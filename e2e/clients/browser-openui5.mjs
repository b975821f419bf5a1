// The domain API with OpenUI5's V4 ODataModel, without batch: a list in pages, a
// row from its creation to its end. The page loads OpenUI5's loader first; #result
// is what the Go test reads.
const t = window.task
const result = {}
const show = () => {
  const at = document.createElement('pre')
  at.id = 'result'
  at.textContent = JSON.stringify(result)
  document.body.append(at)
}

sap.ui.require(['sap/ui/model/odata/v4/ODataModel', 'sap/ui/model/Filter', 'sap/ui/model/Sorter'], async (ODataModel, Filter, Sorter) => {
  try {
    await use(new ODataModel({
      serviceUrl: t.odata, groupId: '$direct', updateGroupId: '$direct', operationMode: 'Server',
      autoExpandSelect: false, httpHeaders: { Authorization: `Bearer ${t.token}` },
    }), Filter, Sorter)
  } catch (e) {
    result.error = String(e)
  }
  show()
}, (e) => { result.error = String(e); show() })

async function use(model, Filter, Sorter) {
  const meta = model.getMetaModel()
  result.type = await meta.requestObject('/General_Products_Products/ABCClass/$Type')

  const products = model.bindList('/General_Products_Products', undefined, new Sorter('PartNumber', true),
    [new Filter('PartNumber', 'StartsWith', 'TENT-'), new Filter('Active', 'EQ', true)],
    { $select: 'Id,PartNumber,ABCClass,StandardPricePerLot', $expand: { ProductGroup: { $select: 'Id,Code' } }, $count: true })
  const first = await products.requestContexts(0, 2)
  const next = await products.requestContexts(2, 2)
  result.list = [...first, ...next].map((c) => c.getProperty('PartNumber'))
  result.count = products.getLength() === await products.getHeaderContext().requestProperty('$count')
  result.group = first[0].getProperty('ProductGroup/Code')
  result.price = first[0].getProperty('StandardPricePerLot/Currency')

  const orders = model.bindList('/Crm_Sales_SalesOrders', undefined, [], [],
    { $select: 'Id,DocumentNo', $expand: { Lines: { $select: 'Id,LineNo', $expand: { Product: { $select: 'Id,PartNumber' } } } } })
  const [order] = await orders.requestContexts(0, 1)
  result.line = typeof order.getProperty('Lines/0/Product/PartNumber')

  const balances = model.bindList('/Logistics_Inventory_CurrentBalances')
  result.view = (await balances.requestContexts(0, 3)).length

  const groups = model.bindList('/General_Products_ProductGroups', undefined, new Sorter('Code'), [],
    { $select: 'Id,Code,Notes,ObjectVersion' })
  await groups.requestContexts(0, 1)
  const created = groups.create({ Code: 'UI5', Name: { EN: 'OpenUI5' } }, true)
  await created.created()
  result.created = created.getProperty('Code')
  const path = created.getCanonicalPath()
  const bind = () => model.bindContext(path, undefined, { $select: 'Id,Code,Notes,ObjectVersion' })
  const [row, other] = [bind(), bind()]
  await Promise.all([row.requestObject(), other.requestObject()])
  await row.getBoundContext().setProperty('Notes', 'written by OpenUI5')
  row.refresh()
  await row.requestObject() // nothing on the page reads it again
  await row.getBoundContext().setProperty('Notes', 'written twice')
  result.stale = await other.getBoundContext().setProperty('Notes', 'lost').then(() => 'taken', (e) => e.status)
  row.refresh()
  result.patched = (await row.requestObject()).Notes
  await row.getBoundContext().delete()
  result.gone = await bind().requestObject().then(() => 'there', (e) => e.status)
}
