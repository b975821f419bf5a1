package erp

import (
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
)

const (
	setExchanges       = "Systems_Exchange_DataExchanges"
	setExchangeObjects = "Systems_Exchange_DataExchangeObjects"
)

// The log of Import: what came, and what became of it.

func exchangeSets() []Declaration {
	mode := members("Systems_Exchange_DataExchange_Mode", "Export", "Import")
	state := members("Systems_Exchange_DataExchange_State",
		"Prepare", "Ready", "FinishedSuccess", "FinishedFail", "ClosedSuccess", "ClosedFail")
	result := members("Systems_Exchange_DataExchangeObject_ExchangeResult", "NotStarted", "Success", "Fail")
	objectMode := members("Systems_Exchange_DataExchangeObject_Mode", "Merge", "Add")
	exchanges := Root(setExchanges, "Systems_Exchange_DataExchange", "erp_data_exchanges").
		Child("Objects", setExchangeObjects).
		With(
			DateTime("CreatedOn").Required().Can(CanRange|CanOrder).KeepTime(),
			DateTime("ExchangedOn"),
			OneOf("Mode", mode).Required().Can(CanEq|CanIn),
			OneOf("State", state).Required().Can(CanEq|CanIn),
			Date("KeepUntil").Required(),
			Text("ExchangeLog", 0),
			Ref("CreatedByUser", setUsers).Required(),
		)
	objects := Part(setExchangeObjects, "Systems_Exchange_DataExchangeObject", "erp_data_exchange_objects", "DataExchange").
		With(
			OneOf("ExchangeResult", result).Required().Can(CanEq|CanIn),
			Text("ExchangeMessage", 0),
			Text("Payload", 0),
			Text("RepositoryName", 254).Required(),
			OneOf("Mode", objectMode).Required(),
			Int("LineNo").Required().Can(CanEq|CanOrder),
			Ref("DataExchange", setExchanges),
		)
	return []Declaration{{Set: exchanges.ReadOnly()}, {Set: objects.ReadOnly()}}
}

// keepLog is how long the log of an import is meant to be kept.
const keepLog = 90 * 24 * time.Hour

// exchangeLog is the log of one Import: a DataExchange, and at level 2 a
// DataExchangeObject for each object.
type exchangeLog struct {
	model *WriteModel
	req   *ImportRequest
	head  *Record
}

// newExchangeLog makes the log's head. It is written first, so that it tells of
// an import that was cut short: its state stays Ready.
func newExchangeLog(m *WriteModel, by Actor, req *ImportRequest, at time.Time) ImportLog {
	head := NewRecord(m.Set(setExchanges), uuid.NewString())
	head.Put("ObjectVersion", IntValue(1))
	head.Put("AggregateLastUpdateTimeUtc", IntValue(at.UnixMicro()))
	head.Put("CreatedOn", IntValue(at.UnixMicro()))
	head.PutMember("Mode", "Import")
	head.PutMember("State", "Ready")
	head.Put("KeepUntil", IntValue(day(at.Add(keepLog)).UnixMicro()))
	head.Put("CreatedByUser", TextValue(by.ID))
	return &exchangeLog{m, req, head}
}

// Begin implements [ImportLog].
func (l *exchangeLog) Begin(tx Tx) (Entity, error) {
	return Entity{l.head.Set, l.head.ID}, tx.Insert(l.head)
}

// Note implements [ImportLog].
func (l *exchangeLog) Note(tx Tx, i int, done ImportedObject) error {
	if l.req.LoggingLevel < 2 {
		return nil
	}
	row := NewRecord(l.model.Set(setExchangeObjects), uuid.NewString())
	o := l.req.Objects[i]
	payload, err := o.MarshalJSON()
	if err != nil {
		return fmt.Errorf("log an imported object: %w", err)
	}
	row.Put("DataExchange", TextValue(l.head.ID))
	row.Put("LineNo", IntValue(int64(i+1)))
	row.Put("Payload", TextValue(string(payload)))
	row.Put("RepositoryName", TextValue(""))
	if v, _ := o.Get("@odata.type"); v != nil {
		if name, ok := v.(string); ok {
			if set := l.model.ofQualifiedType(name); set != nil {
				row.Put("RepositoryName", TextValue(set.Name))
			}
		}
	}
	row.PutMember("Mode", "Add")
	if v, _ := o.Get("@erpnet.action"); v == "merge" {
		row.PutMember("Mode", "Merge")
	}
	if done.Err != nil {
		row.PutMember("ExchangeResult", "Fail")
		row.Put("ExchangeMessage", TextValue(done.Err.Error()))
	} else {
		row.PutMember("ExchangeResult", "Success")
		row.Put("ExchangeMessage", TextValue(strings.TrimSpace(string(done.State)+" "+done.Entity.String())))
	}
	return tx.Insert(row)
}

// End implements [ImportLog].
func (l *exchangeLog) End(tx Tx, result *ImportResult, at time.Time) error {
	failed := 0
	for _, o := range result.Objects {
		if o.Err != nil {
			failed++
		}
	}
	state := "FinishedSuccess"
	if failed > 0 {
		state = "FinishedFail"
	}
	l.head.PutMember("State", state)
	l.head.Put("ExchangedOn", IntValue(at.UnixMicro()))
	l.head.Put("ObjectVersion", IntValue(2))
	l.head.Put("AggregateLastUpdateTimeUtc", IntValue(at.UnixMicro()))
	l.head.Put("ExchangeLog", TextValue(fmt.Sprintf("%d objects, %d failed, %s", len(result.Objects), failed, l.req.Transaction)))
	return tx.Save(l.head)
}
