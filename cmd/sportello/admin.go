package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"

	"sportello/booking"
)

// withAgenda runs what needs the database and no more.
func withAgenda(ctx context.Context, env *environment, run func(context.Context, *pgxpool.Pool, *booking.Agenda) error) error {
	s, err := loadSettings(env.vars)
	if err != nil {
		return err
	}
	if s.DatabaseURL == "" {
		return errors.New("DATABASE_URL is not set: where PostgreSQL is")
	}
	pool, err := connectPostgres(ctx, s.DatabaseURL, s.StartWait, s.logger(env.errOut))
	if err != nil {
		return err
	}
	defer pool.Close()
	if err := migrate(ctx, pool); err != nil {
		return err
	}
	// Neither codes nor tokens are issued here.
	agenda := booking.New(pool, nil, booking.Options{Logger: s.logger(env.errOut)})
	defer agenda.Close()
	return run(ctx, pool, agenda)
}

func runMigrate(ctx context.Context, env *environment, args []string) error {
	if err := parse(env.flags("migrate"), args); err != nil {
		return err
	}
	return withAgenda(ctx, env, func(context.Context, *pgxpool.Pool, *booking.Agenda) error {
		printer{env.out}.line("The schema is up to date.")
		return nil
	})
}

func runSeed(ctx context.Context, env *environment, args []string) error {
	flags := env.flags("seed")
	if err := parse(flags, args); err != nil {
		return err
	}
	return withAgenda(ctx, env, func(ctx context.Context, _ *pgxpool.Pool, a *booking.Agenda) error {
		if flags.NArg() == 0 {
			if err := a.Seed(ctx, booking.SeedFiles()); err != nil {
				return err
			}
			printer{env.out}.line("The demonstration town is there.")
			return nil
		}
		for _, name := range flags.Args() {
			dir, base := filepath.Split(name)
			if err := a.Seed(ctx, oneFile{os.DirFS(filepath.Clean(dir)), base}); err != nil {
				return err
			}
			printer{env.out}.line("%s: added what was missing.", name)
		}
		return nil
	})
}

// oneFile shows one file of a folder, whatever its name is.
type oneFile struct {
	fs.FS

	name string
}

// Glob implements fs.GlobFS.
func (f oneFile) Glob(string) ([]string, error) { return []string{f.name}, nil }

func runStaff(ctx context.Context, env *environment, args []string) error {
	if len(args) > 0 {
		switch args[0] {
		case "add":
			return runStaffAdd(ctx, env, args[1:])
		case "password":
			return runStaffPassword(ctx, env, args[1:])
		}
	}
	out := printer{env.errOut}
	out.line("Usage: sportello staff add -login NAME -name \"FULL NAME\" -role clerk [-office SLUG] …")
	out.line("       sportello staff password -login NAME")
	return errUsage
}

func runStaffAdd(ctx context.Context, env *environment, args []string) error {
	var (
		who     booking.Staff
		offices []string
		stdin   bool
	)
	flags := env.flags("staff add")
	flags.StringVar(&who.Login, "login", "", "the name to sign in with")
	flags.StringVar(&who.Name, "name", "", "the name that others read")
	flags.Func("role", "clerk, operator, reception or administrator; may be given again", func(v string) error {
		who.Roles = append(who.Roles, booking.StaffRole(v))
		return nil
	})
	flags.Func("office", "an office's slug, as in the data file; may be given again; a clerk works at all its desks", func(v string) error {
		offices = append(offices, v)
		return nil
	})
	flags.BoolVar(&stdin, "password-stdin", false, passwordStdin)
	if err := parse(flags, args); err != nil {
		return err
	}
	if who.Login == "" || who.Name == "" || len(who.Roles) == 0 {
		flags.Usage()
		return errUsage
	}
	password, err := env.password(stdin)
	if err != nil {
		return err
	}
	return withAgenda(ctx, env, func(ctx context.Context, _ *pgxpool.Pool, a *booking.Agenda) error {
		for _, slug := range offices {
			office, err := a.OfficeBySlug(ctx, slug)
			if err != nil {
				return fmt.Errorf("office %s: %w", slug, err)
			}
			desks, err := a.Desks(ctx, office.ID)
			if err != nil {
				return fmt.Errorf("desks of %s: %w", slug, err)
			}
			who.Offices = append(who.Offices, office.ID)
			for _, d := range desks {
				who.Desks = append(who.Desks, d.ID)
			}
		}
		added, err := a.AddStaff(ctx, who, password, booking.Actor{})
		if err != nil {
			return err
		}
		out := printer{env.out}
		out.line("Added %s (%s).", added.Login, added.Name)
		if !stdin {
			out.line("Password: %s", password)
		}
		return nil
	})
}

// passwordStdin explains -password-stdin.
const passwordStdin = "read the password from the first line of standard input"

// password reads one from standard input, or makes one up.
func (e *environment) password(stdin bool) (string, error) {
	if !stdin {
		return rand.Text(), nil
	}
	line, err := bufio.NewReader(e.in).ReadString('\n')
	if err != nil && line == "" {
		return "", fmt.Errorf("read the password: %w", err)
	}
	return strings.TrimRight(line, "\r\n"), nil
}

// runStaffPassword lets an administrator in again who has lost the password.
// Sessions are known by their tokens alone, so everybody's end.
func runStaffPassword(ctx context.Context, env *environment, args []string) error {
	flags := env.flags("staff password")
	login := flags.String("login", "", "the name to sign in with")
	stdin := flags.Bool("password-stdin", false, passwordStdin)
	if err := parse(flags, args); err != nil {
		return err
	}
	if *login == "" {
		flags.Usage()
		return errUsage
	}
	password, err := env.password(*stdin)
	if err != nil {
		return err
	}
	return withAgenda(ctx, env, func(ctx context.Context, pool *pgxpool.Pool, a *booking.Agenda) error {
		who, err := a.StaffByLogin(ctx, *login)
		if err != nil {
			return fmt.Errorf("%s: %w", *login, err)
		}
		if err := a.SetPassword(ctx, who.ID, password, booking.Actor{}); err != nil {
			return err
		}
		if _, err := pool.Exec(ctx, "DELETE FROM sessions"); err != nil {
			return fmt.Errorf("end the sessions: %w", err)
		}
		out := printer{env.out}
		out.line("%s has a new password. Everybody has to sign in again.", who.Login)
		if !*stdin {
			out.line("Password: %s", password)
		}
		return nil
	})
}
