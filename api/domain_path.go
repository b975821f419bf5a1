package api

// DomainPath is where the Domain API's OData service is, below the public root
// of the instance.
const DomainPath = "/api/domain/odata/"
