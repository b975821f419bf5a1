package erp

import (
	"errors"
	"fmt"
	"time"

	"github.com/hybridapps/tandem"
)

// keepLog is how long the log of an import is meant to be kept.
const keepLog = 90 * 24 * time.Hour

// errUndo ends a transaction whose results were already noted.
var errUndo = errors.New("undo the transaction")

// RunImport applies the objects of an import. write runs a function in one
// transaction of its own, again when the store wants that; now is the clock.
func RunImport(m *Model, by Actor, req *ImportRequest, now func() time.Time, write func(func(Tx) error) error) (*ImportResult, error) {
	run := &importRun{
		w: NewWriter(m, by), req: req, now: now,
		result: &ImportResult{Success: true, Objects: make([]ImportedObject, len(req.Objects))},
	}
	run.write = func(f func(Tx) error) error {
		again := false
		return write(func(tx Tx) error {
			if again {
				run.w.Forget() // what the undone transaction made is not there
			}
			again = true
			return f(tx)
		})
	}
	if err := run.begin(); err != nil {
		return nil, err
	}
	apply := run.perObject
	if req.Transaction == AllObjects {
		apply = run.allObjects
	}
	if err := apply(); err != nil {
		return nil, err
	}
	return run.result, run.end()
}

type importRun struct {
	w      *Writer
	req    *ImportRequest
	now    func() time.Time
	write  func(func(Tx) error) error
	result *ImportResult
	log    *Record
}

// begin writes the log's head first, so that it tells of an import that was
// cut short: its state stays Ready.
func (r *importRun) begin() error {
	if r.req.LoggingLevel == 0 {
		return nil
	}
	s := r.w.model.must(setExchanges)
	r.log = NewRecord(s, r.w.newID())
	now := r.now()
	r.log.set("ObjectVersion", IntValue(1))
	r.log.set("AggregateLastUpdateTimeUtc", IntValue(now.UnixMicro()))
	r.log.set("CreatedOn", IntValue(now.UnixMicro()))
	r.log.set("Mode", r.log.member("Mode", "Import"))
	r.log.set("State", r.log.member("State", "Ready"))
	r.log.set("KeepUntil", IntValue(day(now.Add(keepLog)).UnixMicro()))
	r.log.set("CreatedByUser", TextValue(r.w.by.ID))
	r.result.DataExchange = Entity{s, r.log.ID}
	return r.write(func(tx Tx) error { return tx.Insert(r.log) })
}

func (r *Record) set(name string, v Value) { r.Values[r.Set.mustHave(name).Index] = v }

func (r *Record) member(name, member string) Value {
	n, _ := r.Set.mustHave(name).Enum.Member(member)
	return IntValue(n)
}

func (r *importRun) perObject() error {
	for i, o := range r.req.Objects {
		err := r.write(func(tx Tx) error {
			outcome, err := r.one(tx, o)
			if err != nil {
				return err
			}
			r.result.Objects[i] = ImportedObject{Entity: outcome.Entity, State: outcome.State}
			return r.note(tx, i, nil)
		})
		if err == nil {
			continue
		}
		if err := r.failed(i, err); err != nil {
			return err
		}
		if err := r.write(func(tx Tx) error { return r.note(tx, i, r.result.Objects[i].Err) }); err != nil {
			return err
		}
	}
	return nil
}

func (r *importRun) allObjects() error {
	err := r.write(func(tx Tx) error {
		r.result.Success = true
		for i, o := range r.req.Objects {
			err := tx.Try(func() error {
				outcome, err := r.one(tx, o)
				r.result.Objects[i] = ImportedObject{Entity: outcome.Entity, State: outcome.State}
				return err
			})
			if err != nil {
				if err := r.failed(i, err); err != nil {
					return err
				}
			}
		}
		if !r.result.Success {
			return errUndo
		}
		return nil
	})
	if err != nil && !errors.Is(err, errUndo) {
		return err
	}
	return r.write(func(tx Tx) error {
		for i := range r.result.Objects {
			if err := r.note(tx, i, r.result.Objects[i].Err); err != nil {
				return err
			}
		}
		return nil
	})
}

// failed notes an object that a caller can mend; faults end the import.
func (r *importRun) failed(i int, err error) error {
	r.w.Forget()
	var known *tandem.Error
	if !errors.As(err, &known) {
		return err
	}
	r.result.Success = false
	r.result.Objects[i] = ImportedObject{Err: known}
	return nil
}

func (r *importRun) one(tx Tx, o *Object) (Outcome, error) {
	v, ok := o.Get("@odata.type")
	name, _ := v.(string)
	if !ok {
		return Outcome{}, invalid("An object of an import needs @odata.type, like Erp.General_Products_Product.")
	}
	s := r.w.model.ofQualifiedType(name)
	if s == nil {
		return Outcome{}, invalid("There is no type %q; it must be a singular type like Erp.General_Products_Product.", clip(name))
	}
	return r.w.In(tx, r.now()).Apply(s, o, actionCreate)
}

// note writes the log's row of one object.
func (r *importRun) note(tx Tx, i int, failure error) error {
	if r.req.LoggingLevel < 2 {
		return nil
	}
	s := r.w.model.must("Systems_Exchange_DataExchangeObjects")
	row := NewRecord(s, r.w.newID())
	o := r.req.Objects[i]
	payload, err := o.MarshalJSON()
	if err != nil {
		return fmt.Errorf("log an imported object: %w", err)
	}
	row.set("DataExchange", TextValue(r.log.ID))
	row.set("LineNo", IntValue(int64(i+1)))
	row.set("Payload", TextValue(string(payload)))
	row.set("RepositoryName", TextValue(""))
	if v, _ := o.Get("@odata.type"); v != nil {
		if name, ok := v.(string); ok {
			if set := r.w.model.ofQualifiedType(name); set != nil {
				row.set("RepositoryName", TextValue(set.Name))
			}
		}
	}
	row.set("Mode", row.member("Mode", "Add"))
	if v, _ := o.Get("@erpnet.action"); v == actionMerge {
		row.set("Mode", row.member("Mode", "Merge"))
	}
	if failure != nil {
		row.set("ExchangeResult", row.member("ExchangeResult", "Fail"))
		row.set("ExchangeMessage", TextValue(failure.Error()))
	} else {
		done := r.result.Objects[i]
		row.set("ExchangeResult", row.member("ExchangeResult", "Success"))
		row.set("ExchangeMessage", TextValue(string(done.State)+" "+done.Entity.name()))
	}
	return tx.Insert(row)
}

func (r *importRun) end() error {
	if r.log == nil {
		return nil
	}
	failed := 0
	for _, o := range r.result.Objects {
		if o.Err != nil {
			failed++
		}
	}
	now := r.now()
	state := "FinishedSuccess"
	if failed > 0 {
		state = "FinishedFail"
	}
	r.log.set("State", r.log.member("State", state))
	r.log.set("ExchangedOn", IntValue(now.UnixMicro()))
	r.log.set("ObjectVersion", IntValue(2))
	r.log.set("AggregateLastUpdateTimeUtc", IntValue(now.UnixMicro()))
	r.log.set("ExchangeLog", TextValue(fmt.Sprintf("%d objects, %d failed, %s", len(r.result.Objects), failed, r.req.Transaction)))
	return r.write(func(tx Tx) error { return tx.Save(r.log) })
}
