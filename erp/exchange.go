package erp

import (
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/hybridapps/tandem/erp/model"
	"github.com/hybridapps/tandem/erp/write"
)

const (
	setExchanges       = "Systems_Exchange_DataExchanges"
	setExchangeObjects = "Systems_Exchange_DataExchangeObjects"
)

// The log of Import: what came, and what became of it.

func exchangeSets() []write.Declaration {
	mode := model.NewEnum("Systems_Exchange_DataExchange_Mode", "Export", "Import")
	state := model.NewEnum("Systems_Exchange_DataExchange_State",
		"Prepare", "Ready", "FinishedSuccess", "FinishedFail", "ClosedSuccess", "ClosedFail")
	result := model.NewEnum("Systems_Exchange_DataExchangeObject_ExchangeResult", "NotStarted", "Success", "Fail")
	objectMode := model.NewEnum("Systems_Exchange_DataExchangeObject_Mode", "Merge", "Add")
	exchanges := model.Root(setExchanges, "Systems_Exchange_DataExchange", "erp_data_exchanges").Unguarded().ForEverybody(0).
		PersonalTo("CreatedByUser").ManagedToo().
		Child("Objects", setExchangeObjects).
		With(
			model.DateTime("CreatedOn").Required().Can(ge|ord).KeepTime(),
			model.DateTime("ExchangedOn"),
			model.OneOf("Mode", mode).Required().Can(eq|in),
			model.OneOf("State", state).Required().Can(eq|in),
			model.Date("KeepUntil").Required(),
			model.Text("ExchangeLog", 0),
			model.Ref("CreatedByUser", setUsers).Required(),
		)
	objects := model.Part(setExchangeObjects, "Systems_Exchange_DataExchangeObject", "erp_data_exchange_objects", "DataExchange").
		With(
			model.OneOf("ExchangeResult", result).Required().Can(eq|in),
			model.Text("ExchangeMessage", 0),
			model.Text("Payload", 0),
			model.Text("RepositoryName", 254).Required(),
			model.OneOf("Mode", objectMode).Required(),
			model.Int("LineNo").Required().Can(eq|ord),
			model.Ref("DataExchange", setExchanges),
		)
	return []write.Declaration{{Set: exchanges.ReadOnly()}, {Set: objects.ReadOnly()}}
}

// keepLog is how long the log of an import is kept: the store deletes it when the
// day KeepUntil has passed.
const keepLog = 90 * 24 * time.Hour

// exchangeLog is the log of one Import: a DataExchange, and at level 2 a
// DataExchangeObject for each object.
type exchangeLog struct {
	model *write.Model
	req   *write.ImportRequest
	head  *model.Record
}

// newExchangeLog makes the log's head. It is written first, so that it tells of
// an import that was cut short: its state stays Ready.
func newExchangeLog(m *write.Model, by write.Actor, req *write.ImportRequest, at time.Time) write.ImportLog {
	head := model.NewRecord(m.Set(setExchanges), uuid.NewString())
	head.Put("ObjectVersion", model.IntValue(1))
	head.Put("AggregateLastUpdateTimeUtc", model.IntValue(at.UnixMicro()))
	head.Put("CreatedOn", model.IntValue(at.UnixMicro()))
	head.PutMember("Mode", "Import")
	head.PutMember("State", "Ready")
	head.Put("KeepUntil", model.IntValue(model.Day(at.UTC().Add(keepLog)).UnixMicro()))
	head.Put("CreatedByUser", model.TextValue(by.ID))
	return &exchangeLog{m, req, head}
}

// Begin implements [write.ImportLog].
func (l *exchangeLog) Begin(tx write.Tx) (model.Entity, error) {
	return model.Entity{Set: l.head.Set, ID: l.head.ID}, tx.Insert(l.head)
}

// Note implements [write.ImportLog].
func (l *exchangeLog) Note(tx write.Tx, i int, done write.ImportedObject) error {
	if l.req.LoggingLevel < 2 {
		return nil
	}
	row := model.NewRecord(l.model.Set(setExchangeObjects), uuid.NewString())
	o := l.req.Objects[i]
	if l.req.KeepPayload {
		payload, err := o.MarshalJSON()
		if err != nil {
			return fmt.Errorf("log an imported object: %w", err)
		}
		row.Put("Payload", model.TextValue(string(payload)))
	}
	row.Put("DataExchange", model.TextValue(l.head.ID))
	row.Put("LineNo", model.IntValue(int64(i+1)))
	row.Put("RepositoryName", model.TextValue(""))
	if v, _ := o.Get("@odata.type"); v != nil {
		if name, ok := v.(string); ok {
			if set := l.model.SetOfQualifiedType(name); set != nil {
				row.Put("RepositoryName", model.TextValue(set.Name))
			}
		}
	}
	row.PutMember("Mode", "Add")
	if v, _ := o.Get("@erpnet.action"); v == "merge" {
		row.PutMember("Mode", "Merge")
	}
	if done.Err != nil {
		row.PutMember("ExchangeResult", "Fail")
		row.Put("ExchangeMessage", model.TextValue(done.Err.Error()))
	} else {
		row.PutMember("ExchangeResult", "Success")
		row.Put("ExchangeMessage", model.TextValue(strings.TrimSpace(string(done.State)+" "+done.Entity.String()+" "+done.Note)))
	}
	return tx.Insert(row)
}

// End implements [write.ImportLog].
func (l *exchangeLog) End(tx write.Tx, result *write.ImportResult, at time.Time) error {
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
	l.head.Put("ExchangedOn", model.IntValue(at.UnixMicro()))
	l.head.Put("ObjectVersion", model.IntValue(2))
	l.head.Put("AggregateLastUpdateTimeUtc", model.IntValue(at.UnixMicro()))
	l.head.Put("ExchangeLog", model.TextValue(fmt.Sprintf("%d objects, %d failed, %s", len(result.Objects), failed, l.req.Transaction)))
	return tx.Save(l.head)
}
