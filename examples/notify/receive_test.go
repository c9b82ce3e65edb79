package main

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/http/httptest"
	netmail "net/mail"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"github.com/dpaflow/dpaflow/notify"
)

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

func asks(id string) notify.Event {
	at := time.Date(2026, 11, 25, 2, 0, 0, 0, time.UTC)
	return notify.Event{ID: id, Type: notify.TypeWaits, Subject: "dr-1", Time: at, Data: notify.Data{
		Run: &notify.Run{WorkflowID: "dr-1", What: "核心系统切换"}, Command: "starter approve dr-1 confirm --by NAME",
		Waits: &notify.Waits{Kind: "approval", Step: "confirm", Reason: "切换到上海？ <here> [x](y)", Who: []string{"zhang", "li"}, Have: 1, Need: 2},
		Links: &notify.Links{Console: "https://console.example/run?id=dr-1"},
	}}
}

// send sends an event as dpaflow does, and returns the status of the answer.
func send(t *testing.T, to http.Handler, event any, key string) int {
	t.Helper()
	body, err := json.Marshal(event)
	require.NoError(t, err)
	hook, err := standardwebhooks.NewWebhook(key)
	require.NoError(t, err)
	now := time.Now()
	signature, err := hook.Sign("id", now, body)
	require.NoError(t, err)
	request := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
	request.Header.Set("webhook-id", "id")
	request.Header.Set("webhook-timestamp", strconv.FormatInt(now.Unix(), 10))
	request.Header.Set("webhook-signature", signature)
	answer := httptest.NewRecorder()
	to.ServeHTTP(answer, request)
	return answer.Code
}

func TestOnlyWhatIsSignedIsPassedOnAndOnlyOnce(t *testing.T) {
	t.Parallel()
	var printed strings.Builder
	r, err := newReceiver(secret, &printed)
	require.NoError(t, err)
	require.Equal(t, http.StatusUnauthorized, send(t, r, asks("1"), "whsec_"+base64.StdEncoding.EncodeToString([]byte("another secret"))))
	require.Equal(t, http.StatusBadRequest, send(t, r, "no event", secret))
	require.Empty(t, printed.String())
	for range 2 {
		require.Equal(t, http.StatusNoContent, send(t, r, asks("1"), secret))
	}
	require.Equal(t, 1, strings.Count(printed.String(), "dr-1 (核心系统切换) waits: approval confirm\n  切换到上海？"))
	require.Contains(t, printed.String(), "Who may answer: zhang, li (1 of 2 have)")
	require.Contains(t, printed.String(), "$ starter approve dr-1 confirm --by NAME\n  Console: https://console.example/run?id=dr-1")
	_, err = newReceiver("", &printed)
	require.Error(t, err)
}

func TestEveryTypeOfEventHasWords(t *testing.T) {
	t.Parallel()
	for want, e := range map[string]notify.Event{
		"dr-1 waits: overdue":                          {Subject: "dr-1", Type: notify.TypeOverdue, Data: notify.Data{Waits: &notify.Waits{Kind: "overdue"}}},
		"dr-1 ended FAILED":                            {Subject: "dr-1", Type: notify.TypeFailed, Data: notify.Data{Ended: &notify.Ended{Status: "FAILED"}}},
		"dr-1 ended FAILED, and was rolled back":       {Subject: "dr-1", Type: notify.TypeRolledBack, Data: notify.Data{Ended: &notify.Ended{Status: "FAILED"}}},
		"schedule nightly did not start 2 of its runs": {Subject: "nightly", Type: notify.TypeMissed, Data: notify.Data{Schedule: &notify.Schedule{ID: "nightly", Missed: 2}}},
		"dr-1: run.other":                              {Subject: "dr-1", Type: notify.TypePrefix + "run.other"},
	} {
		require.Equal(t, want, newMessage(e).title)
	}
}

// fake is a service that people read; it answers what it is set to, and keeps what it got.
type fake struct {
	*httptest.Server
	answer atomic.Value
	got    chan *http.Request
	bodies chan string
}

func newFake(t *testing.T) *fake {
	f := &fake{got: make(chan *http.Request, 9), bodies: make(chan string, 9)}
	f.answer.Store(`{"errcode":0,"errmsg":"ok"}`)
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		f.got <- r
		f.bodies <- string(body)
		_, _ = io.WriteString(w, f.answer.Load().(string))
	}))
	t.Cleanup(f.Close)
	return f
}

func TestRobotsAndSlackGetWhatTheyTakeAndAreSentAgainWhatTheyRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		variable string
		want     []string
		refuses  bool // with 200
	}{
		"Slack":    {"SLACK_URL", []string{`"text":"dr-1 (核心系统切换) waits: approval confirm`, `\u0026lt;here\u0026gt;`}, false},
		"DingTalk": {"DINGTALK_URL", []string{`"msgtype":"markdown"`, `"title":"dr-1 (核心系统切换) waits: approval confirm"`, `\\[x\\](y)`, `[Console](https://console.example/run?id=dr-1)`}, true},
		"WeCom":    {"WECOM_URL", []string{`"msgtype":"markdown"`, `"content":"**dr-1`, `\u0026lt;here\u0026gt;`}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			env := map[string]string{c.variable: f.URL + "/robot/send?access_token=planted"}
			var printed strings.Builder
			r, err := newReceiver(secret, &printed, sinks(func(name string) string { return env[name] })...)
			require.NoError(t, err)
			if c.refuses {
				f.answer.Store(`{"errcode":310000,"errmsg":"keywords not in content"}`)
				require.Equal(t, http.StatusBadGateway, send(t, r, asks("1"), secret))
				require.Contains(t, printed.String(), "310000 keywords not in content")
				<-f.bodies
				f.answer.Store(`{"errcode":0,"errmsg":"ok"}`)
			}
			require.Equal(t, http.StatusNoContent, send(t, r, asks("1"), secret))
			body := <-f.bodies
			for _, part := range c.want {
				require.Contains(t, body, part)
			}
			require.Equal(t, http.StatusNoContent, send(t, r, asks("1"), secret))
			require.Empty(t, f.bodies, "it has that")
			f.Close()
			require.Equal(t, http.StatusBadGateway, send(t, r, asks("2"), secret))
			require.NotContains(t, printed.String(), "planted")
		})
	}
}

func TestDingTalkGetsTheSignatureThatItsRobotMayAskFor(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	require.NoError(t, dingtalk(f.URL+"/robot/send?access_token=t", "SECplanted")(newMessage(asks("1"))))
	query := (<-f.got).URL.Query()
	mac := hmac.New(sha256.New, []byte("SECplanted"))
	mac.Write([]byte(query.Get("timestamp") + "\nSECplanted"))
	require.Equal(t, base64.StdEncoding.EncodeToString(mac.Sum(nil)), query.Get("sign"))
	milliseconds, err := strconv.ParseInt(query.Get("timestamp"), 10, 64)
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), time.UnixMilli(milliseconds), time.Hour)
	require.Equal(t, "t", query.Get("access_token"))
}

func TestAWeComMessageFits(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	e := asks("1")
	e.Data.Waits.Reason = strings.Repeat("长", 4000)
	require.NoError(t, wecom(f.URL)(newMessage(e)))
	var body struct{ Markdown struct{ Content string } }
	require.NoError(t, json.Unmarshal([]byte(<-f.bodies), &body))
	require.LessOrEqual(t, len(body.Markdown.Content), 4096)
}

func TestMailIsSentThroughAServer(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	mailed := make(chan string, 1)
	go serveMail(listener, mailed)
	env := map[string]string{"MAIL_SERVER": listener.Addr().String(), "MAIL_FROM": "dpaflow@example.com", "MAIL_TO": "zhang@example.com li@example.com"}
	r, err := newReceiver(secret, io.Discard, sinks(func(name string) string { return env[name] })...)
	require.NoError(t, err)
	e := asks("1")
	e.Data.Waits.Step = "confirm\r\nBcc: planted@example.com"
	require.Equal(t, http.StatusNoContent, send(t, r, e, secret))
	message, err := netmail.ReadMessage(strings.NewReader(<-mailed))
	require.NoError(t, err)
	subject, err := new(mime.WordDecoder).DecodeHeader(message.Header.Get("Subject"))
	require.NoError(t, err)
	require.Contains(t, subject, "dr-1 (核心系统切换) waits: approval")
	require.Empty(t, message.Header.Get("Bcc"))
	require.Equal(t, "zhang@example.com, li@example.com", message.Header.Get("To"))
	body, err := io.ReadAll(quotedprintable.NewReader(message.Body))
	require.NoError(t, err)
	require.Contains(t, string(body), "切换到上海？")
}

// serveMail takes one mail.
func serveMail(listener net.Listener, mailed chan<- string) {
	conn, err := listener.Accept()
	if err != nil {
		return
	}
	defer conn.Close()
	say := func(line string) { _, _ = io.WriteString(conn, line+"\r\n") }
	say("220 fake")
	var data strings.Builder
	inData := false
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		line := lines.Text()
		switch {
		case inData && line == ".":
			inData = false
			say("250 taken")
			mailed <- data.String()
		case inData:
			data.WriteString(strings.TrimPrefix(line, ".") + "\r\n")
		case line == "DATA":
			inData = true
			say("354 go on")
		case line == "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}
