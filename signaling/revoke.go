package signaling

import (
	"context"
	"time"

	"sportello/booking/token"
	"sportello/signaling/protocol"
)

// heedRevocations ends the sessions whose grant is taken back. It hears of
// that over Redis; after a time without Redis it asks after every live grant,
// since nobody says again what was not heard.
func (s *Server) heedRevocations(ctx context.Context) {
	told := s.cfg.Tokens.Watch(ctx)
	retry := time.NewTimer(0)
	retry.Stop()
	defer retry.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case h, ok := <-told:
			if !ok {
				return
			}
			if h != (token.Hash{}) {
				s.revoke(h)
				continue
			}
		case <-retry.C:
		}
		if err := s.revokeUnheard(ctx); err != nil && ctx.Err() == nil {
			s.cfg.Logger.WarnContext(ctx, "ask whether grants were taken back", "err", err)
			retry.Reset(s.cfg.RevokedRetry)
		}
	}
}

// revoke ends what the bearers of a grant have, in the room and before it.
func (s *Server) revoke(h token.Hash) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revoked[h] = s.cfg.Now()
	for _, x := range s.sessions {
		if x.hash == h {
			delete(x.room.admitted, x.grant.Identity)
			x.log.Info("the grant was taken back")
			s.end(x, protocol.Ended{Reason: protocol.EndCancelled})
		}
	}
}

func (s *Server) revokeUnheard(ctx context.Context) error {
	s.mu.Lock()
	live := map[token.Hash]bool{}
	for _, x := range s.sessions {
		live[x.hash] = true
	}
	s.mu.Unlock()
	for h := range live {
		qctx, cancel := context.WithTimeout(ctx, s.cfg.TokenTimeout)
		gone, err := s.cfg.Tokens.Revoked(qctx, h)
		cancel()
		if err != nil {
			return err
		}
		if gone {
			s.revoke(h)
		}
	}
	return nil
}

// forgetRevocations lets go of those that no join under way can have missed.
func (s *Server) forgetRevocations(now time.Time) {
	for h, at := range s.revoked {
		if now.Sub(at) > 2*s.cfg.TokenTimeout {
			delete(s.revoked, h)
		}
	}
}
