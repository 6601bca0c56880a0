package sfu

import (
	"fmt"
	"log/slog"

	"github.com/pion/logging"
)

// pionLogs passes pion's warnings on as debug lines: most of them tell of a
// browser that left, and their text may hold addresses.
type pionLogs struct{ log *slog.Logger }

// NewLogger is part of logging.LoggerFactory.
func (p pionLogs) NewLogger(scope string) logging.LeveledLogger {
	return pionLog{p.log.With("scope", scope)}
}

type pionLog struct{ log *slog.Logger }

func (pionLog) Trace(string)          {}
func (pionLog) Tracef(string, ...any) {}
func (pionLog) Debug(string)          {}
func (pionLog) Debugf(string, ...any) {}
func (pionLog) Info(string)           {}
func (pionLog) Infof(string, ...any)  {}
func (p pionLog) Warn(m string)       { p.log.Debug("webrtc", "warning", m) }
func (p pionLog) Error(m string)      { p.log.Debug("webrtc", "error", m) }

func (p pionLog) Warnf(f string, a ...any)  { p.Warn(fmt.Sprintf(f, a...)) }
func (p pionLog) Errorf(f string, a ...any) { p.Error(fmt.Sprintf(f, a...)) }
