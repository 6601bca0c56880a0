package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/caarlos0/env/v11"

	"sportello/sfu"
)

// settings are what can be set from outside, by environment variables. The
// tags are their documentation: see documentSettings.
type settings struct {
	DatabaseURL string `env:"DATABASE_URL" help:"PostgreSQL, as postgres://user:password@host/database; dev starts its own if empty"`
	RedisURL    string `env:"REDIS_URL" help:"Redis, as redis://host:6379/0; dev starts its own if empty"`

	Addr      string         `env:"SPORTELLO_ADDR" help:"where to listen; serve: :8080, dev: 127.0.0.1:8080 or the next free port; with SPORTELLO_TLS=self: :8443"`
	PublicURL string         `env:"SPORTELLO_PUBLIC_URL" help:"the address that citizens open, for links and origin checks; dev finds its own"`
	Secret    string         `env:"SPORTELLO_SECRET" help:"at least 32 characters; keys the appointments' codes and the cookies: changing it makes issued codes unknown; dev keeps one of its own"`
	Proxies   []netip.Prefix `env:"SPORTELLO_PROXIES" help:"networks of reverse proxies in front, such as 10.0.0.0/8, separated by commas: their X-Forwarded-For tells who asks, for the limits on tries"`
	TLS       string         `env:"SPORTELLO_TLS" envDefault:"off" help:"off, self (a certificate of its own making, so that phones of the same network can join) or CERT,KEY (two PEM files)"`
	StateDir  string         `env:"SPORTELLO_STATE" envDefault:".dev" help:"folder of what is kept beside the databases: the self-made certificate"`

	MediaPort      int          `env:"SPORTELLO_MEDIA_PORT" envDefault:"7882" help:"the one UDP port of all audio, video and files; 0: any free one"`
	MediaTCPPort   string       `env:"SPORTELLO_MEDIA_TCP_PORT" help:"TCP port of the same media for browsers whose network lets no UDP out (ICE-TCP); one whatever SPORTELLO_MEDIA_LOOPS; empty: the number of SPORTELLO_MEDIA_PORT; off: none; 0: any free one"`
	MediaLoops     int          `env:"SPORTELLO_MEDIA_LOOPS" envDefault:"1" help:"processor cores that forward media, each on a UDP port of its own, from SPORTELLO_MEDIA_PORT upwards; one carries well over sixty calls of two at once; 0: all cores"`
	MediaAddresses []netip.Addr `env:"SPORTELLO_MEDIA_ADDRESSES" help:"addresses at which browsers reach the media port, separated by commas; empty: those of this machine's interfaces"`
	VideoCodecs    []string     `env:"SPORTELLO_VIDEO_CODECS" envDefault:"vp8" help:"how pictures may be packed, the preferred first, separated by commas: vp8, h264, vp9, av1; a room takes the first that all in it can show, and vp8 is always one; vp9 and av1 look better on narrow lines and cost the computers of citizens more"`
	TurnPort       string       `env:"SPORTELLO_TURN_PORT" envDefault:"off" help:"port (UDP and TCP, often 3478) of the relay for browsers whose network lets no UDP out to the media port; with SPORTELLO_TLS also TLS on the same port; off: none; 0: any free one"`

	PrivateAddr string `env:"SPORTELLO_PRIVATE_ADDR" help:"where to serve metrics (/metrics, for Prometheus) and profiles (/debug/pprof/), without a login: :9464 means 127.0.0.1:9464, other hosts must be written out; empty: not served"`

	RoomLimit  int           `env:"SPORTELLO_ROOM_LIMIT" envDefault:"6" help:"most people in one room"`
	FileLimit  int64         `env:"SPORTELLO_FILE_LIMIT" envDefault:"104857600" help:"largest file that can be handed over, in bytes"`
	JoinBefore time.Duration `env:"SPORTELLO_JOIN_BEFORE" envDefault:"10m" help:"a room opens so long before its appointment"`
	JoinAfter  time.Duration `env:"SPORTELLO_JOIN_AFTER" envDefault:"15m" help:"a room stays open so long after its appointment"`
	Hold       time.Duration `env:"SPORTELLO_HOLD" envDefault:"10m" help:"a slot is held so long while its details are typed"`
	HoldRate   int           `env:"SPORTELLO_HOLD_RATE" envDefault:"10" help:"slots that one address may hold in ten minutes before its browser must do a proof of work"`

	SMTPURL      string `env:"SPORTELLO_SMTP_URL" help:"mail server for the messages to citizens, as smtp://user:password@host:587 or smtps://…; empty: no mail is sent (dev shows it to the administrator)"`
	MailFrom     string `env:"SPORTELLO_MAIL_FROM" help:"sender of the mails, such as Comune di Pinerolo <sportello@comune.example>"`
	SMSURL       string `env:"SPORTELLO_SMS_URL" help:"gateway that text messages are POSTed to, for citizens with a phone and no e-mail; empty: none are sent"`
	SMSHeader    string `env:"SPORTELLO_SMS_HEADER" help:"a header for the gateway, such as Authorization: Bearer KEY"`
	SMSBody      string `env:"SPORTELLO_SMS_BODY" help:"template of the JSON that the gateway gets; empty: {\"to\":{{json .To}},\"text\":{{json .Body}}}"`
	ReminderHour int    `env:"SPORTELLO_REMINDER_HOUR" envDefault:"10" help:"hour of the day before (0 to 23) at which a reminder is sent"`

	RetentionDays int `env:"SPORTELLO_RETENTION_DAYS" envDefault:"30" help:"so many days after an appointment, name, contacts and notes are removed; the rest is kept for statistics"`
	AuditDays     int `env:"SPORTELLO_AUDIT_DAYS" envDefault:"365" help:"the record of what the staff did is kept for so many days"`

	StartWait time.Duration `env:"SPORTELLO_START_WAIT" envDefault:"2m" help:"how long a start waits for PostgreSQL and Redis before it gives up"`
	Log       string        `env:"SPORTELLO_LOG" envDefault:"json" help:"json or text; dev writes text"`

	now func() time.Time // of development, which may live on another day (dev -now); nil: as it is
}

// minSecret is the least length of SPORTELLO_SECRET, in bytes.
const minSecret = 32

// environ is the process's environment as a map.
func environ() map[string]string { return env.ToMap(os.Environ()) }

// loadSettings reads and checks the settings. An error names every variable
// that is wrong.
func loadSettings(vars map[string]string) (settings, error) {
	var s settings
	if err := env.ParseWithOptions(&s, env.Options{Environment: vars}); err != nil {
		return s, fmt.Errorf("settings: %w", err)
	}
	if err := s.check(); err != nil {
		return s, fmt.Errorf("settings:\n%w", err)
	}
	return s, nil
}

// mediaLoops is how many loops forward media.
func (s settings) mediaLoops() int {
	if s.MediaLoops == 0 {
		return min(runtime.NumCPU(), 256)
	}
	return s.MediaLoops
}

// mediaPorts names the ports of media, as 7882 or 7882 to 7885.
func (s settings) mediaPorts() string {
	if n := s.mediaLoops(); n > 1 {
		return fmt.Sprintf("%d to %d", s.MediaPort, s.MediaPort+n-1)
	}
	return strconv.Itoa(s.MediaPort)
}

// mediaTCPPort is the port of media over TCP, as sfu.Config has it.
func (s settings) mediaTCPPort() (int, error) {
	switch s.MediaTCPPort {
	case "":
		return s.MediaPort, nil
	case portOff:
		return -1, nil
	}
	n, err := strconv.ParseUint(s.MediaTCPPort, 10, 16)
	if err != nil {
		return 0, fmt.Errorf("%q is neither off nor a port", s.MediaTCPPort)
	}
	return int(n), nil
}

func (s settings) check() error {
	var wrong []error
	bad := func(name, format string, args ...any) {
		wrong = append(wrong, fmt.Errorf("  %s: %s", name, fmt.Sprintf(format, args...)))
	}
	if s.Addr != "" {
		if _, port, err := net.SplitHostPort(s.Addr); err != nil || port == "" {
			bad("SPORTELLO_ADDR", "%q is no address to listen on: use HOST:PORT or :PORT", s.Addr)
		}
	}
	if s.PrivateAddr != "" {
		if _, err := privateAddr(s.PrivateAddr); err != nil {
			bad("SPORTELLO_PRIVATE_ADDR", "%q is no address to listen on: use :PORT for this machine alone, or HOST:PORT", s.PrivateAddr)
		}
	}
	if s.PublicURL != "" {
		u, err := url.Parse(s.PublicURL)
		if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || strings.Trim(u.Path, "/") != "" {
			bad("SPORTELLO_PUBLIC_URL", "%q must be http://HOST or https://HOST, without a path", s.PublicURL)
		}
	}
	if s.Secret != "" && len(s.Secret) < minSecret {
		bad("SPORTELLO_SECRET", "has %d characters, %d are needed (openssl rand -base64 32 makes one)", len(s.Secret), minSecret)
	}
	if _, err := s.certificate(); err != nil {
		bad("SPORTELLO_TLS", "%v", err)
	}
	if s.MediaPort < 0 || s.MediaPort > 65535 {
		bad("SPORTELLO_MEDIA_PORT", "%d is no port", s.MediaPort)
	}
	if err := sfu.CheckCodecs(s.VideoCodecs); err != nil {
		bad("SPORTELLO_VIDEO_CODECS", "%v", err)
	}
	if _, err := s.mediaTCPPort(); err != nil {
		bad("SPORTELLO_MEDIA_TCP_PORT", "%v", err)
	}
	if s.MediaLoops < 0 || s.MediaLoops > 256 {
		bad("SPORTELLO_MEDIA_LOOPS", "%d is not between 0 and 256", s.MediaLoops)
	} else if s.MediaPort >= 0 && s.MediaPort <= 65535 && s.MediaPort+s.mediaLoops()-1 > 65535 {
		bad("SPORTELLO_MEDIA_LOOPS", "there are no %d ports from %d upwards", s.mediaLoops(), s.MediaPort)
	}
	if _, _, err := s.turnPort(); err != nil {
		bad("SPORTELLO_TURN_PORT", "%v", err)
	}
	if s.RoomLimit < 2 || s.RoomLimit > 16 {
		bad("SPORTELLO_ROOM_LIMIT", "%d is not between 2 and 16", s.RoomLimit)
	}
	if s.HoldRate < 1 {
		bad("SPORTELLO_HOLD_RATE", "%d is no number of slots", s.HoldRate)
	}
	if s.FileLimit < 1 {
		bad("SPORTELLO_FILE_LIMIT", "%d is no number of bytes", s.FileLimit)
	}
	for _, d := range []struct {
		name  string
		value time.Duration
	}{
		{"SPORTELLO_JOIN_BEFORE", s.JoinBefore},
		{"SPORTELLO_JOIN_AFTER", s.JoinAfter},
		{"SPORTELLO_HOLD", s.Hold},
		{"SPORTELLO_START_WAIT", s.StartWait},
	} {
		if d.value <= 0 {
			bad(d.name, "%v must be longer than nothing", d.value)
		}
	}
	if _, err := openOutlets(s, false); err != nil {
		wrong = append(wrong, fmt.Errorf("  %w", err))
	}
	if s.ReminderHour < 0 || s.ReminderHour > 23 {
		bad("SPORTELLO_REMINDER_HOUR", "%d is no hour of a day", s.ReminderHour)
	}
	for name, days := range map[string]int{"SPORTELLO_RETENTION_DAYS": s.RetentionDays, "SPORTELLO_AUDIT_DAYS": s.AuditDays} {
		if days < 1 || days > 3650 {
			bad(name, "%d is not between 1 and 3650 days", days)
		}
	}
	if s.Log != "json" && s.Log != "text" {
		bad("SPORTELLO_LOG", "%q is neither json nor text", s.Log)
	}
	return errors.Join(wrong...)
}

// complete checks what serve cannot make up for itself.
func (s settings) complete() error {
	var missing []error
	for _, need := range []struct{ name, value, why string }{
		{"DATABASE_URL", s.DatabaseURL, "where PostgreSQL is"},
		{"REDIS_URL", s.RedisURL, "where Redis is"},
		{"SPORTELLO_PUBLIC_URL", s.PublicURL, "the address that citizens open"},
		{"SPORTELLO_SECRET", s.Secret, "keys the appointments' codes (openssl rand -base64 32 makes one)"},
	} {
		if need.value == "" {
			missing = append(missing, fmt.Errorf("  %s is not set: %s", need.name, need.why))
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("settings:\n%w\nTo try the counter without any, use: sportello dev", errors.Join(missing...))
	}
	return nil
}

// certificate tells what SPORTELLO_TLS asks for.
func (s settings) certificate() (certificateSource, error) {
	switch s.TLS {
	case "", "off":
		return certificateSource{}, nil
	case "self":
		return certificateSource{self: true}, nil
	}
	cert, key, ok := strings.Cut(s.TLS, ",")
	if !ok || cert == "" || key == "" {
		return certificateSource{}, fmt.Errorf("%q is neither off, nor self, nor CERT,KEY", s.TLS)
	}
	return certificateSource{cert: cert, key: key}, nil
}

// key derives a key of its own for each use of the one secret.
func (s settings) key(purpose string) []byte {
	mac := hmac.New(sha256.New, []byte(s.Secret))
	mac.Write([]byte(purpose))
	return mac.Sum(nil)
}

func (s settings) logger(w io.Writer) *slog.Logger {
	if s.Log == "text" {
		return slog.New(slog.NewTextHandler(w, nil))
	}
	return slog.New(slog.NewJSONHandler(w, nil))
}

// documentSettings writes the table of the settings, from their tags.
func documentSettings(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for field := range reflect.TypeFor[settings]().Fields() {
		if !field.IsExported() {
			continue
		}
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s\n", field.Tag.Get("env"), field.Tag.Get("envDefault"), field.Tag.Get("help"))
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("write the settings: %w", err)
	}
	return nil
}
