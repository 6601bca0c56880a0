package web

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"

	ics "github.com/arran4/golang-ical"

	"sportello/booking"
)

// feedEvery is how often calendar programs are asked to look again.
const feedEvery = 15 * time.Minute

// feed answers a calendar program with a desk's agenda (RFC 5545). Such
// programs send no headers of ours, so the secret stands in the path; the log
// has the route only, and the answer names nobody.
func (s *Server) feed(w http.ResponseWriter, r *http.Request) error {
	noStore(w)
	secret, ok := strings.CutSuffix(r.PathValue("feed"), ".ics")
	if !ok {
		return errNoPage
	}
	f, err := s.agenda.FeedBySecret(r.Context(), secret)
	if err != nil {
		return err
	}
	desk, office, err := s.deskByID(r.Context(), f.DeskID)
	if err != nil {
		return err
	}
	list, err := s.agenda.FeedAgenda(r.Context(), f)
	if err != nil {
		return err
	}
	body := []byte(s.feedText(s.lang(r), desk, office, list))
	sum := sha256.Sum256(body)
	tag := `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
	w.Header().Set("ETag", tag)
	w.Header().Set("Referrer-Policy", "no-referrer")
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	w.Header().Set("Content-Type", "text/calendar; charset=utf-8")
	writeBody(r, w, s.log, body)
	return nil
}

// feedText is the same for the same agenda: each event's stamp is when it last
// changed as far as is known, not now.
func (s *Server) feedText(l *Language, desk booking.Desk, office booking.Office, list []booking.Appointment) string {
	c := ics.NewCalendarFor("Sportello Virtuale")
	c.SetName(desk.Name + " – " + office.Name.In(l.Code))
	c.SetXWRCalName(desk.Name + " – " + office.Name.In(l.Code))
	every := "PT" + strconv.Itoa(Minutes(feedEvery)) + "M"
	c.SetRefreshInterval(every)
	c.SetXPublishedTTL(every)
	if len(list) == 0 {
		// A calendar has one component at least (RFC 5545, section 3.6), or some
		// programs take it for broken.
		utc := c.AddTimezone("Etc/UTC").AddStandard()
		utc.AddProperty(ics.ComponentPropertyDtStart, "19700101T000000")
		utc.AddProperty(ics.ComponentProperty(ics.PropertyTzoffsetfrom), "+0000")
		utc.AddProperty(ics.ComponentProperty(ics.PropertyTzoffsetto), "+0000")
	}
	for _, a := range list {
		e := c.AddEvent(a.ID.String() + "@" + s.public.Hostname())
		stamp := a.CreatedAt
		for _, t := range []time.Time{a.ArrivedAt, a.CalledAt, a.ClosedAt} {
			if t.After(stamp) {
				stamp = t
			}
		}
		e.SetDtStampTime(stamp)
		e.SetSequence(a.Version)
		e.SetStartAt(a.Start)
		e.SetEndAt(a.End)
		e.SetSummary(a.Service.Name.In(l.Code) + " (" + strings.ToLower(l.T("mode."+string(a.Mode))) + ")")
		e.SetClass(ics.ClassificationPrivate)
		e.SetStatus(ics.ObjectStatusConfirmed)
		if a.State == booking.Cancelled {
			e.SetStatus(ics.ObjectStatusCancelled)
			e.SetTimeTransparency(ics.TransparencyTransparent)
		}
	}
	return c.Serialize(ics.WithNewLineWindows)
}

// feedsView are a desk's links for calendar programs.
type feedsView struct {
	Office booking.Office
	Desk   booking.Desk
	Feeds  []booking.Feed
	Link   string // shown once, right after it was made
}

func feedsPath(desk int64) string { return adminPath + "/sportelli/" + idText(desk) + "/calendario" }

func (s *Server) adminFeeds(w http.ResponseWriter, r *http.Request, me *colleague) error {
	var v feedsView
	var err error
	if v.Desk, v.Office, err = s.adminDeskOf(r); err != nil {
		return err
	}
	if v.Feeds, err = s.agenda.Feeds(r.Context(), v.Desk.ID); err != nil {
		return err
	}
	for i := range v.Feeds {
		v.Feeds[i].CreatedAt = inZone(v.Feeds[i].CreatedAt, s.staff.zone)
	}
	if secret := s.passed(w, r); secret != "" {
		if f, err := s.agenda.FeedBySecret(r.Context(), secret); err == nil && f.DeskID == v.Desk.ID {
			v.Link = s.link(s.lang(r).Path("/calendario/" + secret + ".ics"))
		}
	}
	return s.staffRender(w, r, me, http.StatusOK, "staff/admin_feeds.html", v)
}

func (s *Server) adminFeedsPost(w http.ResponseWriter, r *http.Request, me *colleague) error {
	desk, _, err := s.adminDeskOf(r)
	if err != nil {
		return err
	}
	secret, err := s.agenda.AddFeed(r.Context(), desk.ID, me.Actor())
	if err != nil {
		return err
	}
	return s.passOn(w, r, feedsPath(desk.ID), secret)
}

func (s *Server) adminFeedRevoke(w http.ResponseWriter, r *http.Request, me *colleague) error {
	desk, _, err := s.adminDeskOf(r)
	if err != nil {
		return err
	}
	id, err := pathID(r, "feed")
	if err != nil {
		return err
	}
	if err := s.agenda.RevokeFeed(r.Context(), desk.ID, id, me.Actor()); err != nil {
		return err
	}
	s.tell(r.Context(), "success", "admin.feeds.revoked")
	http.Redirect(w, r, s.lang(r).Path(feedsPath(desk.ID)), http.StatusSeeOther)
	return nil
}
