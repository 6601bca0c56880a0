package sfu

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/dtls/v3/pkg/crypto/selfsign"
	"github.com/pion/webrtc/v4"
)

// What the keyring derives must be what pion/dtls itself exports, for each
// cipher suite and SRTP profile: it guards upgrades of pion.
func TestKeyringEqualsExporter(t *testing.T) {
	cert, err := selfsign.GenerateSelfSigned()
	if err != nil {
		t.Fatal(err)
	}
	for _, suite := range []dtls.CipherSuiteID{
		dtls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
		dtls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
		dtls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
		dtls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA,
		dtls.TLS_ECDHE_ECDSA_WITH_AES_128_CCM,
	} {
		for _, profile := range []dtls.SRTPProtectionProfile{
			dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AEAD_AES_256_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80,
		} {
			t.Run(fmt.Sprintf("%v/%v", suite, profile), func(t *testing.T) {
				compareKeys(t, cert, suite, profile)
			})
		}
	}
}

func compareKeys(t *testing.T, cert tls.Certificate, suite dtls.CipherSuiteID, profile dtls.SRTPProtectionProfile) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var k keyring
	var lc net.ListenConfig
	a, err := lc.ListenPacket(ctx, "udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b, err := lc.ListenPacket(ctx, "udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server, err := dtls.ServerWithOptions(a, b.LocalAddr(), dtls.WithCertificates(cert), dtls.WithCipherSuites(suite),
		dtls.WithSRTPProtectionProfiles(profile), dtls.WithKeyLogWriter(&k), dtls.WithServerHelloMessageHook(k.serverHello))
	if err != nil {
		t.Fatal(err)
	}
	client, err := dtls.ClientWithOptions(b, a.LocalAddr(), dtls.WithCertificates(cert), dtls.WithCipherSuites(suite),
		dtls.WithSRTPProtectionProfiles(profile), dtls.WithInsecureSkipVerify(true))
	if err != nil {
		t.Fatal(err)
	}
	shaken := make(chan error, 1)
	go func() { shaken <- client.HandshakeContext(ctx) }()
	if err := errors.Join(server.HandshakeContext(ctx), <-shaken); err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = client.Close(), server.Close() }()
	st, ok := server.ConnectionState()
	if !ok {
		t.Fatal("no connection state")
	}
	const label, n = "EXTRACTOR-dtls_srtp", 88
	want, err := st.ExportKeyingMaterial(label, nil, n)
	if err != nil {
		t.Fatal(err)
	}
	got, err := k.ExportKeyingMaterial(label, nil, n)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) || k.profile != profile {
		t.Errorf("derived keys differ, or profile %v", k.profile)
	}
	if _, _, err := k.contexts(); err != nil {
		t.Error(err)
	}
	if k.master != nil {
		t.Error("the master secret was kept")
	}
	if _, _, err := k.contexts(); !errors.Is(err, errNoSecret) {
		t.Errorf("a second derivation: %v", err)
	}
}

// failing hears of a connection that cannot be used.
type failing struct {
	Observer
	connected, failed int
}

func (f *failing) Connected() { f.connected++ }
func (f *failing) Failed()    { f.failed++ }

// A connection whose keys cannot be had, as with another version of DTLS, is no
// connection: the page hears that it failed.
func TestNoKeysNoConnection(t *testing.T) {
	var heard failing
	p := &Peer{events: newMailbox(&heard), log: slog.New(slog.DiscardHandler)}
	p.connectionChanged(webrtc.PeerConnectionStateConnected)
	for _, f := range p.events.queue {
		f(p.events.o)
	}
	if heard.failed != 1 || heard.connected != 0 || p.keyed {
		t.Errorf("%d failed, %d connected", heard.failed, heard.connected)
	}
}
