package sfu

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"sync"

	"github.com/pion/dtls/v3"
	"github.com/pion/dtls/v3/pkg/crypto/prf"
	"github.com/pion/dtls/v3/pkg/protocol/extension"
	"github.com/pion/dtls/v3/pkg/protocol/handshake"
	"github.com/pion/srtp/v3"
)

var errNoSecret = errors.New("sfu: the handshake left no DTLS 1.2 secret")

// keyring gathers what a DTLS 1.2 handshake says on its way, since pion's
// transport does not hand out its keys: the client's random and the master
// secret from the key log, the server's random, cipher suite and SRTP profile
// from the ServerHello. The SFU is always the DTLS server.
type keyring struct {
	mu             sync.Mutex
	master         []byte
	client, server []byte
	suite          dtls.CipherSuiteID
	profile        dtls.SRTPProtectionProfile
}

// Write takes a line of the NSS key log format: "CLIENT_RANDOM <hex> <hex>".
func (k *keyring) Write(line []byte) (int, error) {
	f := bytes.Fields(line)
	if len(f) != 3 || string(f[0]) != "CLIENT_RANDOM" {
		return len(line), nil
	}
	client, master := make([]byte, hex.DecodedLen(len(f[1]))), make([]byte, hex.DecodedLen(len(f[2])))
	if _, err := hex.Decode(client, f[1]); err != nil {
		return 0, errNoSecret
	}
	if _, err := hex.Decode(master, f[2]); err != nil {
		return 0, errNoSecret
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	clear(k.master)
	k.client, k.master = client, master
	return len(line), nil
}

func (k *keyring) serverHello(m handshake.MessageServerHello) handshake.Message {
	random := m.Random.MarshalFixed()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.server = bytes.Clone(random[:])
	k.suite, k.profile = 0, 0
	if m.CipherSuiteID != nil {
		k.suite = dtls.CipherSuiteID(*m.CipherSuiteID)
	}
	for _, e := range m.Extensions {
		if u, ok := e.(*extension.UseSRTP); ok && len(u.ProtectionProfiles) == 1 {
			k.profile = u.ProtectionProfiles[0]
		}
	}
	return &m
}

// ExportKeyingMaterial is the exporter of RFC 5705, without a context. The
// caller holds the lock.
func (k *keyring) ExportKeyingMaterial(label string, _ []byte, n int) ([]byte, error) {
	if len(k.master) == 0 || len(k.client) == 0 || len(k.server) == 0 {
		return nil, errNoSecret
	}
	seed := append(append([]byte(label), k.client...), k.server...)
	return prf.PHash(k.master, seed, n, prfHash(k.suite))
}

func prfHash(s dtls.CipherSuiteID) func() hash.Hash {
	switch s {
	case dtls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, dtls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384:
		return sha512.New384
	default: // RFC 5246, section 5
		return sha256.New
	}
}

// contexts derives the two SRTP contexts and wipes the secret. To be called
// once the connection is connected and not before: the key log comes ahead of
// the check of the certificate's fingerprint.
func (k *keyring) contexts() (in, out *srtp.Context, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	defer func() {
		clear(k.master)
		k.master = nil
	}()
	c := &srtp.Config{Profile: srtp.ProtectionProfile(k.profile)}
	if err := c.ExtractSessionKeysFromDTLS(k, false); err != nil {
		return nil, nil, fmt.Errorf("derive SRTP keys: %w", err)
	}
	in, err = srtp.CreateContext(c.Keys.RemoteMasterKey, c.Keys.RemoteMasterSalt, c.Profile,
		srtp.SRTPReplayProtection(ringHigh), srtp.SRTCPReplayProtection(64))
	if err != nil {
		return nil, nil, fmt.Errorf("incoming SRTP: %w", err)
	}
	out, err = srtp.CreateContext(c.Keys.LocalMasterKey, c.Keys.LocalMasterSalt, c.Profile)
	if err != nil {
		return nil, nil, fmt.Errorf("outgoing SRTP: %w", err)
	}
	return in, out, nil
}
