package console

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

const (
	clientID     = "console"
	clientSecret = "planted-oidc-secret-77d1"
	password     = "planted-password-3c9e"
)

// people may sign in, by their names; their groups say what they may do.
var people = users{"zhang": {"operators"}, "li": {"staff", "operators"}, "guest": {"staff"}}

type users map[string][]string

func (u users) ExampleClientID() string { return "none" }

func (u users) GetUserByID(id string) *storage.User {
	for name := range u {
		if id == "sub-"+name {
			return u.GetUserByUsername(name)
		}
	}
	return nil
}

func (u users) GetUserByUsername(name string) *storage.User {
	if _, known := u[name]; !known {
		return nil
	}
	return &storage.User{ID: "sub-" + name, Username: name, Password: password}
}

// withGroups is a storage that tells the groups of people to those who ask for the profile.
type withGroups struct{ *storage.Storage }

func (s withGroups) SetUserinfoFromToken(ctx context.Context, info *oidc.UserInfo, tokenID, subject, origin string) error {
	if err := s.Storage.SetUserinfoFromToken(ctx, info, tokenID, subject, origin); err != nil {
		return err
	}
	if user := people.GetUserByID(subject); user != nil {
		info.AppendClaims("groups", people[user.Username])
	}
	return nil
}

// provide starts an OpenID provider for a console at an address.
func provide(t *testing.T, console string) (issuer string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	issuer = fmt.Sprintf("http://%s/", listener.Addr())
	storage.RegisterClients(storage.WebClient(clientID, clientSecret, console+"/signed-in"))
	router := exampleop.SetupServer(issuer, withGroups{storage.NewStorage(people)}, slog.New(slog.DiscardHandler), false,
		op.WithAllowInsecure())
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: router}}
	server.Start()
	t.Cleanup(server.Close)
	return issuer
}
