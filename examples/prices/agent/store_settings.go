package agent

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"github.com/hybridapps/tandem/examples/prices/wire"
	"github.com/hybridapps/tandem/sqldb"
)

// mappingRow is a version of a mapping.
type mappingRow struct {
	name    string
	version int64
	content string
	by      string
	at      time.Time
}

var mappingRows = sqldb.NewTable("mappings", func(m *mappingRow, column sqldb.Column) {
	column("name", &m.name)
	column("version", &m.version)
	column("content", &m.content)
	column("by_login", &m.by)
	column("at", sqldb.TimeField(&m.at))
})

// mappings are the newest versions of all, by name.
func (s *store) mappings(ctx context.Context) ([]mappingRow, error) {
	return mappingRows.All(s.db.Reader().QueryContext(ctx, mappingRows.Select+
		`WHERE version = (SELECT MAX(version) FROM mappings AS newest WHERE newest.name = mappings.name) ORDER BY name`))
}

// mapping is a version of a mapping, the newest where it is 0.
func (s *store) mapping(ctx context.Context, name string, version int64) (mappingRow, error) {
	return s.mappingIn(ctx, s.db.Reader(), name, version)
}

func (s *store) mappingIn(ctx context.Context, in asking, name string, version int64) (mappingRow, error) {
	m, err := mappingRows.One(in.QueryRowContext(ctx, mappingRows.Select+
		`WHERE name = $1 AND ($2 = 0 OR version = $2) ORDER BY version DESC LIMIT 1`, name, version))
	return m, sqldb.NotFound(err, "there is no such mapping, or no such version of it")
}

// versions are all of a mapping, the newest first.
func (s *store) versions(ctx context.Context, name string) ([]mappingRow, error) {
	return mappingRows.All(s.db.Reader().QueryContext(ctx, mappingRows.Select+`WHERE name = $1 ORDER BY version DESC LIMIT 100`, name))
}

// savedSince are the versions of mappings that were saved since a time, and those of one
// mapping from a version on.
func (s *store) savedSince(ctx context.Context, in asking, since time.Time, name string, version int64) ([]mappingRow, error) {
	return mappingRows.All(in.QueryContext(ctx, mappingRows.Select+`WHERE at >= $1 OR name = $2 AND version >= $3 ORDER BY name, version`,
		sqldb.Micros(since), name, version))
}

// addMapping adds a version.
func (s *store) addMapping(ctx context.Context, m mappingRow) (mappingRow, error) {
	err := s.db.Write(ctx, func(tx *sql.Tx) error {
		err := tx.QueryRowContext(ctx, `SELECT COALESCE(MAX(version), 0) + 1 FROM mappings WHERE name = $1`, m.name).Scan(&m.version)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, mappingRows.Insert, mappingRows.Values(&m)...); err != nil || m.by == "" {
			return err
		}
		return s.noteChange(ctx, tx, m.at, m.by, "mapping "+m.name+": a new version")
	})
	return m, err
}

// seedMapping adds the mapping that comes with the agent, to a store without any.
func (s *store) seedMapping(ctx context.Context, name, content string, at time.Time) error {
	all, err := s.mappings(ctx)
	if err != nil || len(all) > 0 {
		return err
	}
	_, err = s.addMapping(ctx, mappingRow{name: name, content: content, at: at})
	if sqldb.IsUnique(err) {
		return nil // another process was faster
	}
	return err
}

// connectorRow is a connector as it is kept.
type connectorRow struct {
	wire.Connector
	secret []byte // sealed
}

func (s *store) connectors(ctx context.Context) (all []connectorRow, err error) {
	rows, err := s.db.Reader().QueryContext(ctx, `SELECT name, settings, secret, by_login, looked_at, problem FROM connectors ORDER BY name`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var c connectorRow
		var name, settings, by, problem string
		var looked int64
		if err := rows.Scan(&name, &settings, &c.secret, &by, &looked, &problem); err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(settings), &c.Connector); err != nil {
			return nil, err
		}
		c.Name, c.By, c.Problem, c.HasSecret = name, by, problem, len(c.secret) > 0
		if looked > 0 {
			at := sqldb.Time(looked)
			c.LookedAt = &at
		}
		all = append(all, c)
	}
	return all, rows.Err()
}

// saveConnector writes settings without a secret, and the sealed one beside them.
func (s *store) saveConnector(ctx context.Context, c connectorRow, at time.Time) error {
	settings, err := json.Marshal(wire.Connector{Host: c.Host, Port: c.Port, User: c.User, Dir: c.Dir, HostKey: c.HostKey, Paused: c.Paused})
	if err != nil {
		return err
	}
	if c.secret == nil {
		c.secret = []byte{}
	}
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO connectors (name, settings, secret, by_login, looked_at, problem) VALUES ($1, $2,
			$3, $4, 0, '')
			ON CONFLICT (name) DO UPDATE SET settings = excluded.settings, secret = excluded.secret, by_login = excluded.by_login, problem = ''`,
			c.Name, string(settings), c.secret, c.By)
		if err != nil {
			return err
		}
		return s.noteChange(ctx, tx, at, c.By, "connector "+c.Name+": saved")
	})
}

func (s *store) removeConnector(ctx context.Context, name, by string, at time.Time) error {
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		gone, err := sqldb.Changed(tx.ExecContext(ctx, `DELETE FROM connectors WHERE name = $1`, name))
		if err != nil || !gone {
			return err
		}
		return s.noteChange(ctx, tx, at, by, "connector "+name+": removed")
	})
}

// looked notes when a connector was looked at, and what was wrong; one that is only
// in the configuration, the folder, is noted too.
func (s *store) looked(ctx context.Context, name string, at time.Time, problem string) error {
	_, err := s.db.Writer().ExecContext(ctx, `INSERT INTO connectors (name, settings, secret, by_login, looked_at, problem)
		VALUES ($1, '{}', $2, '', $3, $4) ON CONFLICT (name) DO UPDATE SET looked_at = excluded.looked_at, problem = excluded.problem`,
		name, []byte{}, sqldb.Micros(at), problem)
	return err
}

// wasFetched reports whether a file of a server was fetched before.
func (s *store) wasFetched(ctx context.Context, connector, name string, size int64, modified time.Time) (known bool, err error) {
	err = s.db.Reader().QueryRowContext(ctx, `SELECT COUNT(*) > 0 FROM fetched WHERE connector = $1 AND name = $2 AND size = $3
		AND modified = $4`,
		connector, name, size, sqldb.Micros(modified)).Scan(&known)
	return known, err
}

func (s *store) noteFetched(ctx context.Context, connector, name string, size int64, modified time.Time) error {
	_, err := s.db.Writer().ExecContext(ctx, `INSERT INTO fetched (connector, name, size, modified) VALUES ($1, $2, $3, $4) ON
		CONFLICT DO NOTHING`,
		connector, name, size, sqldb.Micros(modified))
	return err
}

// noteChange keeps who changed a mapping or a connector.
func (s *store) noteChange(ctx context.Context, tx *sql.Tx, at time.Time, by, what string) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO changes (place, at, by_login, what)
		SELECT COALESCE(MAX(place), 0) + 1, $1, $2, $3 FROM changes`, sqldb.Micros(at), by, what)
	return err
}

func (s *store) changes(ctx context.Context) ([]wire.Event, error) {
	rows, err := s.db.Reader().QueryContext(ctx, `SELECT at, by_login, what FROM changes ORDER BY place DESC LIMIT 200`)
	if err != nil {
		return nil, err
	}
	return scanEvents(rows)
}
