// Command notify is a receiver of dpaflow's notifications: it verifies what it gets, prints it, and passes it on to
// Slack, a DingTalk robot, a WeCom robot or by mail, to those of them that its environment names.
package main

import (
	"cmp"
	"fmt"
	"log"
	"net/http"
	"os"
	"strings"
	"time"
)

func main() {
	handler, err := newReceiver(os.Getenv("NOTIFY_SECRET"), os.Stdout, sinks(os.Getenv)...)
	if err != nil {
		log.Fatal(fmt.Errorf("NOTIFY_SECRET must be the worker's DPA_NOTIFY_SECRET: %w", err))
	}
	server := &http.Server{
		Addr: cmp.Or(os.Getenv("NOTIFY_ADDR"), "127.0.0.1:8087"), Handler: handler,
		ReadTimeout: 10 * time.Second, WriteTimeout: time.Minute,
	}
	log.Fatal(server.ListenAndServe())
}

// sinks are those that an environment names.
func sinks(env func(string) string) (all []sink) {
	if url := env("SLACK_URL"); url != "" {
		all = append(all, sink{"Slack", slack(url)})
	}
	if url := env("DINGTALK_URL"); url != "" {
		all = append(all, sink{"DingTalk", dingtalk(url, env("DINGTALK_SECRET"))})
	}
	if url := env("WECOM_URL"); url != "" {
		all = append(all, sink{"WeCom", wecom(url)})
	}
	if server := env("MAIL_SERVER"); server != "" {
		all = append(all, sink{"mail", mail(server, env("MAIL_FROM"), strings.Fields(env("MAIL_TO")))})
	}
	return all
}
