package main

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"sportello/sfu"
)

// plain forwards as pion/webrtc's own examples do: OnTrack, ReadRTP, and
// WriteRTP on a local track of each viewer. It takes the same offers and fills
// the same slots as our server; of a camera with two layers it forwards the
// higher.
type plain struct {
	api   *webrtc.API
	count atomic.Uint64

	mu    sync.Mutex
	rooms map[string][]*plainPeer
	all   []*webrtc.PeerConnection
	wg    sync.WaitGroup
}

type plainPeer struct {
	pc    *webrtc.PeerConnection
	mids  map[string]int                   // of what it sends: 0 microphone, 1 camera
	slots [][3]*webrtc.TrackLocalStaticRTP // the third, a screen, stays idle
	// who gets its microphone and its camera; never changed in place
	viewers [2]atomic.Pointer[[]*webrtc.TrackLocalStaticRTP]
	camera  atomic.Uint32 // SSRC
}

func newPlain(stock bool) (*plain, error) {
	m, err := codecs(true)
	if err != nil {
		return nil, err
	}
	chain := &interceptor.Registry{}
	if stock {
		if err := webrtc.RegisterDefaultInterceptors(m, chain); err != nil {
			return nil, err
		}
	}
	var s webrtc.SettingEngine
	onLoopback(&s)
	return &plain{
		api:   webrtc.NewAPI(webrtc.WithMediaEngine(m), webrtc.WithSettingEngine(s), webrtc.WithInterceptorRegistry(chain)),
		rooms: map[string][]*plainPeer{},
	}, nil
}

func (f *plain) join(room, _ string, o sfu.Offer) (string, error) {
	pc, err := f.api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return "", err
	}
	f.mu.Lock()
	f.all = append(f.all, pc)
	f.mu.Unlock()
	p := &plainPeer{pc: pc, mids: map[string]int{o.Send.Microphone: 0, o.Send.Camera: 1}}
	for i := range p.viewers {
		p.viewers[i].Store(new([]*webrtc.TrackLocalStaticRTP))
	}
	pc.OnTrack(func(t *webrtc.TrackRemote, r *webrtc.RTPReceiver) { f.forward(p, t, r) })
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: o.SDP}); err != nil {
		return "", err
	}
	if err := f.addSlots(p, o.Receive); err != nil {
		return "", err
	}
	f.enter(room, p)
	pc.OnConnectionStateChange(func(st webrtc.PeerConnectionState) {
		if st == webrtc.PeerConnectionStateConnected {
			f.askAll(room)
		}
	})
	answer, err := pc.CreateAnswer(nil)
	if err != nil {
		return "", err
	}
	gathered := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(answer); err != nil {
		return "", err
	}
	<-gathered
	return pc.LocalDescription().SDP, nil
}

func (f *plain) addSlots(p *plainPeer, slots []sfu.SlotSections) error {
	want := map[string]*webrtc.TrackLocalStaticRTP{}
	for i, s := range slots {
		var section [3]*webrtc.TrackLocalStaticRTP
		for k, mid := range []string{s.Audio, s.Camera, s.Screen} {
			mime := []string{webrtc.MimeTypeOpus, webrtc.MimeTypeVP8, webrtc.MimeTypeVP8}[k]
			t, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: mime}, "section"+mid, fmt.Sprint("slot", i))
			if err != nil {
				return err
			}
			section[k], want[mid] = t, t
		}
		p.slots = append(p.slots, section)
	}
	for _, tr := range p.pc.GetTransceivers() {
		t := want[tr.Mid()]
		if t == nil {
			continue
		}
		sender, err := p.pc.AddTrack(t)
		if err != nil {
			return err
		}
		if tr.Sender() != sender {
			return fmt.Errorf("section %q cannot be sent on", tr.Mid())
		}
		f.wg.Go(func() { // the interceptors hear RTCP only where it is read
			buf := make([]byte, 1500)
			for {
				if _, _, err := sender.Read(buf); err != nil {
					return
				}
			}
		})
	}
	return nil
}

// enter shows everybody of the room to everybody else.
func (f *plain) enter(room string, p *plainPeer) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, o := range f.rooms[room] {
		for _, pair := range [][2]*plainPeer{{p, o}, {o, p}} {
			to, from := pair[0], pair[1]
			if len(to.slots) == 0 {
				continue
			}
			slot := to.slots[0]
			to.slots = to.slots[1:]
			for k := range from.viewers {
				all := append(slices.Clone(*from.viewers[k].Load()), slot[k])
				from.viewers[k].Store(&all)
			}
		}
	}
	f.rooms[room] = append(f.rooms[room], p)
}

// askAll wants keyframes for who has just come.
func (f *plain) askAll(room string) {
	f.mu.Lock()
	all := slices.Clone(f.rooms[room])
	f.mu.Unlock()
	for _, p := range all {
		if ssrc := p.camera.Load(); ssrc != 0 {
			_ = p.pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: ssrc}})
		}
	}
}

func (f *plain) forward(p *plainPeer, t *webrtc.TrackRemote, r *webrtc.RTPReceiver) {
	kind, ok := p.mids[r.RTPTransceiver().Mid()]
	if !ok {
		return
	}
	shown := t.RID() != "l"
	if kind == 1 && shown {
		p.camera.Store(uint32(t.SSRC()))
		_ = p.pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: uint32(t.SSRC())}})
	}
	for {
		pkt, _, err := t.ReadRTP()
		if err != nil {
			return
		}
		if !shown {
			continue
		}
		for _, v := range *p.viewers[kind].Load() {
			if v.WriteRTP(pkt) == nil {
				f.count.Add(1)
			}
		}
	}
}

func (f *plain) forwarded() uint64 { return f.count.Load() }
func (f *plain) addr() string      { return "" }

func (f *plain) close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var errs []error
	for _, pc := range f.all {
		errs = append(errs, pc.Close())
	}
	f.wg.Wait()
	return errors.Join(errs...)
}
