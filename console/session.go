package main

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/dpaflow/dpaflow/internal/keys"
)

// sessionLasts is how long somebody stays signed in: a shift. Groups are read at the sign-in.
const sessionLasts = 8 * time.Hour

// session is who has signed in. It is kept in a cookie alone, so that every copy of the console knows it.
type session struct {
	Subject string    `json:"sub"`
	Name    string    `json:"name"` // preferred_username, which approvers are compared with
	MayAct  bool      `json:"act"`
	Until   time.Time `json:"until"`
}

// cookies keeps values in cookies that only the console can read and write.
type cookies struct {
	ring   keys.Ring
	secure bool
}

var errCookie = errors.New("the cookie is not one of this console's, or has been changed")

// name binds a cookie to this host where browsers can do that.
func (c cookies) name(purpose string) string {
	if c.secure {
		return "__Host-dpa-" + purpose
	}
	return "dpa-" + purpose
}

func (c cookies) set(w http.ResponseWriter, purpose string, value any, lasts time.Duration) error {
	sealed, err := seal(c.ring, purpose, value)
	if err != nil {
		return err
	}
	c.write(w, purpose, sealed, int(lasts.Seconds()))
	return nil
}

func (c cookies) drop(w http.ResponseWriter, purpose string) { c.write(w, purpose, "", -1) }

func (c cookies) write(w http.ResponseWriter, purpose, value string, age int) {
	http.SetCookie(w, &http.Cookie{
		Name: c.name(purpose), Value: value, Path: "/", MaxAge: age,
		HttpOnly: true, Secure: c.secure, SameSite: http.SameSiteLaxMode, // Strict would not come back from the provider
	})
}

func (c cookies) get(r *http.Request, purpose string, into any) error {
	cookie, err := r.Cookie(c.name(purpose))
	if err != nil {
		return err
	}
	return open(c.ring, purpose, cookie.Value, into)
}

// seal encrypts a value for one purpose by the first key.
func seal(ring keys.Ring, purpose string, value any) (string, error) {
	plain, err := json.Marshal(value)
	if err != nil {
		return "", err
	}
	for id, secret := range ring.All() {
		gcm, err := cipherOf(secret)
		if err != nil {
			return "", err
		}
		return id + "." + base64.RawURLEncoding.EncodeToString(gcm.Seal(nil, nil, plain, []byte(purpose))), nil
	}
	return "", errors.New("there are no keys for cookies; check DPA_CONSOLE_KEYS")
}

func open(ring keys.Ring, purpose, sealed string, into any) error {
	id, text, _ := strings.Cut(sealed, ".")
	data, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return errCookie
	}
	for known, secret := range ring.All() {
		if known != id {
			continue
		}
		gcm, err := cipherOf(secret)
		if err != nil {
			return err
		}
		plain, err := gcm.Open(nil, nil, data, []byte(purpose))
		if err != nil {
			return errCookie
		}
		return json.Unmarshal(plain, into)
	}
	return errCookie
}

func cipherOf(secret []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// randomRing makes keys for a console that nobody signs in to.
func randomRing() (keys.Ring, error) {
	secret := make([]byte, keys.Size)
	_, _ = rand.Read(secret)
	return keys.Parse("once:" + base64.StdEncoding.EncodeToString(secret))
}
