package notify

import (
	"context"
	"slices"
	"sync"
	"time"
)

// kept is how many messages a Mailbox keeps.
const kept = 200

// Posted is a message in a Mailbox.
type Posted struct {
	Number  int // counts from one
	At      time.Time
	Channel Channel
	To      string
	Message
}

// Mailbox keeps messages in memory instead of sending them: for development,
// where a page shows them. It is a Mailer and a Texter.
type Mailbox struct {
	Now func() time.Time // nil is time.Now

	mu   sync.Mutex
	last int
	list []Posted // the latest last
}

// Mail implements Mailer.
func (b *Mailbox) Mail(_ context.Context, m Mail) error {
	b.put(Posted{Channel: ByMail, To: m.To, Message: m.Message})
	return nil
}

// Text implements Texter.
func (b *Mailbox) Text(_ context.Context, t Text) error {
	b.put(Posted{Channel: ByText, To: t.To, Message: Message{Short: t.Body}})
	return nil
}

func (b *Mailbox) put(p Posted) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last++
	now := time.Now
	if b.Now != nil {
		now = b.Now
	}
	p.Number, p.At = b.last, now()
	b.list = append(b.list, p)
	if len(b.list) > kept {
		b.list = slices.Delete(b.list, 0, len(b.list)-kept)
	}
}

// List gives the messages, the latest first.
func (b *Mailbox) List() []Posted {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := slices.Clone(b.list)
	slices.Reverse(list)
	return list
}

// Get finds a message by its number.
func (b *Mailbox) Get(number int) (Posted, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.list {
		if p.Number == number {
			return p, true
		}
	}
	return Posted{}, false
}
