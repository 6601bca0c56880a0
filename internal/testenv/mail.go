package testenv

import (
	"bufio"
	"fmt"
	"net"
	"net/textproto"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience bounds how long a test waits for a message.
const patience = 30 * time.Second

// Received is a mail as a server got it.
type Received struct {
	From, To string
	Data     string // with CRLF
}

// MailServer is a mail server (RFC 5321, without extensions) that keeps what
// it gets. It can be stopped and started again at the same address.
type MailServer struct {
	t    testing.TB
	Addr string
	got  chan Received

	mu       sync.Mutex
	listener net.Listener
	open     map[net.Conn]bool
	answer   func(command string) string
	work     sync.WaitGroup
}

// Mail starts a mail server on loopback. It ends with the test.
func Mail(t testing.TB) *MailServer {
	t.Helper()
	s := &MailServer{t: t, Addr: "127.0.0.1:0", got: make(chan Received, 64), open: map[net.Conn]bool{}}
	s.Start()
	t.Cleanup(s.Stop)
	return s
}

// URL is the server's address as a setting.
func (s *MailServer) URL() string { return "smtp://" + s.Addr }

// Answer lets fn answer a command in the server's place, where it gives an
// answer. After the end of the data it is asked about ".".
func (s *MailServer) Answer(fn func(command string) string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = fn
}

// Start listens, at the address of before.
func (s *MailServer) Start() {
	s.t.Helper()
	var c net.ListenConfig
	l, err := c.Listen(s.t.Context(), "tcp", s.Addr)
	if err != nil {
		s.t.Fatal(err)
	}
	s.mu.Lock()
	s.listener, s.Addr = l, l.Addr().String()
	s.mu.Unlock()
	s.work.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.open[conn] = true
			s.mu.Unlock()
			s.work.Go(func() { s.serve(conn) })
		}
	})
}

// Stop ends the server and its connections.
func (s *MailServer) Stop() {
	s.mu.Lock()
	_ = s.listener.Close()
	for conn := range s.open {
		_ = conn.Close()
	}
	s.mu.Unlock()
	s.work.Wait()
}

// Next waits for a mail.
func (s *MailServer) Next() Received {
	s.t.Helper()
	select {
	case m := <-s.got:
		return m
	case <-time.After(patience):
		s.t.Fatal("no mail came")
		return Received{}
	}
}

// None fails if a mail has come that nobody took.
func (s *MailServer) None() {
	s.t.Helper()
	select {
	case m := <-s.got:
		s.t.Errorf("one mail too many:\n%s", m.Data)
	default:
	}
}

func (s *MailServer) serve(conn net.Conn) {
	defer func() {
		_ = conn.Close()
		s.mu.Lock()
		delete(s.open, conn)
		s.mu.Unlock()
	}()
	r := textproto.NewReader(bufio.NewReader(conn))
	say := func(line string) bool {
		_, err := fmt.Fprintf(conn, "%s\r\n", line)
		return err == nil
	}
	if !say("220 test") {
		return
	}
	var m Received
	for {
		line, err := r.ReadLine()
		if err != nil {
			return
		}
		verb := strings.ToUpper(line)
		answer := s.override(line)
		switch {
		case answer != "":
		case strings.HasPrefix(verb, "MAIL FROM:"):
			m, answer = Received{From: address(line)}, "250 ok"
		case strings.HasPrefix(verb, "RCPT TO:"):
			m.To, answer = address(line), "250 ok"
		case verb == "DATA":
			if !say("354 go on") {
				return
			}
			lines, err := r.ReadDotLines()
			if err != nil {
				return
			}
			m.Data = strings.Join(lines, "\r\n") + "\r\n"
			if answer = s.override("."); answer == "" {
				s.got <- m
				answer = "250 kept"
			}
		case verb == "QUIT":
			say("221 bye")
			return
		default:
			answer = "250 ok"
		}
		if !say(answer) {
			return
		}
	}
}

func (s *MailServer) override(command string) string {
	s.mu.Lock()
	fn := s.answer
	s.mu.Unlock()
	if fn == nil {
		return ""
	}
	return fn(command)
}

func address(line string) string {
	_, rest, _ := strings.Cut(line, "<")
	a, _, _ := strings.Cut(rest, ">")
	return a
}
