package relay_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"
	"github.com/pion/webrtc/v4"

	"sportello/sfu"
	"sportello/sfu/relay"
	"sportello/sfu/sfutest"
)

const patience = 15 * time.Second

func loopback(port int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(port)) //nolint:gosec // a port
}

func open(t *testing.T, cfg relay.Config) *relay.Server {
	t.Helper()
	cfg.Host = "127.0.0.1"
	s, err := relay.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if n := s.Stats().Allocations; n != 0 {
			t.Errorf("%d allocations are left", n)
		}
	})
	return s
}

func issue(t *testing.T, s *relay.Server) relay.Credentials {
	t.Helper()
	c, err := s.Issue()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// client is a TURN client over UDP.
func client(t *testing.T, s *relay.Server, c relay.Credentials) *turn.Client {
	t.Helper()
	var lc net.ListenConfig
	conn, err := lc.ListenPacket(t.Context(), "udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := fmt.Sprintf("127.0.0.1:%d", s.Port())
	cl, err := turn.NewClient(&turn.ClientConfig{
		Conn: conn, STUNServerAddr: at, TURNServerAddr: at, Username: c.Username, Password: c.Password,
		Realm: "sportello", LoggerFactory: sfutest.NoLogs(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cl.Close()
		_ = conn.Close()
	})
	if err := cl.Listen(); err != nil {
		t.Fatal(err)
	}
	return cl
}

// echo stands for the media server.
func echo(t *testing.T) net.PacketConn {
	t.Helper()
	var lc net.ListenConfig
	c, err := lc.ListenPacket(t.Context(), "udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		b := make([]byte, 1500)
		for {
			n, from, err := c.ReadFrom(b)
			if err != nil {
				return
			}
			_, _ = c.WriteTo(b[:n], from)
		}
	}()
	t.Cleanup(func() {
		_ = c.Close()
		<-done
	})
	return c
}

func portOf(c net.PacketConn) int { return c.LocalAddr().(*net.UDPAddr).Port } //nolint:forcetypeassert // UDP

func TestOnlyTheMediaPortIsReached(t *testing.T) {
	media := echo(t)
	s := open(t, relay.Config{Media: []netip.AddrPort{loopback(portOf(media))}})
	c := issue(t, s)
	s.Admit(c.ID, "ada", time.Now().Add(time.Hour))
	cl := client(t, s, c)
	conn, err := cl.Allocate()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // the test is over
	for _, other := range []string{"10.0.0.1", "192.168.1.1", "169.254.169.254", "127.0.0.2", "0.0.0.0", "8.8.8.8", "224.0.0.1"} {
		if err := cl.CreatePermission(&net.UDPAddr{IP: net.ParseIP(other), Port: portOf(media)}); err == nil {
			t.Errorf("%s: permitted", other)
		}
	}
	// Another port of the permitted address: the permission is there, the
	// packet is not.
	var lc net.ListenConfig
	secret, err := lc.ListenPacket(t.Context(), "udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer secret.Close() //nolint:errcheck // the test is over
	if _, err := conn.WriteTo([]byte("stray"), secret.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.WriteTo([]byte("media"), media.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 100)
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	n, from, err := conn.ReadFrom(b)
	if err != nil || string(b[:n]) != "media" || from.String() != media.LocalAddr().String() {
		t.Fatalf("%q from %v: %v", b[:n], from, err)
	}
	// The stray one was first: had it been sent, it would be here.
	if err := secret.SetReadDeadline(time.Now().Add(10 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n, _, err := secret.ReadFrom(b); err == nil {
		t.Errorf("%q reached another port", b[:n])
	}
	if st := s.Stats(); st.Stray != 1 || st.Refused == 0 || st.Allocations != 1 {
		t.Errorf("%+v", st)
	}
}

func TestAnnouncedAddressIsReachedOnLoopback(t *testing.T) {
	media := echo(t)
	public := netip.AddrPortFrom(netip.MustParseAddr("203.0.113.7"), uint16(portOf(media))) //nolint:gosec // a port
	s := open(t, relay.Config{Media: []netip.AddrPort{public}})
	c := issue(t, s)
	s.Admit(c.ID, "ada", time.Now().Add(time.Hour))
	cl := client(t, s, c)
	conn, err := cl.Allocate()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // the test is over
	if _, err := conn.WriteTo([]byte("media"), net.UDPAddrFromAddrPort(public)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 100)
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if n, from, err := conn.ReadFrom(b); err != nil || string(b[:n]) != "media" || from.String() != public.String() {
		t.Errorf("%q from %v: %v", b[:n], from, err)
	}
	if err := cl.CreatePermission(&net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: portOf(media)}); err == nil {
		t.Error("loopback itself is permitted")
	}

	// The media server can tell both addresses of the socket, for as long as there is one.
	given := netip.MustParseAddrPort(conn.LocalAddr().String())
	local := loopback(int(given.Port()))
	if given.Addr() != public.Addr() {
		t.Fatalf("the browser is given %v", given)
	}
	both := func() (shown, bound netip.AddrPort, known bool) {
		shown, known = s.Shown(local)
		bound, too := s.Local(given)
		if known != too {
			t.Errorf("one way %v, the other way %v", known, too)
		}
		return shown, bound, known
	}
	if shown, bound, known := both(); !known || shown != given || bound != local {
		t.Errorf("%v is shown as %v, %v bound to %v, %v", local, shown, given, bound, known)
	}
	for _, other := range []string{"203.0.113.7:1", "203.0.113.8:" + strconv.Itoa(int(given.Port())), "[2001:db8::1]:1"} {
		if a, ok := s.Local(netip.MustParseAddrPort(other)); ok {
			t.Errorf("%s is taken for %v", other, a)
		}
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	for ctx := t.Context(); ; {
		if _, _, known := both(); !known {
			break
		}
		select {
		case <-time.After(10 * time.Millisecond): // the pause between two looks
		case <-ctx.Done():
			t.Fatal("a socket that is gone is known")
		}
	}
}

func TestOnlyWhoIsAdmittedAllocates(t *testing.T) {
	media := echo(t)
	var offset atomic.Int64
	s := open(t, relay.Config{
		Media: []netip.AddrPort{loopback(portOf(media))}, PerUser: 2,
		Now: func() time.Time { return time.Now().Add(time.Duration(offset.Load())) },
	})
	early := issue(t, s)
	if _, err := client(t, s, early).Allocate(); err == nil {
		t.Error("before the admission")
	}
	s.Admit(early.ID, "ada", time.Now().Add(time.Hour))
	if _, err := client(t, s, early).Allocate(); err != nil {
		t.Errorf("after the admission: %v", err)
	}
	second := issue(t, s)
	s.Admit(second.ID, "ada", time.Now().Add(time.Hour))
	if _, err := client(t, s, second).Allocate(); err != nil {
		t.Errorf("with other credentials: %v", err)
	}
	if _, err := client(t, s, second).Allocate(); err == nil || !strings.Contains(err.Error(), "486") {
		t.Errorf("a third of two: %v", err)
	}
	other := issue(t, s)
	s.Admit(other.ID, "bruno", time.Now().Add(time.Hour))
	bruno := client(t, s, other)
	conn, err := bruno.Allocate()
	if err != nil {
		t.Errorf("another person: %v", err)
	} else if err := conn.Close(); err != nil {
		t.Error(err)
	}
	offset.Store(int64(2 * time.Hour))
	if _, err := client(t, s, other).Allocate(); err == nil {
		t.Error("with expired credentials")
	}
	offset.Store(0)
	for name, c := range map[string]relay.Credentials{
		"wrong password": {Username: other.Username, Password: "x"},
		"made up":        {Username: "99999999999:x", Password: "x"},
		"longer":         {Username: "9" + other.Username, Password: other.Password},
		"no time":        {Username: other.ID, Password: other.Password},
		"none":           {},
	} {
		if _, err := client(t, s, c).Allocate(); err == nil {
			t.Errorf("%s: allocated", name)
		}
	}
	// A secret of its own: nobody else can make credentials.
	user, password, err := turn.GenerateLongTermTURNRESTCredentials("guess", other.ID, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client(t, s, relay.Credentials{Username: user, Password: password}).Allocate(); err == nil {
		t.Error("with another secret")
	}
}

func certificate(t *testing.T) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}
}

// Two people who may use the relay alone meet, over each of its transports; and
// where the media server is known by an address that is not the machine's own.
func TestCallThroughTheRelay(t *testing.T) {
	for name, announced := range map[string]string{"udp": "127.0.0.1", "tcp": "127.0.0.1", "tls": "127.0.0.1", "udp behind NAT": "203.0.113.7"} {
		t.Run(name, func(t *testing.T) {
			media, err := sfu.New(sfu.Config{Announce: sfutest.Addrs(announced), Loops: 2})
			if err != nil {
				t.Fatal(err)
			}
			// With somebody on the first loop, the call is on the second port.
			if _, err := media.Join("another", "carla", sfutest.NewObserver()); err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := media.Close(); err != nil {
					t.Error(err)
				}
				if n := media.Stats().Blocked; n != 0 {
					t.Errorf("%d blocked", n)
				}
			}()
			s := open(t, relay.Config{Media: media.Addresses(), TLS: certificate(t)})
			media.Behind(s)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			far := relayed(ctx, t, media, s, "ada", name[:3])
			near := relayed(ctx, t, media, s, "bruno", name[:3])
			streaming, stop := context.WithCancel(ctx)
			sent := make(chan error, 1)
			go func() { sent <- far.Stream(streaming, 7, "l", "h") }()
			defer func() {
				stop()
				if err := <-sent; err != nil {
					t.Logf("stream: %v", err) // the connection may be closed before it
				}
			}()
			var audio, video bool
			for !audio || !video {
				select {
				case m := <-near.Media:
					audio, video = audio || m.Source == sfu.Microphone, video || m.Source == sfu.Camera
				case <-ctx.Done():
					t.Fatalf("audio %v, video %v", audio, video)
				}
			}
			for _, c := range []*sfutest.Client{far, near} {
				pair, err := c.PC.SCTP().Transport().ICETransport().GetSelectedCandidatePair()
				if err != nil || pair == nil || pair.Local.Typ != webrtc.ICECandidateTypeRelay {
					t.Errorf("selected %v: %v", pair, err)
				}
			}
			if n := s.Stats().Allocations; n < 2 {
				t.Errorf("%d allocations", n)
			}
		})
	}
}

// TestCheckIsAnsweredWithTheGivenAddress: a browser on the relay is seen, by ICE, at
// the address that it was given, not at the one where the relay's socket is bound.
func TestCheckIsAnsweredWithTheGivenAddress(t *testing.T) {
	media, err := sfu.New(sfu.Config{Announce: sfutest.Addrs("203.0.113.7")})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := media.Close(); err != nil {
			t.Error(err)
		}
	}()
	s := open(t, relay.Config{Media: media.Addresses()})
	media.Behind(s)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ada := relayed(ctx, t, media, s, "ada", "udp")

	c := issue(t, s)
	s.Admit(c.ID, "ada", time.Now().Add(time.Hour))
	conn, err := client(t, s, c).Allocate()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // the test is over
	check, err := ada.Check()
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.WriteTo(check.Raw, net.UDPAddrFromAddrPort(media.Addresses()[0])); err != nil {
		t.Fatal(err)
	}
	answer := &stun.Message{Raw: make([]byte, 1500)}
	for answer.TransactionID != check.TransactionID { // the media server checks us, too
		n, _, err := conn.ReadFrom(answer.Raw[:cap(answer.Raw)])
		if err != nil {
			t.Fatal(err)
		}
		answer.Raw = answer.Raw[:n]
		if err := answer.Decode(); err != nil {
			t.Fatal(err)
		}
	}
	var seen stun.XORMappedAddress
	if err := seen.GetFrom(answer); err != nil {
		t.Fatalf("%v: %v", answer, err)
	}
	if seen.String() != conn.LocalAddr().String() {
		t.Errorf("seen at %v, given %v", seen, conn.LocalAddr())
	}
}

// relayed joins with a client that must use the relay.
func relayed(ctx context.Context, t *testing.T, media *sfu.SFU, s *relay.Server, name, transport string) *sfutest.Client {
	t.Helper()
	c := issue(t, s)
	s.Admit(c.ID, name, time.Now().Add(time.Hour))
	p, err := media.Join("room", name, sfutest.NewObserver())
	if err != nil {
		t.Fatal(err)
	}
	url := fmt.Sprintf("turn:127.0.0.1:%d?transport=%s", s.Port(), strings.ReplaceAll(transport, "tls", "tcp"))
	cl, err := sfutest.NewClient(sfutest.Options{
		Slots: 1,
		Setting: func(e *webrtc.SettingEngine) {
			e.LoggerFactory = sfutest.NoLogs()
			e.SetRelayAcceptanceMinWait(0) // nothing better will come
			if transport == "tls" {        // pion would want a certificate that the machine trusts
				e.SetICEProxyDialer(&tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}})
			}
		},
		Connection: webrtc.Configuration{
			ICETransportPolicy: webrtc.ICETransportPolicyRelay,
			ICEServers:         []webrtc.ICEServer{{URLs: []string{url}, Username: c.Username, Credential: c.Password}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Close()
		if err := cl.Close(); err != nil {
			t.Error(err)
		}
	})
	for src := sfu.Microphone; src <= sfu.ScreenAudio; src++ {
		p.SetPublishing(src, true)
	}
	if err := cl.Connect(ctx, p); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return cl
}

func TestConfigIsChecked(t *testing.T) {
	for name, media := range map[string][]netip.AddrPort{
		"none": nil, "two of a family": {loopback(1), netip.MustParseAddrPort("127.0.0.2:1")}, "no port": {loopback(0)}, "no address": {{}},
	} {
		if s, err := relay.New(relay.Config{Host: "127.0.0.1", Media: media}); err == nil {
			t.Errorf("%s: taken", name)
			_ = s.Close()
		}
	}
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()                       //nolint:errcheck // the test is over
	taken := l.Addr().(*net.TCPAddr).Port //nolint:forcetypeassert // TCP
	if s, err := relay.New(relay.Config{Host: "127.0.0.1", Port: taken, Media: []netip.AddrPort{loopback(1)}}); err == nil {
		t.Error("a taken port")
		_ = s.Close()
	} else if errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
}
