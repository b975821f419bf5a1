// What odata2ts cannot read from $metadata: views have no key there, since their
// rows have no Id, and it generates no client for a set without one.
module.exports = {
  services: {
    erp: {
      source: 'metadata.xml',
      output: 'erp',
      serviceName: 'Erp',
      byTypeAndName: [{ type: 'EntityType', name: 'Logistics_Inventory_CurrentBalance', keys: ['Product', 'Store', 'EnterpriseCompany'] }],
    },
  },
}
