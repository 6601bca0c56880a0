package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"

	"sportello/booking"
)

// Presence tells who is in the virtual lobby and in the rooms right now.
// Signalling knows; cmd hands it over.
type Presence interface {
	// Get gives the state of those appointments that have anybody present.
	Get(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]PresenceState, error)
	// Watch sends an appointment's id when its state changes, and uuid.Nil
	// when changes may have been missed. It ends with ctx.
	Watch(ctx context.Context) (<-chan uuid.UUID, error)
}

// PresenceState is who is there for an appointment.
type PresenceState struct {
	Waiting     bool      // the citizen is in the lobby
	Since       time.Time // …since then
	Away        bool      // …and has stepped away or lost the connection
	InRoom      bool      // the citizen was admitted
	HostPresent bool      // a clerk is in the room
}

const (
	// streamsPerPerson bounds the streams that one login holds open.
	streamsPerPerson = 8
	// streamLife ends a stream now and then: the page opens another one at
	// once, and whether its reader is still signed in is asked again.
	streamLife = 15 * time.Minute
	// streamWrite bounds one write to a reader who does not read.
	streamWrite = 20 * time.Second
	// gather waits a moment for more of the same: a day that is moved changes
	// thirty appointments at once.
	gather = 100 * time.Millisecond
)

// event is what a board is told: that something changed, never what. The
// board asks for its fragment, with the rights of its reader.
type event struct {
	name   string
	Office int64  `json:"office,omitempty"`
	Day    string `json:"day,omitempty"`
}

// staffEvents streams what changed in the colleague's offices (server-sent
// events, HTML Living Standard section 9.2).
func (s *Server) staffEvents(w http.ResponseWriter, r *http.Request, me *colleague) error {
	watch := func(ctx context.Context) <-chan uuid.UUID {
		if s.staff.presence == nil || !me.Has(booking.Clerk) {
			return nil // blocks for ever
		}
		present, err := s.staff.presence.Watch(ctx)
		if err != nil {
			return nil // Redis is away: the agenda's events are still worth having
		}
		return present
	}
	return s.streamChanges(w, r, me.ID, streamsPerPerson, watch, me.MayOffice)
}

// streamChanges streams what changed in some offices, to one of at most limit
// streams of a reader. present may be nil.
func (s *Server) streamChanges(w http.ResponseWriter, r *http.Request, reader int64, limit int,
	present func(context.Context) <-chan uuid.UUID, mine func(office int64) bool,
) error {
	if !s.staff.streams.enter(reader, limit) {
		return errTooMany
	}
	defer s.staff.streams.leave(reader)
	ctx, cancel := context.WithTimeout(r.Context(), streamLife)
	defer cancel()
	changes, err := s.agenda.Watch(ctx)
	if err != nil {
		return err
	}
	var presence <-chan uuid.UUID
	if present != nil {
		presence = present(ctx)
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	out := &eventWriter{w: w, control: http.NewResponseController(w)}
	if err := out.raw("retry: 2000\n: here\n\n"); err != nil {
		return nil // the reader is gone, and the answer has begun
	}
	s.pump(ctx, out, mine, changes, presence)
	return nil
}

// pump writes events until the reader goes or the stream's time is over.
func (s *Server) pump(ctx context.Context, out *eventWriter, mine func(office int64) bool, changes <-chan booking.Change, present <-chan uuid.UUID) {
	beat := time.NewTicker(s.staff.config.Heartbeat)
	defer beat.Stop()
	pending := map[event]bool{}
	var flush <-chan time.Time
	note := func(e event) {
		pending[e] = true
		if flush == nil {
			flush = time.After(gather)
		}
	}
	for {
		var err error
		select {
		case <-ctx.Done():
			return
		case <-s.staff.streams.done:
			return
		case c, ok := <-changes:
			if !ok {
				return
			}
			switch {
			case c == (booking.Change{}):
				note(event{name: "resync"})
			case mine(c.OfficeID):
				note(event{name: "agenda", Office: c.OfficeID, Day: c.Day})
			}
		case _, ok := <-present:
			if !ok {
				present = nil
				continue
			}
			note(event{name: "presence"})
		case <-flush:
			flush = nil
			for e := range pending {
				if err = out.event(e); err != nil {
					break
				}
			}
			clear(pending)
		case <-beat.C:
			err = out.raw(": \n\n")
		}
		if err != nil {
			return
		}
	}
}

// eventWriter writes events and sees them off: each is flushed, within a
// deadline of its own, since the server's is for whole answers.
type eventWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

func (o *eventWriter) raw(text string) error {
	// Not every connection has deadlines (tests' recorders have none).
	_ = o.control.SetWriteDeadline(time.Now().Add(streamWrite))
	if _, err := o.w.Write([]byte(text)); err != nil {
		return fmt.Errorf("write event: %w", err)
	}
	if err := o.control.Flush(); err != nil {
		return fmt.Errorf("flush event: %w", err)
	}
	return nil
}

func (o *eventWriter) event(e event) error {
	data, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("event: %w", err)
	}
	return o.raw("event: " + e.name + "\ndata: " + string(data) + "\n\n")
}
