// Package agent is the back end of the price agent: it takes price files from a
// folder or an SFTP server, checks them against the ERP, lets a person decide where
// a file is outside its limits, writes the prices as the application's System User,
// and shows that what was written is what the file says. It never acts as a person.
//
// A file goes through seven steps, a file of this package each:
//
//	pickup.go     1  a file is whole, and is ours alone
//	recognise.go  2  it is new, and a mapping knows it
//	dryrun.go     3  each row is looked up and compared; nothing is written
//	gate.go       4  inside the limits it goes on, else a person decides
//	commit.go     5  prices are written, 200 a call, each call noted
//	reconcile.go  6  each price is read again, and the sums have to agree
//	rollback.go   7  a batch of its own takes another one back
//
// Steps 2 to 7 are jobs of package jobs, so that each goes on where it was after the
// process died. What a batch is and was is in the agent's own store; what people see
// of it goes over the channel, see package wire.
package agent
