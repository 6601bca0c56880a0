package web

import (
	"context"
	"io"
	"log/slog"
	"os"
	"testing"

	"sportello/internal/testenv"
)

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }

// worded is a log that fails the test where a page lacks a text.
type worded struct {
	slog.Handler
	t *testing.T
}

func newLog(t *testing.T, w io.Writer) *slog.Logger {
	t.Helper()
	return slog.New(worded{slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}), t})
}

func (h worded) Handle(ctx context.Context, r slog.Record) error {
	if r.Message == noText {
		r.Attrs(func(a slog.Attr) bool { h.t.Errorf("%s: %v", noText, a); return true })
	}
	return h.Handler.Handle(ctx, r) //nolint:wrapcheck // the handler's own
}
