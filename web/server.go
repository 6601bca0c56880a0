package web

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"sportello/booking"
	"sportello/booking/notify"
)

// Config is what the pages are made from.
type Config struct {
	Agenda *booking.Agenda
	// Secret signs the short-lived cookies of the manage pages.
	Secret []byte
	// PublicURL is scheme and host under which citizens reach the server.
	PublicURL string
	Town      Town
	// JoinBefore is how long before its start a virtual appointment opens.
	JoinBefore time.Duration
	// Files holds templates, locales and static; nil means the embedded ones.
	Files fs.FS
	// Reload parses the templates at each request, for work on them.
	Reload bool
	// Proxies are the networks of reverse proxies whose X-Forwarded-For tells
	// who asks; from others it is ignored.
	Proxies []netip.Prefix
	// Channels are those by which citizens hear of their appointments: pages
	// promise no others.
	Channels notify.Channels
	// Mailbox, where set, shows the messages that development does not send.
	Mailbox Mailbox
	// HoldRate is how many slots one address may hold in ten minutes before its
	// browser is asked for a proof of work; 0 is 10.
	HoldRate int
	// Shared is what several processes count together; nil where there is but one.
	Shared Shared
	Now    func() time.Time
	Logger *slog.Logger
	Staff  StaffConfig
}

// Server answers the requests for pages and static files.
type Server struct {
	agenda     *booking.Agenda
	secret     []byte
	public     *url.URL
	town       Town
	joinBefore time.Duration
	proxies    []netip.Prefix
	channels   notify.Channels
	mailbox    Mailbox
	now        func() time.Time
	log        *slog.Logger
	texts      *catalogue
	pages      *renderer
	assets     *assets
	limits     *limits
	door       *doorman
	staff      staffState
	api        apiState
	importStep time.Duration
	handler    http.Handler
}

// New builds the server. It fails where a template or a catalogue is broken.
func New(c Config) (*Server, error) {
	if c.Agenda == nil || len(c.Secret) == 0 {
		return nil, errors.New("web: agenda and secret are needed")
	}
	public, err := url.Parse(c.PublicURL)
	if err != nil || public.Host == "" || (public.Scheme != "http" && public.Scheme != "https") {
		return nil, fmt.Errorf("web: public URL %q needs http(s) and a host", c.PublicURL)
	}
	if c.Files == nil {
		c.Files = embedded()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Town == (Town{}) {
		c.Town = Pinerolo()
	}
	if c.JoinBefore == 0 {
		c.JoinBefore = 10 * time.Minute
	}
	s := &Server{
		agenda: c.Agenda, secret: c.Secret, public: public, town: c.Town,
		joinBefore: c.JoinBefore, proxies: c.Proxies, channels: c.Channels, mailbox: c.Mailbox, now: c.Now, log: c.Logger,
	}
	s.limits = &limits{shared: c.Shared, secret: c.Secret, log: c.Logger}
	s.api = newAPIState(s.limits)
	s.door = newDoorman(s.limits, cmp.Or(c.HoldRate, defaultHoldRate), c.Now)
	s.importStep = importStep
	missing := func(key, code string) { c.Logger.Error(noText, slog.String("key", key), slog.String("language", code)) }
	if s.texts, err = loadCatalogue(c.Files, missing); err != nil {
		return nil, err
	}
	if s.assets, err = loadAssets(c.Files); err != nil {
		return nil, err
	}
	if s.pages, err = newRenderer(c.Files, s.texts, s.assets, c.Reload, c.Mailbox != nil); err != nil {
		return nil, err
	}
	if s.staff, err = newStaffState(c, s.limits); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	s.routes(mux)
	if s.handler, err = s.middleware(mux); err != nil {
		return nil, err
	}
	return s, nil
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// link is the absolute address of a page, for calendars and for copying.
func (s *Server) link(path string) string {
	return strings.TrimSuffix(s.public.String(), "/") + path
}

// secure says whether cookies can be kept to HTTPS.
func (s *Server) secure() bool { return s.public.Scheme == "https" }
