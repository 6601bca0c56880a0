package booking

import (
	"context"
	"errors"
	"io/fs"
)

var errTODO = errors.New("booking: not implemented")

func SeedFiles() fs.FS                                                 { return nil }
func (a *Agenda) Seed(ctx context.Context, fsys fs.FS) error           { return errTODO }
func (a *Agenda) SeedStaff(ctx context.Context, password string) error { return errTODO }
func (a *Agenda) DemoAppointment(ctx context.Context) (Demo, error)    { return Demo{}, errTODO }
