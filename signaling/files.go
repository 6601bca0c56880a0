package signaling

import (
	"errors"
	"slices"

	"github.com/google/uuid"

	"sportello/sfu"
	"sportello/signaling/protocol"
)

const (
	maxFiles     = 64 // on offer in a room
	maxTransfers = 4  // to one receiver at once
)

// file is one on offer, and transfer its way to one receiver. Both are in the
// books.
type file struct {
	protocol.FileOffered
	owner *session
}

type transfer struct {
	id, file string
	from, to *session
	passed   bool // all bytes; the receiver's word is awaited
}

func (r *room) file(id string) *file {
	for i := range r.files {
		if r.files[i].ID == id {
			return &r.files[i]
		}
	}
	return nil
}

func (s *Server) offerFile(x *session, m protocol.OfferFile) error {
	r := x.room
	switch f := r.file(m.ID); {
	case m.Size > s.cfg.Limits.FileBytes:
		return faulty(protocol.CodeTooLarge)
	case f != nil && f.owner == x: // sent again after a drop
		offered := f.FileOffered
		x.post(func() { x.send(offered) })
		return nil
	case f != nil:
		return faulty(protocol.CodeBadMessage)
	case len(r.files) >= maxFiles:
		return faulty(protocol.CodeTooMany)
	}
	r.seq++
	f := protocol.FileOffered{
		Seq: r.seq, ID: m.ID, Peer: x.name, Name: m.Name, Size: m.Size, MediaType: m.MediaType,
	}
	r.files = append(r.files, file{f, x})
	r.broadcast(f, nil)
	return nil
}

// withdrawFile takes a file back; the caller cancels the transfers that it
// gives, on the media side.
func (s *Server) withdrawFile(x *session, id string) ([]*transfer, error) {
	r := x.room
	f := r.file(id)
	if f == nil {
		return nil, faulty(protocol.CodeUnknownFile)
	}
	if f.owner != x {
		return nil, faulty(protocol.CodeForbidden)
	}
	r.files = slices.DeleteFunc(r.files, func(f file) bool { return f.ID == id })
	r.broadcast(protocol.FileWithdrawn{ID: id}, nil)
	return s.endTransfers(r, protocol.CodeUnknownFile, func(t *transfer) bool { return t.file == id }), nil
}

// withdrawFilesOf clears up behind somebody who is gone for good.
func (s *Server) withdrawFilesOf(x *session) {
	r := x.room
	for _, f := range r.files {
		if f.owner == x {
			r.broadcast(protocol.FileWithdrawn{ID: f.ID}, x)
		}
	}
	r.files = slices.DeleteFunc(r.files, func(f file) bool { return f.owner == x })
	// The media server ends them itself: the peer leaves.
	s.endTransfers(r, protocol.CodeUnknownPeer, func(t *transfer) bool { return t.from == x || t.to == x })
}

// endTransfers forgets the transfers that match, and tells both ends.
func (s *Server) endTransfers(r *room, code protocol.Code, match func(*transfer) bool) []*transfer {
	var ended []*transfer
	for id, t := range r.transfers {
		if !match(t) {
			continue
		}
		delete(r.transfers, id)
		ended = append(ended, t)
		for _, end := range []*session{t.from, t.to} {
			end.post(func() { end.send(protocol.TransferEnded{Transfer: id, Code: code}) })
		}
	}
	return ended
}

// acceptFile opens a transfer on the media side and tells both ends. Called
// by the receiver's goroutine, without the mutex.
func (x *session) acceptFile(m protocol.AcceptFile) error {
	s, r := x.s, x.room
	s.mu.Lock()
	f := r.file(m.ID)
	if f == nil || f.owner == x || f.owner.media == nil {
		s.mu.Unlock()
		return faulty(protocol.CodeUnknownFile)
	}
	if m.Offset > f.Size {
		s.mu.Unlock()
		return faulty(protocol.CodeBadMessage)
	}
	// Asked for again, the old one is stuck or the receiver came back.
	old := s.endTransfers(r, protocol.CodeCancelled, func(t *transfer) bool { return t.to == x && t.file == m.ID })
	running := 0
	for _, t := range r.transfers {
		if t.to == x && !t.passed {
			running++
		}
	}
	t := &transfer{id: uuid.NewString(), file: m.ID, from: f.owner, to: x}
	media, size, full := f.owner.media, f.Size, running >= maxTransfers
	if !full {
		r.transfers[t.id] = t
	}
	s.mu.Unlock()

	for _, o := range old {
		media.CancelTransfer(o.id)
	}
	if full {
		return faulty(protocol.CodeTooMany)
	}
	if err := media.OpenTransfer(t.id, x.name, size-m.Offset); err != nil {
		s.mu.Lock()
		delete(r.transfers, t.id)
		s.mu.Unlock()
		x.log.Warn("open a transfer", "err", err)
		return faulty(codeOfTransfer(err))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.transfers[t.id] == nil {
		return nil // an end left meanwhile, and both were told
	}
	for end, dir := range map[*session]protocol.Direction{t.from: protocol.DirectionSend, x: protocol.DirectionReceive} {
		other := t.from
		if end == t.from {
			other = x
		}
		msg := protocol.Transfer{Transfer: t.id, File: m.ID, Peer: other.name, Direction: dir, Offset: m.Offset}
		end.post(func() { end.send(msg) })
	}
	return nil
}

// cancelTransfer stops one, for either end. One that is over already is no
// error: the two ends may cancel at once.
func (x *session) cancelTransfer(id string) {
	s := x.s
	s.mu.Lock()
	ended := s.endTransfers(x.room, protocol.CodeCancelled, func(t *transfer) bool {
		return t.id == id && (t.from == x || t.to == x)
	})
	s.mu.Unlock()
	x.cancelMedia(ended)
}

// cancelMedia stops ended transfers on the media side, without the mutex.
func (x *session) cancelMedia(ended []*transfer) {
	for _, t := range ended {
		x.s.mu.Lock()
		media := t.from.media
		x.s.mu.Unlock()
		if media != nil {
			media.CancelTransfer(t.id)
		}
	}
}

// transferStopped hears from the media server.
func (s *Server) transferStopped(x *session, id string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := x.room.transfers[id]
	if t == nil {
		return
	}
	if err == nil {
		t.passed = true
		return
	}
	s.endTransfers(x.room, codeOfTransfer(err), func(o *transfer) bool { return o == t })
}

// fileReceived passes the receiver's hash to the sender.
func (s *Server) fileReceived(x *session, m protocol.FileReceived) error {
	t := x.room.transfers[m.Transfer]
	if t == nil || t.to != x {
		return faulty(protocol.CodeUnknownFile)
	}
	delete(x.room.transfers, m.Transfer)
	t.from.post(func() { t.from.send(protocol.FileDelivered(m)) })
	return nil
}

func codeOfTransfer(err error) protocol.Code {
	switch {
	case errors.Is(err, sfu.ErrTransferTooBig):
		return protocol.CodeTooLarge
	case errors.Is(err, sfu.ErrTooManyTransfers):
		return protocol.CodeTooMany
	case errors.Is(err, sfu.ErrUnknownPeer):
		return protocol.CodeUnknownPeer
	case errors.Is(err, sfu.ErrTransferStopped):
		return protocol.CodeCancelled
	}
	return protocol.CodeUnavailable
}
