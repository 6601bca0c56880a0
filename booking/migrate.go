package booking

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// ErrSchemaNewer says that a later release has changed the schema: this one
// would read and write it wrongly.
var ErrSchemaNewer = errors.New("the schema is a later release's: start that one, or restore the backup from before it")

// Migrate brings the database's schema up to date. Several processes may
// start at once: a lock lets them pass one at a time. ErrSchemaNewer where it
// is ahead of this program.
func Migrate(ctx context.Context, pool *pgxpool.Pool) error {
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return fmt.Errorf("migrations: lock: %w", err)
	}
	db := stdlib.OpenDBFromPool(pool)
	defer db.Close() //nolint:errcheck // closes the adapter, not the pool
	p, err := goose.NewProvider(goose.DialectPostgres, db, files, goose.WithSessionLocker(locker), goose.WithAllowOutofOrder(true))
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	// Asked afterwards, since it takes no lock and would make the table of versions; a
	// schema that is ahead had nothing to bring up to date.
	have, knows, err := p.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	if have > knows {
		return fmt.Errorf("migrations: the database has %d, this program knows up to %d: %w", have, knows, ErrSchemaNewer)
	}
	return migrateJobs(ctx, pool)
}
