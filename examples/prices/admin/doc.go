// Package admin is the front end of the price agent: pages on which people look at
// batches, decide about them, take them back, and edit mappings and connectors.
//
// A person signs in and works as themselves. Names of products and groups are read from
// the ERP with that person's own token, which may read and not write. Everything else
// is the agent's, asked over the channel with the person's ID token as evidence of who
// asks; what they may decide is the agent's decision.
package admin
