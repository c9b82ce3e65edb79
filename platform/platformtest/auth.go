package platformtest

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"strings"
	"sync"
	"time"
)

// tokens issues authorization codes and access tokens, and knows which of them count.
type tokens struct {
	clientID string
	life     time.Duration
	key      []byte

	mu           sync.Mutex
	clientSecret string
	codes        map[string]bool
	valid        map[string]time.Time // until when
	issued       int
}

func newTokens(clientID, clientSecret string, life time.Duration) *tokens {
	return &tokens{
		clientID: clientID, clientSecret: clientSecret, life: life, key: []byte(rand.Text()),
		codes: map[string]bool{}, valid: map[string]time.Time{},
	}
}

// authorize is P1.1 and W1.1.
func (s *Simulator) authorize(c *call) (any, error) {
	if err := query(c.query, "client_id", "response_type", "scope"); err != nil {
		return nil, err
	}
	if c.query.Get("response_type") != "code" {
		return nil, refuse(400, "response_type is not code")
	}
	if scope := c.query.Get("scope"); scope != "all" && scope != "default" {
		return nil, refuse(400, "scope is neither all nor default")
	}
	if !equal(c.query.Get("client_id"), s.tokens.clientID) {
		return nil, refuse(403, "client_id is unknown")
	}
	return map[string]string{"code": s.tokens.newCode()}, nil
}

// token is P1.2 and W1.2.
func (s *Simulator) token(c *call) (any, error) {
	in := parseObject("the body", c.body)
	code, id, secret := in.text("code"), in.text("client_id"), in.text("client_secret")
	if grant := in.text("grant_type"); grant != "authorization_code" {
		in.fault(`field "grant_type" is not authorization_code`)
	}
	in.optional("user_id")
	if err := in.end(); err != nil {
		return nil, err
	}
	if !equal(id, s.tokens.clientID) || !equal(secret, s.tokens.secret()) {
		return nil, refuse(403, "client_id and client_secret do not match")
	}
	token, ok := s.tokens.redeem(code)
	if !ok {
		return nil, refuse(403, "the code is unknown or used")
	}
	// The trailing space is the platform's.
	return map[string]string{"token_type": "Bearer ", "access_token": token}, nil
}

func (t *tokens) secret() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.clientSecret
}

func (t *tokens) newCode() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	code := rand.Text()
	t.codes[code] = true
	return code
}

// redeem turns a code into a token, once.
func (t *tokens) redeem(code string) (token string, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.codes[code] {
		return "", false
	}
	delete(t.codes, code)
	now := time.Now()
	token = t.sign(now)
	t.valid[token] = now.Add(t.life)
	t.issued++
	return token, true
}

// sign makes a JWT with the claims of the documents' sample.
func (t *tokens) sign(now time.Time) string {
	claims, _ := json.Marshal(map[string]any{
		"aud": "dpa", "iss": "dpa", "sub": 50804516795146, "scope": "default", "jti": rand.Text(),
		"orig_iat": now.Unix(), "exp": now.Add(t.life).Unix(),
	})
	encode := base64.RawURLEncoding.EncodeToString
	signed := encode([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + encode(claims)
	mac := hmac.New(sha256.New, t.key)
	mac.Write([]byte(signed))
	return signed + "." + encode(mac.Sum(nil))
}

// accepts tells whether an Authorization header carries a token that counts.
func (t *tokens) accepts(header string) bool {
	token, ok := strings.CutPrefix(header, "Bearer ")
	t.mu.Lock()
	defer t.mu.Unlock()
	return ok && time.Now().Before(t.valid[token])
}

// ChangeClientSecret makes the application's secret another one from now on. Tokens that were issued
// for the old one count as before; RevokeTokens ends them.
func (s *Simulator) ChangeClientSecret(secret string) {
	s.tokens.mu.Lock()
	defer s.tokens.mu.Unlock()
	s.tokens.clientSecret = secret
}

// RevokeTokens makes every token issued so far worthless, whatever its exp says.
func (s *Simulator) RevokeTokens() {
	s.tokens.mu.Lock()
	defer s.tokens.mu.Unlock()
	clear(s.tokens.valid)
}

// Tokens tells how many access tokens were issued.
func (s *Simulator) Tokens() int {
	s.tokens.mu.Lock()
	defer s.tokens.mu.Unlock()
	return s.tokens.issued
}

func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
