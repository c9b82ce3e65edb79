package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net/http"
	"net/smtp"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// slack sends to an incoming webhook.
func slack(address string) func(message) error {
	escape := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace
	return func(m message) error {
		_, err := post(address, map[string]any{"text": escape(m.plain())})
		return err
	}
}

// dingtalk sends to a robot of a group. With a secret it signs as the robot's setting "additional signature" asks for.
func dingtalk(address, secret string) func(message) error {
	return func(m message) error {
		to := address
		if secret != "" {
			at := strconv.FormatInt(time.Now().UnixMilli(), 10)
			mac := hmac.New(sha256.New, []byte(secret))
			mac.Write([]byte(at + "\n" + secret))
			to += "&timestamp=" + at + "&sign=" + url.QueryEscape(base64.StdEncoding.EncodeToString(mac.Sum(nil)))
		}
		return robot(to, map[string]any{"msgtype": "markdown", "markdown": map[string]string{"title": m.title, "text": m.markdown()}})
	}
}

// wecom sends to a robot of a group, which takes 4096 bytes.
func wecom(address string) func(message) error {
	return func(m message) error {
		content := m.markdown()
		if len(content) > 4096 {
			content = strings.ToValidUTF8(content[:4090], "") + " …"
		}
		return robot(address, map[string]any{"msgtype": "markdown", "markdown": map[string]string{"content": content}})
	}
}

// robot sends to one that answers 200 whatever became of it.
func robot(address string, body any) error {
	answer, err := post(address, body)
	if err != nil {
		return err
	}
	var result struct {
		ErrCode int    `json:"errcode"`
		ErrMsg  string `json:"errmsg"`
	}
	if err := json.Unmarshal(answer, &result); err != nil || result.ErrCode != 0 {
		return fmt.Errorf("the robot answers %d %s", result.ErrCode, result.ErrMsg)
	}
	return nil
}

var web = http.Client{Timeout: 8 * time.Second} // dpaflow waits for ten

func post(address string, body any) ([]byte, error) {
	data, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	answer, err := web.Post(address, "application/json", bytes.NewReader(data))
	if err != nil {
		var withAddress *url.Error // which has the robot's token in it
		if errors.As(err, &withAddress) {
			err = withAddress.Err
		}
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it answers %s", answer.Status)
	}
	return io.ReadAll(io.LimitReader(answer.Body, 64<<10))
}

// mail sends through a server that takes mail from this machine; where it asks for a password, give smtp.SendMail an Auth.
func mail(server, from string, to []string) func(message) error {
	return func(m message) error {
		var text bytes.Buffer
		fmt.Fprintf(&text, "From: %s\r\nTo: %s\r\nSubject: %s\r\nDate: %s\r\n", from, strings.Join(to, ", "),
			mime.QEncoding.Encode("utf-8", m.title), time.Now().Format(time.RFC1123Z))
		text.WriteString("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n")
		body := quotedprintable.NewWriter(&text)
		if _, err := io.WriteString(body, m.plain()); err != nil {
			return err
		}
		if err := body.Close(); err != nil {
			return err
		}
		return smtp.SendMail(server, nil, from, to, text.Bytes())
	}
}
