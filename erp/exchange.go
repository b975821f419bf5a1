package erp

const setExchanges = "Systems_Exchange_DataExchanges"

// The log of Import: what came, and what became of it.

func exchangeSets() []*Set {
	mode := members("Systems_Exchange_DataExchange_Mode", "Export", "Import")
	state := members("Systems_Exchange_DataExchange_State",
		"Prepare", "Ready", "FinishedSuccess", "FinishedFail", "ClosedSuccess", "ClosedFail")
	result := members("Systems_Exchange_DataExchangeObject_ExchangeResult", "NotStarted", "Success", "Fail")
	objectMode := members("Systems_Exchange_DataExchangeObject_Mode", "Merge", "Add")
	exchanges := root(setExchanges, "Systems_Exchange_DataExchange", "erp_data_exchanges").
		child("Objects", "Systems_Exchange_DataExchangeObjects").
		with(
			datetime("CreatedOn").required().can(CanRange|CanOrder).keepTime(),
			datetime("ExchangedOn"),
			enum("Mode", mode).required().can(CanEq|CanIn),
			enum("State", state).required().can(CanEq|CanIn),
			date("KeepUntil").required(),
			text("ExchangeLog", 0),
			ref("CreatedByUser", setUsers).required(),
		)
	objects := part("Systems_Exchange_DataExchangeObjects", "Systems_Exchange_DataExchangeObject", "erp_data_exchange_objects", "DataExchange").
		with(
			enum("ExchangeResult", result).required().can(CanEq|CanIn),
			text("ExchangeMessage", 0),
			text("Payload", 0),
			text("RepositoryName", 254).required(),
			enum("Mode", objectMode).required(),
			integer("LineNo").required().can(CanEq|CanOrder),
			ref("DataExchange", setExchanges),
		)
	exchanges.ReadOnly, objects.ReadOnly = true, true
	return []*Set{exchanges, objects}
}
