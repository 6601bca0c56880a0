package signaling

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/time/rate"

	"sportello/signaling/protocol"
)

// fault is a message that could not be served.
type fault struct {
	code      protocol.Code
	ref       string
	notBefore *time.Time
}

func (f *fault) Error() string { return "signaling: " + string(f.code) }

func faulty(code protocol.Code) error { return &fault{code: code} }

// frame is one message out, or (last) the end of the socket.
type frame struct {
	data   []byte
	last   bool
	status websocket.StatusCode
	reason string
}

// conn is one socket. Its reader is the goroutine of ServeHTTP; write and ping
// run beside it and end with ctx.
type conn struct {
	ws     *websocket.Conn
	cfg    *Config
	out    chan frame
	lang   string
	relay  string // the id of its relay credentials; "" without
	limit  *rate.Limiter
	cancel context.CancelFunc
}

func newConn(ws *websocket.Conn, cfg *Config, cancel context.CancelFunc) *conn {
	ws.SetReadLimit(-1) // read has the limit: it answers before it closes
	return &conn{
		ws: ws, cfg: cfg, cancel: cancel,
		out:   make(chan frame, cfg.Outbox),
		limit: rate.NewLimiter(rate.Limit(cfg.MessagesPerSecond), cfg.MessageBurst),
	}
}

// send puts a message into the outbox; a full one ends the socket.
func (c *conn) send(m protocol.ServerMessage) bool {
	data, err := protocol.Encode(m)
	if err != nil {
		c.cfg.Logger.Error("encode a message", "type", protocol.TypeOf(m), "err", err)
		c.finish(websocket.StatusInternalError, "")
		return false
	}
	return c.put(frame{data: data})
}

// finish closes the socket once what is in the outbox has gone out.
func (c *conn) finish(status websocket.StatusCode, reason string) {
	c.put(frame{last: true, status: status, reason: reason})
}

func (c *conn) put(f frame) bool {
	select {
	case c.out <- f:
		return true
	default:
		c.cancel()
		return false
	}
}

// fail tells an error. Before somebody is seated every error is fatal.
func (c *conn) fail(f *fault, seated bool) {
	fatal := !seated || f.code.Fatal()
	c.send(protocol.Error{
		Code: f.code, Message: textFor(f.code, c.lang), Fatal: fatal, Ref: f.ref, NotBefore: f.notBefore,
	})
	if fatal {
		c.finish(websocket.StatusCode(f.code.CloseStatus()), string(f.code))
	}
}

// write empties the outbox until the last frame or the end of ctx.
func (c *conn) write(ctx context.Context) {
	defer c.cancel()
	for {
		select {
		case <-ctx.Done():
			_ = c.ws.CloseNow()
			return
		case f := <-c.out:
			if f.last {
				_ = c.ws.Close(f.status, f.reason) // waits for the other side, 5 s at most
				return
			}
			wctx, cancel := context.WithTimeout(ctx, c.cfg.WriteTimeout)
			err := c.ws.Write(wctx, websocket.MessageText, f.data)
			cancel()
			if err != nil {
				_ = c.ws.CloseNow()
				return
			}
		}
	}
}

// ping ends a socket whose other side is silently gone.
func (c *conn) ping(ctx context.Context) {
	t := time.NewTicker(c.cfg.PingEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			pctx, cancel := context.WithTimeout(ctx, c.cfg.PingEvery)
			err := c.ws.Ping(pctx)
			cancel()
			if err != nil {
				c.cancel()
				return
			}
		}
	}
}

// read gives the next message: a *fault for one that cannot be served, any
// other error for the end of the socket. broken says that the client is not
// speaking the protocol at all.
func (c *conn) read(ctx context.Context) (m protocol.ClientMessage, broken bool, err error) {
	kind, r, err := c.ws.Reader(ctx)
	if err != nil {
		return nil, true, err
	}
	data, err := io.ReadAll(io.LimitReader(r, int64(c.cfg.Limits.MessageBytes)+1))
	if err != nil {
		return nil, true, err
	}
	if !c.limit.Allow() {
		return nil, true, faulty(protocol.CodeRateLimited)
	}
	if len(data) > c.cfg.Limits.MessageBytes {
		return nil, true, faulty(protocol.CodeTooLarge)
	}
	if kind != websocket.MessageText {
		return nil, true, faulty(protocol.CodeBadMessage)
	}
	m, err = protocol.DecodeClient(data)
	var bad *protocol.DecodeError
	if errors.As(err, &bad) {
		return nil, false, &fault{code: protocol.CodeBadMessage, ref: bad.Type}
	}
	return m, false, err
}
