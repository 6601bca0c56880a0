package main

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestSettingsHaveDefaults(t *testing.T) {
	t.Parallel()
	s, err := loadSettings(map[string]string{})
	if err != nil {
		t.Fatal(err)
	}
	if s.MediaPort != 7882 || s.RoomLimit != 6 || s.FileLimit != 100<<20 || s.Hold != 10*time.Minute || s.JoinAfter != 15*time.Minute {
		t.Errorf("defaults: %+v", s)
	}
}

func TestWrongSettingsAreNamed(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{
		"SPORTELLO_ADDR":           "localhost",
		"SPORTELLO_PRIVATE_ADDR":   "9464",
		"SPORTELLO_PUBLIC_URL":     "sportello.example.org",
		"SPORTELLO_SECRET":         "short",
		"SPORTELLO_TLS":            "yes",
		"SPORTELLO_MEDIA_PORT":     "70000",
		"SPORTELLO_MEDIA_TCP_PORT": "none",
		"SPORTELLO_VIDEO_CODECS":   "vp8,theora",
		"SPORTELLO_ROOM_LIMIT":     "1",
		"SPORTELLO_FILE_LIMIT":     "0",
		"SPORTELLO_JOIN_BEFORE":    "-10m",
		"SPORTELLO_JOIN_AFTER":     "0s",
		"SPORTELLO_HOLD":           "0s",
		"SPORTELLO_START_WAIT":     "-1s",
		"SPORTELLO_LOG":            "xml",

		"SPORTELLO_SMTP_URL":      "mail.example:25",
		"SPORTELLO_SMS_URL":       "gateway",
		"SPORTELLO_REMINDER_HOUR": "24",
	} {
		_, err := loadSettings(map[string]string{name: value})
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s=%s: %v does not name it", name, value, err)
		}
		if err != nil && name == "SPORTELLO_SECRET" && strings.Contains(err.Error(), value) {
			t.Errorf("the error shows the secret: %v", err)
		}
	}
	for _, v := range []map[string]string{
		{"SPORTELLO_MEDIA_ADDRESSES": "here"},
		{"SPORTELLO_HOLD": "ten minutes"},
		{"SPORTELLO_FILE_LIMIT": "100MB"},
	} {
		if _, err := loadSettings(v); err == nil {
			t.Errorf("%v was taken", v)
		}
	}
}

func TestServeSaysWhatItLacks(t *testing.T) {
	t.Parallel()
	err := dispatch(t.Context(), &environment{vars: map[string]string{}, errOut: t.Output()}, []string{"serve"})
	if err == nil {
		t.Fatal("served without settings")
	}
	for _, name := range []string{"DATABASE_URL", "REDIS_URL", "SPORTELLO_PUBLIC_URL", "SPORTELLO_SECRET"} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%q does not name %s", err, name)
		}
	}
}

func TestEverySettingIsDocumented(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := documentSettings(&b); err != nil {
		t.Fatal(err)
	}
	for field := range reflect.TypeFor[settings]().Fields() {
		if !field.IsExported() { // not read from the environment
			continue
		}
		name, help := field.Tag.Get("env"), field.Tag.Get("help")
		if name == "" || help == "" || !strings.Contains(b.String(), name) || !strings.Contains(b.String(), help) {
			t.Errorf("%s is not documented", field.Name)
		}
	}
}

func TestKeysDifferByPurposeAndSecret(t *testing.T) {
	t.Parallel()
	a, b := settings{Secret: "a"}, settings{Secret: "b"}
	if bytes.Equal(a.key("codes"), a.key("cookies")) || bytes.Equal(a.key("codes"), b.key("codes")) {
		t.Error("two keys are one")
	}
	if !bytes.Equal(a.key("codes"), a.key("codes")) {
		t.Error("a key does not stay the same")
	}
}

func TestPrivatePortAloneMeansLoopback(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		":9464": "127.0.0.1:9464", "localhost:1": "localhost:1", "[::1]:1": "[::1]:1", "0.0.0.0:1": "0.0.0.0:1", "9464": "", "10.0.0.1:": "",
	} {
		got, err := privateAddr(given)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v", given, got, err)
		}
	}
}

// Media over TCP has the number of the media port, unless another is set.
func TestMediaTCPPort(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]int{"": 7000, "off": -1, "0": 0, "443": 443} {
		s, err := loadSettings(map[string]string{"SPORTELLO_MEDIA_PORT": "7000", "SPORTELLO_MEDIA_TCP_PORT": value})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := s.mediaTCPPort(); got != want || err != nil {
			t.Errorf("%q gives %d, %v", value, got, err)
		}
	}
}
