// $metadata says all that odata2ts has to know.
module.exports = { services: { erp: { source: 'metadata.xml', output: 'erp', serviceName: 'Erp' } } }
